// What happens to a label whose mail moves meanwhile.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ImapConnection } from '../imap/connection.ts';
import { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobHandler } from '../jobs/worker.ts';
import type { PosternError } from '../kernel/errors.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { type EffectsParts, registerEffects } from './effects.ts';
import { insertPlaces } from './ledger-writes.ts';

const MESSAGE = 'msg_1';
const NOW = 1_795_000_000_000;
const ACCOUNT = 'acc_1';
const checkpoint = (mailbox: string) => ({
  accountId: ACCOUNT,
  mailbox,
  uidValidity: '1',
  lastUid: 0,
  attachedAt: 0,
  renumberedTo: 0,
});

describe('a label for a mail that moves', () => {
  let folder: string;
  let store: Store;
  let flag: JobHandler<'message.flag'>;
  /** The server: the mailbox that holds the mail, and the flags it got. */
  const server = { mailbox: 'Support', selected: '', flags: [] as string[] };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-effects-'));
    store = await openSqlite(join(folder, 'ledger.db'));
    await store.db
      .insertInto('messages')
      .values({
        id: MESSAGE,
        account_id: ACCOUNT,
        fingerprint: 'f',
        message_id: null,
        thread_id: 'thr_1',
        from_address: null,
        subject: '',
        date: 0,
        arrived_at: 0,
        size: 0,
        kind: 'personal',
        kind_reason: '',
        trust: '{}',
        metadata: '{}',
        created_at: 0,
      })
      .execute();
    await store.write((tx) =>
      insertPlaces(tx, checkpoint('INBOX'), [{ uid: 1, messageId: MESSAGE, flags: [] }]),
    );
    const connection = {
      usable: true,
      run: (_: string, command: () => Promise<unknown>) => command(),
      client: {
        mailbox: { uidValidity: 1n },
        getMailboxLock: async (mailbox: string) => {
          server.selected = mailbox;
          return { release: () => undefined };
        },
        noop: async () => undefined,
        async *fetch() {
          if (server.selected === server.mailbox) yield { uid: 1 };
        },
        messageFlagsAdd: async (_: string, flags: string[]) => {
          server.flags.push(...flags);
          return true;
        },
      },
    } as unknown as ImapConnection;
    const clock = { now: () => NOW };
    registerEffects({
      store,
      clock,
      jobs: new JobQueue(store, clock),
      imap: { use: (_: string, work: (connection: ImapConnection) => unknown) => work(connection) },
      worker: {
        handle: (kind: string, handler: JobHandler<'message.flag'>) => {
          if (kind === 'message.flag') flag = handler;
        },
      },
    } as unknown as EffectsParts);
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const payload = { message_id: MESSAGE, add: ['Seen'] };
  let finished = 0;
  const context = { finish: async () => void finished++ } as unknown as JobContext;
  const waiting = () => store.db.selectFrom('jobs').select(['lane', 'payload', 'run_at']).execute();

  it('is sought in a lane of its own, so that nobody waits for a mail that may be deleted', async () => {
    await flag(payload, context);
    assert.equal(finished, 1, 'the job in the lane of the account has ended');
    const [job] = await waiting();
    assert.equal(job?.lane, `message:${MESSAGE}`);
    assert.deepEqual(JSON.parse(job?.payload ?? ''), { ...payload, sought: true });
    assert.equal(job?.run_at, NOW + 2_000);
  });

  it('is sought again and again while nobody has seen where the mail went, as one job', async () => {
    await assert.rejects(flag({ ...payload, sought: true }, context), (error: PosternError) => {
      assert.equal(error.code, 'message_gone');
      assert.deepEqual(error.retry, { afterMs: 2_000 });
      return true;
    });
    assert.equal((await waiting()).length, 1);
  });

  it('is set at the new place once that is known', async () => {
    await store.write((tx) =>
      insertPlaces(tx, checkpoint('Support'), [{ uid: 1, messageId: MESSAGE, flags: [] }]),
    );
    await flag({ ...payload, sought: true }, context);
    assert.deepEqual(server.flags, ['Seen']);
  });
});
