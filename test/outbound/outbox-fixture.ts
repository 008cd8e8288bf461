// An outbox over a real ledger in a temporary folder, with the account and the Sent mailbox played by the test.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from '../../src/accounts/accounts.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { type AccountInput, accountSettings } from '../../src/contracts/account.ts';
import type { DraftContent, SendPriority, SubmissionView } from '../../src/contracts/draft.ts';
import { outboxPool, sendJob } from '../../src/jobs/kinds.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { JobWorker } from '../../src/jobs/worker.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import type { Logger } from '../../src/kernel/logger.ts';
import { Blobs } from '../../src/objects/blobs.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { dateLine } from '../../src/outbound/compose.ts';
import type { SignMail } from '../../src/outbound/dkim.ts';
import { type AccountSource, SmtpPool } from '../../src/outbound/pool.ts';
import { registerOutbound } from '../../src/outbound/register.ts';
import type { SentCopy, SentMailbox } from '../../src/outbound/sent-mailbox.ts';
import { Submissions } from '../../src/outbound/submissions.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { composeMail, digestOf } from '../support/compose-whole.ts';
import type { TestSmtpServer } from '../support/smtp-server.ts';

export const USER = 'sales@example.org';
export const PASSWORD = 'canary-7f3a-"§';
const WAIT_LIMIT_MS = 20_000;

/** An account on a test server. */
export function accountOn(
  server: Pick<TestSmtpServer, 'host' | 'port' | 'ca'>,
  settings: object = {},
): Account {
  const smtp: AccountInput['smtp'] = {
    host: server.host,
    port: server.port,
    security: server.ca === '' ? 'none' : 'tls',
    ...(server.ca === '' ? {} : { ca: server.ca }),
  };
  return {
    id: newId('acc'),
    version: 1,
    settings: accountSettings.parse({
      label: 'sales',
      address: USER,
      imap: { host: '127.0.0.1', port: 1, security: 'none' },
      smtp,
      require_tls: server.ca !== '',
      ...settings,
    }),
    auth: { type: 'basic', username: USER, password_secret_ref: null },
    oauth: null,
    createdAt: 0,
    updatedAt: 0,
  };
}

export function contentTo(...to: string[]): DraftContent {
  return {
    from: { name: 'Sales', address: USER },
    to: to.map((address) => ({ name: '', address })),
    cc: [],
    bcc: [],
    subject: 'Your quote',
    text: 'Hällo,\n.\n..two dots\nthe price is 5 €.\n',
    html: null,
    attachments: [],
    in_reply_to: null,
    references: [],
    message_id: `<${newId('sub')}@example.org>`,
    auto_submitted: null,
  };
}

export interface Approved {
  id: string;
  draftId: string;
  raw: Buffer;
  /** What has to arrive: the Date line and the approved bytes. */
  whole: Buffer;
  messageId: string;
}

/** What is otherwise with a submission. */
export interface ApprovedChanges {
  state?: string;
  data_begun_at?: number;
  priority?: SendPriority;
  not_before?: number;
}

