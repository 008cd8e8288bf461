// Poison mail: one message that cannot be taken in is put aside, and the rest of its mailbox goes on.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { memoryBus } from '../cluster/memory.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { JobQueue } from '../jobs/queue.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Arrival, Decider } from './arrival.ts';
import { attach, type Checkpoint } from './checkpoints.ts';
import { Ingest } from './ingest.ts';

const account = {
  id: 'acc_1',
  settings: { address: 'sales@company.example', watch: { mailboxes: ['INBOX'] } },
} as Account;
const POISON = 3;

const mail = (uid: number): FetchedMessage => ({
  uid,
  flags: [],
  internalDate: Date.now(),
  size: 100,
  headers: Buffer.from(
    `Message-ID: <${uid}@x>\r\nFrom: ann@customers.example\r\nSubject: question ${uid}\r\n\r\n`,
  ),
  bodyStructure: undefined,
});
const isPoison = ({ metadata }: Arrival) => metadata.subject === `question ${POISON}`;
const calm: Decider = { decide: () => ({ wantsText: false }), record: async () => undefined };

describe('a batch in which one message fails', () => {
  let folder: string;
  let store: Store;
  let jobs: JobQueue;
  let checkpoint: Checkpoint;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-poison-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    jobs = new JobQueue(store, systemClock);
    const place = { accountId: account.id, mailbox: 'INBOX', from: null };
    const selected = { uidValidity: '1', uidNext: 1, toldUidNext: true, exists: 0 };
    checkpoint = (await attach(store, systemClock, place, selected)).checkpoint;
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ingest = (decider: Partial<Decider>, over: Store = store) =>
    new Ingest({
      store: over,
      jobs,
      clock: systemClock,
      bus: memoryBus(systemClock),
      log: silentLogger,
      decider: { ...calm, ...decider },
    });
  const take = (room: Ingest, uids = [1, 2, 3, 4, 5], advanceTo: number | null = 5) =>
    room.take(account, checkpoint, uids.map(mail), advanceTo, null);
  const subjects = async () =>
    (await store.db.selectFrom('messages').select('subject').orderBy('subject').execute()).map(
      ({ subject }) => subject,
    );
  const aside = async () =>
    (
      await store.db.selectFrom('jobs').select(['kind', 'payload', 'max_attempts']).orderBy('id').execute()
    ).map(({ kind, payload, max_attempts: attempts }) => [kind, JSON.parse(payload).uid, attempts]);
  const lastUid = async () =>
    (await store.db.selectFrom('mailboxes').select('last_uid').executeTakeFirst())?.last_uid;

  const poisons: Record<string, Partial<Decider>> = {
    'while it is decided on': {
      decide: (arrival) => {
        if (isPoison(arrival)) throw new TypeError('a rule fell over it');
        return { wantsText: false };
      },
    },
    'while its decisions are written': {
      record: async (_tx, arrival) => {
        if (isPoison(arrival)) throw new Error('a rule could not be recorded');
      },
    },
    'by a constraint of the ledger': {
      record: async (tx, arrival) => {
        const row = {
          account_id: null as unknown as string,
          mailbox: 'x',
          uid_validity: '1',
          uid: 1,
          message_id: '',
        };
        if (isPoison(arrival)) await tx.insertInto('locations').values(row).execute();
      },
    },
  };
  for (const [where, decider] of Object.entries(poisons)) {
    it(`takes in the others when it fails ${where}, and moves on`, async () => {
      const taken = await take(ingest(decider));
      assert.deepEqual(taken, { added: 4, recognised: 0 });
      assert.deepEqual(
        await subjects(),
        [1, 2, 4, 5].map((uid) => `question ${uid}`),
      );
      assert.deepEqual(await aside(), [['message.ingest', POISON, 3]]);
      assert.equal(await lastUid(), 5);
    });
  }

  it('is one alone, and puts it aside all the same', async () => {
    await take(ingest(poisons['while it is decided on'] ?? {}), [POISON], POISON);
    assert.deepEqual(await aside(), [['message.ingest', POISON, 3]]);
    assert.equal(await lastUid(), POISON);
  });

  it('leaves the checkpoint alone where the server had answered out of order', async () => {
    await take(ingest(poisons['while it is decided on'] ?? {}), [5, 3, 4], null);
    assert.deepEqual(await subjects(), ['question 4', 'question 5']);
    assert.deepEqual(await aside(), [['message.ingest', POISON, 3]]);
    assert.equal(await lastUid(), 0);
  });

  it('throws when it is tried again alone and still fails, and is taken in once it does not', async () => {
    const broken = ingest(poisons['while it is decided on'] ?? {});
    await assert.rejects(broken.takeOne(account, checkpoint, mail(POISON)), /a rule fell over it/);
    assert.deepEqual(await aside(), [], 'it puts itself aside again');
    await ingest({}).takeOne(account, checkpoint, mail(POISON));
    await ingest({}).takeOne(account, checkpoint, mail(POISON));
    assert.deepEqual(await subjects(), [`question ${POISON}`]);
  });

  it('passes over nothing when it is the ledger that fails', async () => {
    const down: Store = {
      ...store,
      write: () => Promise.reject(new Error('the disk is full')),
    };
    await assert.rejects(take(ingest({}, down)), /the disk is full/);
    assert.equal(await lastUid(), 0);
    assert.deepEqual(await aside(), []);
    assert.deepEqual(await take(ingest({})), { added: 5, recognised: 0 });
  });

  it('does not take old mail for new when what cannot be read lies in a renumbered mailbox', async () => {
    const unreadable = { ...mail(2), headers: null as unknown as Buffer };
    const renumbered = { ...checkpoint, attachedAt: Date.now() - 1_000, renumberedTo: 5 };
    const room = ingest({});
    await room.take(account, renumbered, [{ ...unreadable, internalDate: 0 }], 2, null);
    assert.deepEqual(await aside(), []);
    await room.take(account, renumbered, [unreadable], 2, null);
    assert.deepEqual(await aside(), [['message.ingest', 2, 3]]);
  });
});
