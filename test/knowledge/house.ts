// Knowledge alone: a real mail server, a ledger, rules, jobs and everything that documents pass through, with a clock that
// the test moves. Mail is taken in as a watcher takes it in.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts } from '../../src/accounts/accounts.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { accountInput } from '../../src/contracts/account.ts';
import type { DocumentView } from '../../src/contracts/knowledge.ts';
import { ImapConnector } from '../../src/imap/connector.ts';
import { ImapPool } from '../../src/imap/pool.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { JobWorker } from '../../src/jobs/worker.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { type Logger, silentLogger } from '../../src/kernel/logger.ts';
import type { Extract } from '../../src/knowledge/extract/contract.ts';
import { DocumentExtractor } from '../../src/knowledge/extract/extract.ts';
import { Knowledge } from '../../src/knowledge/knowledge.ts';
import { Blobs } from '../../src/objects/blobs.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { ruleDecider } from '../../src/sessions/decide.ts';
import { FullTextReader } from '../../src/store/full-text-reader.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Ingest } from '../../src/watch/ingest.ts';
import { Watchers } from '../../src/watch/watchers.ts';
import { DEFAULT_PASSWORD, type Dovecot } from '../support/dovecot.ts';
import { Waiting } from '../support/waiting.ts';

const WAIT_LIMIT_MS = 60_000; // documents are read at the lowest priority of the machine

export interface KnowledgeHouse {
  folder: string;
  accountId: string;
  store: Store;
  jobs: JobQueue;
  knowledge: Knowledge;
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
  /** Waits until there are so many documents, each with an end: failed, or in all its sinks. The oldest first. */
  settled(count: number): Promise<DocumentView[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HouseOptions {
  rules: string;
  /** The user of the mail server whose mailbox is watched; it has the default password. */
  user?: string;
  secrets?: Record<string, string>;
  /** Reads documents; the real one where absent. */
  extract?: Extract;
}

const ENDED = ['placed', 'refused', 'dead'];
const isSettled = ({ state, sinks, content }: DocumentView): boolean =>
  (state === 'failed' && (content === null || sinks.every((sink) => sink.state !== 'placing'))) ||
  (state === 'ready' && sinks.every((sink) => ENDED.includes(sink.state)));

export async function openKnowledgeHouse(
  dovecot: Dovecot,
  { rules: yaml, user = 'sales', secrets = {}, extract }: HouseOptions,
): Promise<KnowledgeHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-knowledge-'));
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
  const extractor = new DocumentExtractor();
  const fullText = new FullTextReader(join(folder, 'ledger.sqlite'));
  const knowledge = new Knowledge({
    ...{ store, imap, jobs, worker, clock, bus, log, resolveSecret },
    blobs: new Blobs(store, folderStore(join(folder, 'objects')), clock),
    extract: extract ?? extractor.extract,
    searchIndex: fullText.search,
    sinks: () => rules.knowledge,
    folder: join(folder, 'work'),
  });
  const watchers = new Watchers({ accounts, connector, store, clock, log, bus, ingest, nodeGroup: null });
  await watchers.start();
  await knowledge.start();
  await worker.start();

  const house: KnowledgeHouse = {
    folder,
    accountId: '',
    store,
    jobs,
    knowledge,
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
    settled: (count) =>
      house.until(async () => {
        const found = await knowledge.list({ limit: 1000 });
        return found.length === count && found.every(isSettled) && found.reverse();
      }),
    async [Symbol.asyncDispose]() {
      await watchers.stop();
      extractor.stop();
      fullText.stop();
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
    house.accountId = id;
    await house.until(() => ['idle', 'polling'].includes(watchers.status(id).total.state));
    return house;
  } catch (error) {
    await house[Symbol.asyncDispose](); // or what was begun keeps the test's process alive
    throw error;
  }
}