export interface Outpost {
  store: Store;
  submissions: Submissions;
  account: Account;
  /** Message-IDs in the Sent mailbox, and what was filed; null: there is no such mailbox. */
  sentMailbox: Map<string, SentCopy | null> | null;
  /** Resolves with the next copy that is filed. */
  nextFiled(): Promise<SentCopy>;
  /** Everything that was logged, as text. */
  logs: string[];
  advance(ms: number): void;
  /** Writes an approved draft and its submission, as drafts/ does, and starts sending it. */
  approve(content: DraftContent, changes?: ApprovedChanges, from?: Account): Promise<Approved>;
  /** One more account, for `approve`. */
  add(account: Account): void;
  /** Changes settings of the account, as an operator does. */
  change(settings: object): void;
  /** Waits until the submission is as `holds` says. */
  until(id: string, holds: (view: SubmissionView) => boolean): Promise<SubmissionView>;
  jobs(): Promise<{ kind: string; run_at: number; payload: string }[]>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface OutpostOptions {
  /** Makes what signs its mail. */
  signs?: (parts: { store: Store; clock: Clock }) => SignMail;
}

export async function openOutpost(account: Account, { signs }: OutpostOptions = {}): Promise<Outpost> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-outbox-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  let offset = 0;
  const clock = { now: () => Date.now() + offset };
  const logs: string[] = [];
  const filed: ((copy: SentCopy) => void)[] = [];
  const log = loggerInto(logs);
  const bus = memoryBus(clock);
  const queue = new JobQueue(store, clock);
  const worker = new JobWorker(queue, clock, log);
  const blobs = new Blobs(store, folderStore(join(folder, 'objects')), clock);
  const others = new Map<string, Account>();
  let current = account;
  const listeners = new Set<(id: string) => void>();
  const accounts: AccountSource = {
    get: async (id) => others.get(id) ?? current,
    signIn: (_account, connect) => connect({ type: 'basic', username: USER, password: PASSWORD }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const pool = new SmtpPool(accounts, clock);
  const sent: SentMailbox = {
    holds: async (_id, messageId) => outpost.sentMailbox?.has(messageId) ?? null,
    file: async (_id, copy) => {
      if (!outpost.sentMailbox) return false;
      if (!outpost.sentMailbox.has(copy.messageId)) outpost.sentMailbox.set(copy.messageId, copy);
      for (const hear of filed.splice(0)) hear(copy);
      return true;
    },
  };
  registerOutbound({
    ...{ store, queue, worker, bus, clock, log, accounts, blobs, pool, sent, random: () => 0.5 },
    ...(signs ? { sign: signs({ store, clock }) } : {}),
  });
  const submissions = new Submissions(store, queue, clock, bus);

  const outpost: Outpost = {
    store,
    submissions,
    account,
    sentMailbox: new Map(),
    nextFiled: () =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no copy was filed')), WAIT_LIMIT_MS);
        filed.push((copy) => {
          clearTimeout(timer);
          resolve(copy);
        });
      }),
    logs,
    advance: (ms) => {
      offset += ms;
    },
    add: (other) => void others.set(other.id, other),
    change: (settings) => {
      const changed = accountSettings.parse({ ...current.settings, ...settings });
      current = { ...current, version: current.version + 1, settings: changed };
      for (const listener of listeners) listener(account.id);
    },
    approve: async (content, changes = {}, from = account) => {
      const { raw, envelope } = await composeMail(content, []);
      const now = clock.now();
      const [id, draftId] = [newId('sub', now), newId('drf', now)];
      const blob = await blobs.stage(raw);
      const digest = await digestOf(envelope, raw);
      await store.write(async (tx) => {
        await blob.record(tx);
        await tx
          .insertInto('drafts')
          .values({
            id: draftId,
            account_id: from.id,
            session_id: null,
            thread_id: null,
            turn_id: null,
            action_index: null,
            answers_message_id: null,
            state: 'approved',
            version: 1,
            digest,
            reasons: '[]',
            feedback: null,
            decided_by: 'test',
            decided_at: now,
            submission_id: id,
            created_at: now,
            updated_at: now,
          })
          .execute();
        await tx
          .insertInto('submissions')
          .values({
            id,
            account_id: from.id,
            draft_id: draftId,
            session_id: null,
            answers_message_id: 'msg_answered',
            state: 'queued',
            message_id: content.message_id,
            subject: content.subject,
            digest,
            approved_by: 'test',
            envelope: JSON.stringify(envelope),
            raw_object_id: blob.id,
            dated_at: now,
            attempts: 0,
            next_attempt_at: now,
            data_begun_at: null,
            last_error: null,
            created_at: now,
            sent_at: null,
            ...changes,
          })
          .execute();
        for (const [position, address] of envelope.to.entries())
          await tx
            .insertInto('submission_recipients')
            .values({ submission_id: id, position, address, state: 'queued', response: null })
            .execute();
        const { kind, runAt } = sendJob(changes.priority ?? 'person', changes.not_before ?? now, now);
        await queue.enqueue(tx, kind, { submission_id: id }, { pool: outboxPool(from.id), runAt });
      });
      return { id, draftId, raw, whole: Buffer.concat([dateLine(now), raw]), messageId: content.message_id };
    },
    until: async (id, holds) => {
      const { promise, resolve, reject } = Promise.withResolvers<SubmissionView>();
      let last: SubmissionView | undefined;
      const look = () =>
        void submissions.get(id).then((view) => {
          last = view;
          if (holds(view)) resolve(view);
        }, reject);
      const leave = bus.subscribe(look);
      const timer = setTimeout(() => reject(new Error(`still ${JSON.stringify(last)}`)), WAIT_LIMIT_MS);
      look();
      return promise.finally(() => {
        leave();
        clearTimeout(timer);
      });
    },
    jobs: () => store.db.selectFrom('jobs').select(['kind', 'run_at', 'payload']).orderBy('id').execute(),
    start: () => worker.start(),
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      pool.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return outpost;
}

function loggerInto(lines: string[]): Logger {
  const write = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { debug: write, info: write, warn: write, error: write, child: () => loggerInto(lines) };
}
