// The same bytes with several mails: each sink and each account hears of the mails that are its own, and of no other.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startReceiver } from '../delivery/receiver.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { type KnowledgeHouse, openKnowledgeHouse } from './house.ts';
import { mailWith, textFile } from './mails.ts';

describe('the mails of a document', { skip: requireService('dovecot'), concurrency: 4 }, () => {
  let dovecot: Dovecot;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  /** A mailbox and a ledger of the test's own. */
  const open = async (rules: string): Promise<KnowledgeHouse> => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    return openKnowledgeHouse(dovecot, { rules, user });
  };
  const text = 'The list of prices';
  const files = [textFile('prices.txt', text)];

  it('that no rule sends to a sink are not told to it, though it gets the same bytes', async () => {
    await using receiver = await startReceiver();
    await using house = await open('rules: []');
    const folder = join(house.folder, 'archive');
    house.rules(`
knowledge:
  kb: { http: { url: "${receiver.url}", allow_private: true, body: { subject: "{{subject}}" } } }
  archive: { folder: "${folder}" }
rules:
  - { name: inside, when: { subject: Dismissals }, then: [ingest] }
  - { name: outside, when: { subject: Offer }, then: [{ ingest: { to: [kb, archive] } }] }`);
    await house.arrive(mailWith('inside', files, { subject: 'Dismissals' }));
    await house.settled(1);
    await house.arrive(mailWith('outside', files, { subject: 'Offer' }));
    await house.settled(2);
    const { body } = await receiver.request(1);
    assert.deepEqual(JSON.parse(body.toString()), { subject: 'Offer' });
    const hash = createHash('sha256').update(text).digest('hex');
    const about = await readFile(join(folder, hash.slice(0, 2), `${hash}.json`), 'utf8');
    const { documents } = JSON.parse(about) as { documents: { subject: string }[] };
    assert.deepEqual(
      documents.map(({ subject }) => subject),
      ['Offer'],
    );
  });

  it('of another account cannot be guessed at by searching for their words', async () => {
    await using house = await open('rules: [{ name: all, then: [ingest] }]');
    await house.arrive(mailWith('first', files, { subject: 'Dismissals' }));
    await house.settled(1);
    const { db } = house.store;
    const message = await db.selectFrom('messages').selectAll().executeTakeFirstOrThrow();
    const document = await db.selectFrom('knowledge_documents').selectAll().executeTakeFirstOrThrow();
    const other = { account_id: 'acc_other', message_id: 'msg_other', id: 'doc_other' };
    await house.store.write(async (tx) => {
      const { account_id, message_id: id } = other;
      await tx
        .insertInto('messages')
        .values({ ...message, id, account_id, subject: 'Offer' })
        .execute();
      await tx
        .insertInto('knowledge_documents')
        .values({ ...document, ...other })
        .execute();
    });
    const found = async (account: string, query: string): Promise<number> =>
      (await house.knowledge.search({ query, account, limit: 5 })).data.length;
    assert.equal((await house.knowledge.search({ query: 'Dismissals', limit: 5 })).data.length, 1);
    assert.equal(await found('acc_other', 'list'), 1);
    assert.equal(await found('acc_other', 'Dismissals'), 0);
    assert.equal(await found('acc_other', 'Dismissals list'), 1, 'by some of the words');
    const both = await house.knowledge.search({ query: 'Dismissals list', account: 'acc_other', limit: 5 });
    assert.equal(both.matched, 'some');
    await house.knowledge.remove(document.id);
    await house.until(async () => (await found('acc_other', 'list')) === 1);
    assert.equal(await found('acc_other', 'Dismissals'), 0);
    assert.equal(await found('acc_other', 'Offer'), 1);
  });
});
