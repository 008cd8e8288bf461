// What becomes of a document when a step of its way fails, or when it is removed in the middle of one.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import type { Extract, Extracted } from '../../src/knowledge/extract/contract.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { type KnowledgeHouse, openKnowledgeHouse } from './house.ts';
import { mailWith, textFile } from './mails.ts';

const HOUR = 3_600_000;
const RULES = 'rules: [{ name: all mail, then: [ingest] }]';
const READ: Extracted = {
  type: 'text/plain',
  chunks: [{ text: 'the words', source: {} }],
  notes: ['A note.'],
};

describe('a document', { skip: requireService('dovecot'), concurrency: 4 }, () => {
  let dovecot: Dovecot;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  /** A mailbox and a ledger of the test's own. */
  const open = async (rules: string, extract?: Extract): Promise<KnowledgeHouse & { user: string }> => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    return Object.assign(await openKnowledgeHouse(dovecot, { rules, user, ...(extract && { extract }) }), {
      user,
    });
  };
  const rowsOf = <T extends 'knowledge_chunks' | 'knowledge_placements' | 'objects'>(
    house: KnowledgeHouse,
    table: T,
  ) =>
    house.store.db
      .selectFrom(table as 'knowledge_chunks')
      .selectAll()
      .execute();

  it('whose reader fails for want of something is tried again, and read as if nothing had been', async () => {
    let attempts = 0;
    await using house = await open(RULES, async () => {
      if (++attempts === 1)
        throw new PosternError('extractor_failed', 'The process could not be started.', { retry: 'later' });
      return READ;
    });
    await house.arrive(mailWith('again', [textFile('a.txt', 'words')]));
    const waiting = await house.until(async () => {
      const [document] = await house.knowledge.list({ limit: 1 });
      return document?.code === 'extractor_failed' && document;
    });
    assert.deepEqual([waiting.state, waiting.error], ['queued', 'The process could not be started.']);
    house.advance(HOUR);
    const [document] = await house.settled(1);
    assert.deepEqual(
      [document?.state, document?.code, document?.content?.notes],
      ['ready', null, ['A note.']],
    );
    assert.equal((await rowsOf(house, 'knowledge_chunks')).length, 1);
  });

  it('whose reader fails for good, and not for the document’s sake, is a dead letter that can be revived', async () => {
    let isBroken = true;
    await using house = await open(RULES, async () => {
      if (isBroken) throw new PosternError('extractor_missing', 'There is no reader.');
      return READ;
    });
    await house.arrive(mailWith('dead', [textFile('a.txt', 'words')]));
    const failed = await house.until(async () => {
      const [document] = await house.knowledge.list({ limit: 1 });
      return document?.state === 'failed' && (await house.jobs.deadLetters(10)).length === 1 && document;
    });
    assert.deepEqual([failed.code, failed.error], ['extractor_missing', 'There is no reader.']);
    const [letter] = await house.jobs.deadLetters(10);
    assert.equal(letter?.kind, 'knowledge.read');
    isBroken = false;
    await house.knowledge.retry(failed.id);
    const [document] = await house.settled(1);
    assert.deepEqual([document?.state, document?.code, document?.error], ['ready', null, null]);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
  });

  it('that is removed while it is read leaves nothing', async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using house = await open(RULES, async () => {
      begun.resolve();
      await go.promise;
      return READ;
    });
    await house.arrive(mailWith('removed', [textFile('a.txt', 'words')]));
    await begun.promise;
    const [document] = await house.knowledge.list({ limit: 1 });
    await house.knowledge.remove(document?.id ?? '');
    go.resolve();
    await house.arrive(mailWith('other', [textFile('b.txt', 'other words')])); // its events are what is waited for
    const [other] = await house.settled(1);
    for (const { content_id: id } of await rowsOf(house, 'knowledge_chunks'))
      assert.equal(id, other?.content?.id);
    assert.equal((await rowsOf(house, 'knowledge_placements')).length, 1);
    assert.equal((await rowsOf(house, 'objects')).length, 1);
    assert.deepEqual(
      (await house.knowledge.search({ query: 'words', limit: 10 })).data.map(({ filename }) => filename),
      ['b.txt'],
    );
    assert.deepEqual(await house.jobs.deadLetters(10), []);
  });

  it('of a mail that was deleted before it was fetched fails in words, and can be run again', async () => {
    await using house = await open('rules: []');
    await house.arrive(mailWith('gone', [textFile('a.txt', 'words')]));
    const message = await house.until(() =>
      house.store.db.selectFrom('messages').select('id').executeTakeFirst(),
    );
    const [mail] = await dovecot.list(house.user);
    await dovecot.expunge(house.user, mail?.uid ?? 0);
    const options = { attachments: true, message: true, to: ['local'], max_size: '1MB' };
    await house.store.write((tx) =>
      house.jobs.enqueue(tx, 'knowledge.take', { message_id: message.id, rule: 'by hand', options }),
    );
    const failed = await house.until(async () => {
      const list = await house.knowledge.list({ limit: 10 });
      const isOver = list.length === 2 && list.every(({ state }) => state === 'failed');
      if (!isOver) house.advance(HOUR);
      return isOver && list;
    });
    assert.deepEqual(
      failed.map(({ code, content }) => [code, content]),
      [
        ['message_gone', null],
        ['message_gone', null],
      ],
    );
    await house.until(async () => (await house.jobs.deadLetters(10)).length === 2);
    const again = await house.knowledge.retry(failed[0]?.id ?? '');
    assert.equal(again.state, 'queued');
  });

  it('of many pieces is in the index whole, and each piece once', async () => {
    const chunks = Array.from({ length: 333 }, (_, i) => ({
      text: `piece${i} ${'common words '.repeat(60)}`,
      source: { page: i + 1 },
    }));
    await using house = await open(RULES, async () => ({ type: 'application/pdf', chunks, notes: [] }));
    await house.arrive(mailWith('long', [textFile('long.pdf', 'words')], { subject: 'Yearbook' }));
    const [document] = await house.settled(1);
    assert.equal(document?.sinks[0]?.done, 333);
    for (const number of [0, 1, 199, 200, 332]) {
      const { data } = await house.knowledge.search({ query: `piece${number}`, limit: 10 });
      assert.deepEqual(
        data.map(({ number: found, source }) => [found, source.page]),
        [[number, number + 1]],
      );
    }
    const { data } = await house.knowledge.search({ query: 'common words', limit: 10 });
    assert.equal(data.length, 3, 'a long document leaves room for others');
    assert.equal((await house.knowledge.search({ query: 'yearbook', limit: 1 })).data.length, 1);
    const text = await house.knowledge.text(document?.id ?? '', { from: 330, limit: 10 });
    assert.deepEqual([text.data.map(({ number }) => number), text.chunks], [[330, 331, 332], 333]);
    await assert.rejects(
      house.knowledge.text(document?.id ?? '', { account: 'acc_other', from: 0, limit: 1 }),
      {
        code: 'not_found',
      },
    );
  });
});
