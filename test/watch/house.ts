// Watching alone, against a real IMAP server: accounts, ledger, watchers, and a decider that notes what it was asked.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, Accounts } from '../../src/accounts/accounts.ts';
import { Vault } from '../../src/accounts/vault.ts';
import type { Bus } from '../../src/cluster/bus.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { accountInput, type WatchStatus } from '../../src/contracts/account.ts';
import type { MailMetadata } from '../../src/contracts/mail.ts';
import { type ConnectorOptions, ImapConnector } from '../../src/imap/connector.ts';
import { ImapPool } from '../../src/imap/pool.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { JobWorker } from '../../src/jobs/worker.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { type Logger, silentLogger } from '../../src/kernel/logger.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { afterCommit, type Store } from '../../src/store/store.ts';
import type { Arrival } from '../../src/watch/arrival.ts';
import { registerEffects } from '../../src/watch/effects.ts';
import { Ingest } from '../../src/watch/ingest.ts';
import { Watchers } from '../../src/watch/watchers.ts';
import { DEFAULT_PASSWORD } from '../support/dovecot.ts';
import { Waiting } from '../support/waiting.ts';

const WAIT_LIMIT_MS = 30_000;

export interface WatchHouse {
  store: Store;
  accounts: Accounts;
  watchers: Watchers;
  jobs: JobQueue;
  bus: Bus;
  imap: ImapPool;
  logger: Logger;
  /** Subjects of the messages that were decided on and committed, in order: what would have started sessions. */
  started: string[];
  /** Every state that a mailbox entered, as `label/mailbox state`. */
  states: string[];
  /** Lines of the log, as JSON. */
  log: string[];
  /** Adds an account and, unless told otherwise, waits until each of its mailboxes is watched. */
  add(settings: object, watched?: boolean): Promise<Account>;
  status(account: Account): WatchStatus;
  /** Looks now, at every event and at every line of the log until there is something. */
  until<T>(look: () => T | undefined | null | false | Promise<T | undefined | null | false>): Promise<T>;
  /** Waits until mails with these subjects were started, and returns how often each was. */
  starts(...subjects: string[]): Promise<Record<string, number>>;
  metadata(subject: string): Promise<MailMetadata>;
  /** Ends the watchers and begins anew on the same ledger, as after a restart. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HouseOptions {
  /** Takes the place of the ledger for what is taken in. */
  ledger?: (store: Store) => Store;
  /** Told of each arrival before it is decided on; may throw. */
  onDecide?: (arrival: Arrival) => void;
  /** The time of day; the system's where absent. */
  clock?: Clock;
  connector?: ConnectorOptions;
}

export async function openWatchHouse(options: HouseOptions = {}): Promise<WatchHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-watch-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const clock = options.clock ?? systemClock;
  const bus = memoryBus(clock);
  const jobs = new JobQueue(store, clock);
  const resolveSecret = (): string => '';
  const accounts = new Accounts({ store, vault: new Vault(Buffer.alloc(32, 3)), clock, resolveSecret });
  const started: string[] = [];
  const states: string[] = [];
  const lines: string[] = [];
  const labels = new Map<string, string>();
  const waiting = new Waiting(WAIT_LIMIT_MS, () => ({ states, started, lines }));
  const note = (fields: object, message: string): void => {
    lines.push(JSON.stringify([message, fields]));
    waiting.tell();
  };
  const log: Logger = { ...silentLogger, info: note, warn: note, error: note, child: () => log };
  const ledger = options.ledger?.(store) ?? store;
  const ingest = new Ingest({
    store: ledger,
    jobs,
    clock,
    bus,
    log,
    decider: {
      decide: (arrival) => {
        options.onDecide?.(arrival);
        return { wantsText: false };
      },
      record: async (tx, arrival) => afterCommit(tx, () => void started.push(arrival.metadata.subject)),
    },
  });
  bus.subscribe(({ type, data }) => {
    if (type === 'watch.changed')
      states.push(`${labels.get(String(data.account_id))}/${data.mailbox} ${data.state}`);
    waiting.tell();
  });
  const connector = new ImapConnector(accounts, options.connector);
  const newWatchers = () =>
    new Watchers({ accounts, connector, store: ledger, clock, log, bus, ingest, nodeGroup: null });
  const worker = new JobWorker(jobs, clock, log);
  const imap = new ImapPool(accounts, connector);
  registerEffects({ store, imap, accounts, worker, ingest, jobs, clock });
  let watchers = newWatchers();
  await watchers.start();
  await worker.start();

  const house: WatchHouse = {
    store,
    accounts,
    jobs,
    bus,
    imap,
    logger: log,
    started,
    states,
    log: lines,
    get watchers() {
      return watchers;
    },
    async add(settings, watched = true) {
      const input = accountInput.parse({
        label: 'sales',
        address: 'sales@company.example',
        smtp: { host: '127.0.0.1', port: 1, security: 'none' },
        require_tls: false,
        auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
        ...settings,
      });
      const account = await accounts.add(input);
      labels.set(account.id, input.label);
      if (watched) await house.until(() => ['idle', 'polling'].includes(house.status(account).state));
      return account;
    },
    status: ({ id }) => watchers.status(id).total,
    until: (look) => waiting.until(look),
    async starts(...subjects) {
      await house.until(() => subjects.every((subject) => started.includes(subject)));
      const counts: Record<string, number> = {};
      for (const subject of started) counts[subject] = (counts[subject] ?? 0) + 1;
      return counts;
    },
    async metadata(subject) {
      const row = await store.db
        .selectFrom('messages')
        .select('metadata')
        .where('subject', '=', subject)
        .executeTakeFirstOrThrow();
      return JSON.parse(row.metadata) as MailMetadata;
    },
    async restart() {
      await watchers.stop();
      watchers = newWatchers();
      await watchers.start();
    },
    async [Symbol.asyncDispose]() {
      await watchers.stop();
      await worker.stop();
      await imap.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return house;
}

/** The IMAP endpoint of a test's own server, in the clear. */
export const plain = (server: { host: string; imapPort: number }) => ({
  imap: { host: server.host, port: server.imapPort, security: 'none' },
});

let mails = 0;
export const mail = (subject: string, headers: readonly string[] = []): string =>
  [
    'From: Ann <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${++mails}.${subject.replaceAll(' ', '-')}@prospect.example>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    ...headers,
    '',
    'Hello.',
    '',
  ].join('\r\n');

/**
 * Settings of a Dovecot that tells of changes within a second also where the machine has no inotify to spare: there are
 * 128 of them for all that a user runs, and each IDLE takes one; without, Dovecot looks every 30 s only.
 */
export const TELLS_SOON = 'mailbox_idle_check_interval = 1s';

/** Without a look at the clock: nothing but what a server tells wakes such a watcher. */
export const ONLY_TOLD = { interval: '1h' };
