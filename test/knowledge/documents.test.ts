// Documents from a mailbox on Dovecot to the local index: found by their words, kept once, and clear in what they fail on.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { docx, wordText } from '../support/documents/office.ts';
import { encryptedPdf, loopingPdf } from '../support/documents/pdf.ts';
import { zip } from '../support/documents/zip-writer.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { type KnowledgeHouse, openKnowledgeHouse } from './house.ts';
import { mailWith, textFile } from './mails.ts';

const RULES = 'rules: [{ name: all mail, then: [{ ingest: { message: true } }] }]';
const FILES_ONLY = 'rules: [{ name: all mail, then: [ingest] }]';

describe('documents', { skip: requireService('dovecot'), concurrency: 4 }, () => {
  let dovecot: Dovecot;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  /** A mailbox and a ledger of the test's own. */
  const open = async (rules: string, options = {}): Promise<KnowledgeHouse> => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    return openKnowledgeHouse(dovecot, { rules, user, ...options });
  };
  const found = async (house: KnowledgeHouse, query: string): Promise<string[]> =>
    (await house.knowledge.search({ query, limit: 20 })).data.map(({ filename }) => filename);

  it('are found by their words, with the mail they came with, as is the mail itself', async () => {
    await using house = await open(RULES);
    const bytes = Buffer.from('Die Wärmepumpe für Herrn Müller, Angebot RE-2026-0815.');
    await house.arrive(
      mailWith(
        'first',
        [{ name: 'angebot.txt', type: 'text/plain', bytes }, textFile('報価.txt', '全文検索の見積書')],
        {
          subject: 'Ihre Anfrage',
          text: 'Besten Dank für die Kaffeemaschine.',
        },
      ),
    );
    const documents = await house.settled(3);
    assert.deepEqual(
      documents.map(({ part, filename, state, content }) => [
        part,
        filename,
        state,
        content?.kind,
        content?.type,
      ]),
      [
        [null, 'Ihre Anfrage.eml', 'ready', 'mail', 'message/rfc822'],
        ['2', 'angebot.txt', 'ready', 'file', 'text/plain'],
        ['3', '報価.txt', 'ready', 'file', 'text/plain'],
      ],
    );
    const [, offer] = documents;
    for (const name of ['md5', 'sha1', 'sha256'] as const)
      assert.equal(offer?.content?.[name], createHash(name).update(bytes).digest('hex'));
    assert.equal(offer?.content?.size, bytes.length);
    assert.deepEqual(await found(house, 'Mueller'), ['angebot.txt']);
    assert.deepEqual(await found(house, '見積書'), ['報価.txt']);
    assert.deepEqual(await found(house, 'Kaffeemaschine'), ['Ihre Anfrage.eml']);
    assert.deepEqual(await found(house, 'ann@prospect.example'), ['Ihre Anfrage.eml']);
    assert.deepEqual(await found(house, 'nowhere'), []);
    const answer = await house.knowledge.search({ query: 'warmepumpe', limit: 5 });
    const [passage] = answer.data;
    assert.equal(answer.matched, 'all');
    assert.equal(passage?.text, bytes.toString());
    const [mail] = passage?.documents ?? [];
    assert.deepEqual(
      [mail?.subject, mail?.from?.address, mail?.part],
      ['Ihre Anfrage', 'ann@prospect.example', '2'],
    );
    assert.equal((await house.knowledge.search({ query: 'Wärmepumpe Zeppelin', limit: 5 })).matched, 'some');
    const own = { query: 'Wärmepumpe', account: house.accountId, limit: 5 };
    assert.equal((await house.knowledge.search(own)).data.length, 1);
    assert.equal(mail?.trust, 'unverified');
    const elsewhere = { query: 'Wärmepumpe', account: 'acc_other', limit: 5 };
    assert.deepEqual((await house.knowledge.search(elsewhere)).data, []);
  });

  it('that are the same are one content with two mails, found until the last of them is removed', async () => {
    await using house = await open(FILES_ONLY);
    await house.arrive(mailWith('one', [textFile('terms.txt', 'General terms of delivery')]));
    await house.settled(1);
    await house.arrive(mailWith('two', [textFile('agb.txt', 'General terms of delivery')]));
    const [first, second] = await house.settled(2);
    assert.equal(first?.content?.id, second?.content?.id);
    assert.equal(first?.content?.documents, 2);
    const { data } = await house.knowledge.search({ query: 'terms', limit: 5 });
    assert.equal(data.length, 1);
    assert.deepEqual(
      data[0]?.documents.map(({ filename }) => filename),
      ['agb.txt', 'terms.txt'],
    );
    const count = async (table: 'objects' | 'knowledge_chunks' | 'knowledge_contents') =>
      (await house.store.db.selectFrom(table).selectAll().execute()).length;
    assert.deepEqual([await count('objects'), await count('knowledge_chunks')], [1, 1]);
    await house.knowledge.remove(second?.id ?? '');
    assert.deepEqual(await found(house, 'terms'), ['terms.txt']);
    await house.knowledge.remove(first?.id ?? '');
    assert.deepEqual(await found(house, 'terms'), []);
    for (const table of ['objects', 'knowledge_chunks', 'knowledge_contents'] as const)
      assert.equal(await count(table), 0, table);
    await assert.rejects(house.knowledge.remove(first?.id ?? ''), { code: 'not_found' });
    await house.arrive(mailWith('three', [textFile('again.txt', 'General terms of delivery')]));
    await house.settled(1);
    assert.deepEqual(await found(house, 'terms'), ['again.txt']);
  });

  it('of two rules go to the sinks of both, and are one', async () => {
    await using house = await open(`
knowledge: { archive: { folder: /nowhere/to/be/found } }
rules:
  - { name: one, then: [ingest] }
  - { name: two, then: [{ ingest: { to: [archive] } }] }`);
    await house.arrive(mailWith('both', [textFile('a.txt', 'words')]));
    const [document] = await house.until(async () => {
      const list = await house.knowledge.list({ limit: 10 });
      return list[0]?.sinks.length === 2 && list;
    });
    assert.deepEqual(document?.sinks.map(({ sink }) => sink).sort(), ['archive', 'local']);
  });

  it('of two rules are as large as either of them takes', async () => {
    await using house = await open(`
rules:
  - { name: small, then: [{ ingest: { max_size: 1kB } }] }
  - { name: large, then: [{ ingest: { max_size: 1MB } }] }`);
    await house.arrive(mailWith('large', [textFile('a.txt', 'words '.repeat(1000))]));
    await house.until(async () => {
      const [document] = await house.knowledge.list({ limit: 1 });
      return document?.state === 'ready';
    });
  });

  it('do not include the pictures inside of a text', async () => {
    await using house = await open(FILES_ONLY);
    const logo = {
      name: 'logo.png',
      type: 'image/png',
      bytes: Buffer.from('\x89PNG\r\n\x1a\n'),
      inline: true,
    };
    await house.arrive(mailWith('logo', [logo, textFile('a.txt', 'words')]));
    const documents = await house.settled(1);
    assert.deepEqual(
      documents.map(({ filename }) => filename),
      ['a.txt'],
    );
  });

  it('that are larger than the rule says fail in words, without a dead letter, and can be run again', async () => {
    await using house = await open('rules: [{ name: all, then: [{ ingest: { max_size: 1kB } }] }]');
    await house.arrive(
      mailWith('large', [textFile('large.txt', 'word '.repeat(1000)), textFile('a.txt', 'word')]),
    );
    const [large, small] = await house.settled(2);
    assert.deepEqual([large?.state, large?.code, small?.state], ['failed', 'document_too_large', 'ready']);
    assert.match(large?.error ?? '', /has \d+ octets; 1024 are taken/);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
    await house.knowledge.retry(large?.id ?? '');
    const [again] = await house.settled(2);
    assert.equal(again?.code, 'document_too_large');
    await assert.rejects(house.knowledge.retry(small?.id ?? ''), { code: 'document_not_failed' });
  });

  it('that are hostile fail in words, each for itself, and what comes behind them is found', async () => {
    await using house = await open(FILES_ONLY);
    const bomb = zip([{ name: 'zeros.txt', data: Buffer.alloc(60_000_000) }]);
    assert.ok(bomb.length < 200_000);
    await house.arrive(
      mailWith('hostile', [
        { name: 'locked.pdf', type: 'application/pdf', bytes: encryptedPdf('secret') },
        { name: 'loop.pdf', type: 'application/pdf', bytes: loopingPdf() },
        { name: 'bomb.zip', type: 'application/zip', bytes: bomb },
        { name: 'broken.docx', type: 'application/msword', bytes: docx(wordText('words')).subarray(0, 400) },
        textFile('after.txt', 'found all the same'),
      ]),
    );
    const documents = await house.settled(5);
    const codes = Object.fromEntries(documents.map(({ filename, state, code }) => [filename, code ?? state]));
    assert.equal(codes['locked.pdf'], 'document_encrypted');
    assert.equal(codes['bomb.zip'], 'archive_ratio');
    assert.equal(codes['after.txt'], 'ready');
    for (const name of ['loop.pdf', 'broken.docx'])
      assert.match(codes[name] ?? '', /^document_|^ready$/, name);
    for (const { error, state } of documents) if (state === 'failed') assert.ok(error, 'it says why');
    assert.deepEqual(await found(house, 'same'), ['after.txt']);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
  });

  it('of a type that nobody can read fail in words, and keep their bytes', async () => {
    await using house = await open(FILES_ONLY);
    const bytes = Buffer.from([0, 1, 2, 3, 254, 255, 0, 7]);
    await house.arrive(mailWith('binary', [{ name: 'a.bin', type: 'application/octet-stream', bytes }]));
    const [document] = await house.settled(1);
    assert.deepEqual([document?.state, document?.code], ['failed', 'document_type_unknown']);
    assert.equal(document?.content?.size, 8);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
  });
});
