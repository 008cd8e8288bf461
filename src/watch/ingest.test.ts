// Two mailboxes of one account that are caught up at the same time.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { memoryBus } from '../cluster/memory.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { JobQueue } from '../jobs/queue.ts';
import { systemClock } from '../kernel/clock.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Decider } from './arrival.ts';
import type { Checkpoint } from './checkpoints.ts';
import { Ingest, type IngestParts } from './ingest.ts';

const account = {
  id: 'acc_1',
  settings: { address: 'sales@company.example', watch: { mailboxes: ['INBOX', 'Support'] } },
} as Account;

const at = (mailbox: string): Checkpoint => ({
  accountId: account.id,
  mailbox,
  uidValidity: '1',
  lastUid: 0,
  attachedAt: 0,
  renumberedTo: 0,
});

const mail = (headers: string[]): FetchedMessage => ({
  uid: 1,
  flags: [],
  internalDate: Date.now(),
  size: 100,
  headers: Buffer.from(
    [...headers, 'From: ann@customers.example', 'Subject: A question', '', ''].join('\r\n'),
  ),
  bodyStructure: undefined,
});

interface Taking {
  ingest: Ingest;
  store: Store;
  /** Whether each mail was a reply, in the order in which they were recorded. */
  replies: boolean[];
}

async function taking(work: (parts: Taking) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-ingest-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  try {
    const replies: boolean[] = [];
    const decider: Decider = {
      decide: ({ isReply }) => ({ wantsText: false, isReply }) as { wantsText: boolean },
      record: async (_tx, _arrival, decision) => {
        replies.push((decision as unknown as { isReply: boolean }).isReply);
      },
    };
    const parts: IngestParts = {
      store,
      jobs: new JobQueue(store, systemClock),
      clock: systemClock,
      bus: memoryBus(systemClock),
      log: {} as IngestParts['log'],
      decider,
    };
    const ingest = new Ingest(parts);
    await work({ ingest, store, replies });
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

it('a question and its reply that are taken in at once from two mailboxes are one thread', () =>
  taking(async ({ ingest, store, replies }) => {
    // Both look their threads up before either writes.
    await Promise.all([
      ingest.take(account, at('INBOX'), [mail(['Message-ID: <question@x>'])], 1, null),
      ingest.take(
        account,
        at('Support'),
        [mail(['Message-ID: <reply@x>', 'In-Reply-To: <question@x>'])],
        1,
        null,
      ),
    ]);
    const rows = await store.db.selectFrom('messages').select(['message_id', 'thread_id']).execute();
    assert.equal(rows.length, 2);
    assert.equal(rows[0]?.thread_id, rows[1]?.thread_id);
    assert.deepEqual(replies, [false, true], 'the second of them is a reply, for rules that ask');
  }));

it('what only the provider, or only Outlook, tells to belong together is one thread', () =>
  taking(async ({ ingest, store, replies }) => {
    const index = (answers: number): string =>
      `Thread-Index: ${Buffer.concat([Buffer.alloc(22, 7), Buffer.alloc(answers * 5)]).toString('base64')}`;
    const batch = [
      { ...mail(['Message-ID: <1@x>']), threadId: '77' },
      { ...mail(['Message-ID: <2@x>']), threadId: '77' },
      { ...mail(['Message-ID: <3@x>']), threadId: '78' },
      mail(['Message-ID: <4@x>', index(0)]),
      mail(['Message-ID: <5@x>', index(1)]),
      mail(['Message-ID: <6@x>', 'In-Reply-To: <3@x>', index(2)]),
    ];
    const numbered = batch.map((one, at) => ({ ...one, uid: at + 1 }));
    await ingest.take(account, at('INBOX'), numbered.slice(0, 4), 4, null);
    await ingest.take(account, at('INBOX'), numbered.slice(4), 6, null);
    const rows = await store.db.selectFrom('messages').select('thread_id').orderBy('message_id').execute();
    const [one, two, three, four, five, six] = rows.map((row) => row.thread_id);
    assert.deepEqual([two, five, six], [one, four, three], 'a Message-ID comes before the others');
    assert.equal(new Set([one, three, four]).size, 3);
    assert.deepEqual(replies, [false, true, false, false, true, true]);
  }));

it('a mail that was made to have the fingerprint of another is no place of it: in one batch, later, and beside it', () =>
  taking(async ({ ingest, store }) => {
    const by = (id: string, uid: number): FetchedMessage => ({
      ...mail([`Received: by mx.company.example id ${id}`, 'Message-ID: <same@x>']),
      uid,
    });
    await ingest.take(account, at('INBOX'), [by('a', 1), by('b', 2), by('a', 3)], 3, null);
    await ingest.take(account, at('INBOX'), [by('b', 4), by('c', 5)], 5, null);
    const places = async () =>
      (await store.db.selectFrom('locations').select(['message_id', 'uid']).orderBy('uid').execute()).map(
        ({ message_id }) => message_id,
      );
    const [a, b, again, bAgain, c] = await places();
    assert.deepEqual([again, bAgain, new Set([a, b, c]).size], [a, b, 3]);
    const twins = ['d', 'e'].map((id, n) => ({
      ...by(id, 6),
      headers: Buffer.from(`Received: ${id}\r\nMessage-ID: <t@x>\r\n\r\n`),
      n,
    }));
    await Promise.all(
      ['INBOX', 'Support'].map((mailbox, n) =>
        ingest.take(account, at(mailbox), [twins[n] as FetchedMessage], 6, null),
      ),
    );
    const rows = await store.db
      .selectFrom('messages')
      .select('id')
      .where('message_id', '=', '<t@x>')
      .execute();
    const jobs = await store.db.selectFrom('jobs').selectAll().where('kind', '=', 'message.ingest').execute();
    assert.equal(rows.length + jobs.length, 2, 'the one that was slower is taken once more, as another mail');
  }));
