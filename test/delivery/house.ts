// Delivering alone: a real mail server, a ledger, rules, jobs and deliveries, with a clock that the test moves. Mail is
// taken in as a watcher takes it in.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts } from '../../src/accounts/accounts.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { Audit } from '../../src/api/audit.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { accountInput } from '../../src/contracts/account.ts';
import type { DeliveryState, DeliveryView } from '../../src/contracts/delivery.ts';
import { Deliveries } from '../../src/delivery/deliveries.ts';
import { ImapConnector } from '../../src/imap/connector.ts';
import { ImapPool } from '../../src/imap/pool.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { JobWorker } from '../../src/jobs/worker.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { type Logger, silentLogger } from '../../src/kernel/logger.ts';
import { Artifacts } from '../../src/objects/artifacts.ts';
import { Blobs } from '../../src/objects/blobs.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { ruleDecider } from '../../src/sessions/decide.ts';
import { registerLateDecisions } from '../../src/sessions/decide-later.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { registerEffects } from '../../src/watch/effects.ts';
import { Ingest } from '../../src/watch/ingest.ts';
import { Watchers } from '../../src/watch/watchers.ts';
import { DEFAULT_PASSWORD, type Dovecot } from '../support/dovecot.ts';
import { Waiting } from '../support/waiting.ts';

const WAIT_LIMIT_MS = 20_000;

export interface DeliveryHouse {
  store: Store;
  jobs: JobQueue;
  deliveries: Deliveries;
  artifacts: Artifacts;
  audit: Audit;
  /** Where large objects lie. */
  objectsFolder: string;
  /** Lines of the log, as JSON. */
  log: string[];
  /** Live events, as JSON. */
  events: string[];
  rules(yaml: string): void;
  /** Puts a mail into the INBOX. */
  arrive(raw: string | Buffer): Promise<void>;
  /** Moves the clock. The worker looks every second for what is due. */
  advance(ms: number): void;
  /** Looks now and at every event until there is something. */
  until<T>(look: () => T | undefined | null | false | Promise<T | undefined | null | false>): Promise<T>;
  /** Waits until all of `count` deliveries are in the state, and returns them, the oldest first. */
  all(state: DeliveryState, count?: number): Promise<DeliveryView[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HouseOptions {
  rules: string;
  /** The user of the mail server whose mailbox is watched; it has the default password. */
  user?: string;
  secrets?: Record<string, string>;
}

export async function openDeliveryHouse(
  dovecot: Dovecot,
  { rules: yaml, user = 'sales', secrets = {} }: HouseOptions,
): Promise<DeliveryHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-delivery-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  let offset = 0;
  const clock = { now: () => Date.now() + offset };
  const bus = memoryBus(clock);
  const jobs = new JobQueue(store, clock);
  const resolveSecret = (reference: string): string => {
    const secret = secrets[reference];
    if (secret === undefined) throw new PosternError('secret_missing', `${reference} is not set.`);
    return secret;
  };
  const accounts = new Accounts({ store, vault: new Vault(Buffer.alloc(32, 3)), clock, resolveSecret });
  let rules = compileRules([{ name: 'rules.yaml', text: yaml }]);
  const lines: string[] = [];
  const events: string[] = [];
  const waiting = new Waiting(WAIT_LIMIT_MS, () => ({ events, lines }));
  const wake = (): void => waiting.tell();
  const note = (fields: object, message: string): void => {
    lines.push(JSON.stringify([message, fields]));
    wake();
  };
  const log: Logger = { ...silentLogger, debug: note, info: note, warn: note, error: note, child: () => log };
  bus.subscribe((event) => {
    events.push(JSON.stringify(event));
    wake();
  });
  const worker = new JobWorker(jobs, clock, log);
  const connector = new ImapConnector(accounts);
  const imap = new ImapPool(accounts, connector);
  const decider = ruleDecider({ rules: () => rules, jobs, clock });
  const ingest = new Ingest({ store, jobs, clock, bus, log, decider });
  registerEffects({ store, imap, accounts, worker, ingest, jobs, clock });
  const proofs = { prove: () => Promise.reject(new Error('no mail here is signed')) };
  registerLateDecisions({ store, imap, accounts, worker, decider, jobs, clock, bus, proofs });
  const audit = new Audit(store, clock);
  const blobs = new Blobs(store, folderStore(join(folder, 'objects')), clock);
  const artifacts = new Artifacts({
    ...{ store, blobs, jobs, clock },
    audit: (tx, { operation, target, requestId: request_id }) =>
      audit.record({ principal: 'postern', operation, target, outcome: 'ok', code: null, request_id }, tx),
  });
  worker.handle('artifact.expire', ({ object_id: id }, job) => artifacts.expire(id, job));
  const deliveries = new Deliveries({
    artifacts,
    store,
    imap,
    jobs,
    worker,
    clock,
    bus,
    log,
    accounts,
    rules: () => rules,
    resolveSecret,
    folder: join(folder, 'work'),
  });
  const watchers = new Watchers({ accounts, connector, store, clock, log, bus, ingest, nodeGroup: null });
  await watchers.start();
  await worker.start();

  const house: DeliveryHouse = {
    store,
    jobs,
    deliveries,
    artifacts,
    audit,
    objectsFolder: join(folder, 'objects'),
    log: lines,
    events,
    rules: (text) => {
      rules = compileRules([{ name: 'rules.yaml', text }]);
    },
    arrive: async (raw) => void (await dovecot.deliver(user, raw)),
    advance: (ms) => {
      offset += ms;
    },
    until: (look) => waiting.until(look),
    all: (state, count = 1) =>
      house.until(async () => {
        const found = await deliveries.list({ state, limit: 1000 });
        if (found.length !== count) return false;
        // The row says so first, and the job is buried in a transaction of its own.
        if (state === 'dead' && (await jobs.deadLetters(1000)).length < count) return false;
        return found.reverse();
      }),
    async [Symbol.asyncDispose]() {
      await watchers.stop();
      await worker.stop();
      await imap.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  const input = accountInput.parse({
    label: 'sales',
    address: 'sales@company.example',
    imap: { host: dovecot.host, port: dovecot.imapPort, security: 'none' },
    smtp: { host: '127.0.0.1', port: 1, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
    watch: { interval: '1s' }, // a server that is slow to tell of new mail is not what these tests wait for
  });
  try {
    const { id } = await accounts.add(input);
    await house.until(() => ['idle', 'polling'].includes(watchers.status(id).total.state));
    return house;
  } catch (error) {
    await house[Symbol.asyncDispose](); // or what was begun keeps the test's process alive
    throw error;
  }
}
