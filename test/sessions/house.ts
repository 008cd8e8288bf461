// Postern without its edges, for tests of what lies between them: a real ledger, rules, jobs, sessions, policy and drafts.
// Mail is handed in as if it had been fetched, agents are functions, and what is released stays in the outbox.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from '../../src/accounts/accounts.ts';
import type { Bus } from '../../src/cluster/bus.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { accountSettings } from '../../src/contracts/account.ts';
import type { Agent as AgentOfRules } from '../../src/contracts/rule.ts';
import type { AgentAnswer, SessionEvent, SessionView } from '../../src/contracts/session.ts';
import { registerActions } from '../../src/drafts/actions.ts';
import { Drafts } from '../../src/drafts/drafts.ts';
import type { ImapPool } from '../../src/imap/pool.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { JobWorker } from '../../src/jobs/worker.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { notFound, PosternError } from '../../src/kernel/errors.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { Blobs } from '../../src/objects/blobs.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { Uploads } from '../../src/objects/uploads.ts';
import { composeMail } from '../../src/outbound/compose.ts';
import { compileRules } from '../../src/rules/compile.ts';
import type { RuleSet } from '../../src/rules/match.ts';
import { Agents } from '../../src/sessions/agents.ts';
import { EarlyTurns } from '../../src/sessions/begin.ts';
import { ruleDecider } from '../../src/sessions/decide.ts';
import type { RunContext, Runner } from '../../src/sessions/runner.ts';
import { Sessions } from '../../src/sessions/sessions.ts';
import { registerTurns } from '../../src/sessions/turn.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Ingest } from '../../src/watch/ingest.ts';
import { Messages } from '../../src/watch/messages.ts';

const WAIT_LIMIT_MS = 20_000;
/** The header by which the account's server vouches for a mail from prospect.example. */
export const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

export type Agent = (
  event: SessionEvent,
  context: RunContext,
) => AgentAnswer['actions'] | Promise<AgentAnswer['actions']>;

export interface Mail {
  id: string;
  from?: string;
  subject?: string;
  inReplyTo?: string;
  /** Further header lines. */
  headers?: string[];
  text?: string;
  /** Takes the mail in at another account. */
  account?: Account;
}

export interface House {
  store: Store;
  clock: Clock;
  bus: Bus;
  jobs: JobQueue;
  sessions: Sessions;
  agents: Agents;
  drafts: Drafts;
  messages: Messages;
  account: Account;
  workDir: string;
  /** What the agents were given, in order. */
  events: SessionEvent[];
  advance(ms: number): void;
  agent(name: string, run: Agent): void;
  rules(yaml: string): void;
  arrive(mail: Mail): Promise<void>;
  /** Looks now and after every event until there is something. */
  until<T>(look: () => Promise<T | undefined | null | false>): Promise<T>;
  /** Waits until the only session is in one of the states. */
  rests(...states: SessionView['state'][]): Promise<SessionView>;
  deadLetters(): Promise<{ kind: string; error: string | null }[]>;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function accountNamed(label: string): Account {
  return {
    id: newId('acc'),
    version: 1,
    settings: accountSettings.parse({
      label,
      address: `${label}@company.example`,
      imap: { host: '127.0.0.1', port: 1, security: 'none' },
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      authserv_id: 'mx.company.example',
    }),
    auth: { type: 'basic', username: label, password_secret_ref: null },
    oauth: null,
    createdAt: 0,
    updatedAt: 0,
  };
}

export const oneAgent = (may = '{ reply: approve }', limits = '{}'): string => `
agents:
  writer: { run: { command: [x] }, may: ${may}, limits: ${limits} }
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`;

/** What the runners of agents stand on. */
export type Ground = Pick<House, 'store' | 'jobs'> & {
  clock: Clock;
  bus: Bus;
  rules: () => RuleSet;
};

/** @param runnersOn how agents run where they are not functions */
export async function openHouse(
  yaml = oneAgent(),
  runnersOn?: (ground: Ground) => (agent: AgentOfRules) => Runner,
): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-house-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  let offset = 0;
  const clock = { now: () => Date.now() + offset };
  const bus = memoryBus(clock);
  const jobs = new JobQueue(store, clock);
  const log = silentLogger;
  const blobs = new Blobs(store, folderStore(join(folder, 'objects')), clock);
  const account = accountNamed('sales');
  const accounts = { get: async () => account, find: async () => account } as never;
  const imap = { use: () => Promise.reject(new Error('there is no IMAP here')) } as unknown as ImapPool;
  const messages = new Messages({ store, imap });
  let rules = compileRules([{ name: 'rules.yaml', text: yaml }]);
  const agents = new Map<string, Agent>();
  const events: SessionEvent[] = [];
  const watching = new Set<() => void>();
  const runner: Runner = {
    wantsFiles: false,
    run: async (event, context) => {
      events.push(event);
      for (const look of watching) look();
      const run = agents.get(event.data.session.agent) ?? (() => []);
      const { promise: ended, reject } = Promise.withResolvers<never>();
      const end = () => reject(new PosternError('stopping', 'interrupted', { retry: 'later' }));
      context.signal.addEventListener('abort', end);
      if (context.signal.aborted) end();
      return { answer: { actions: await Promise.race([run(event, context), ended]) }, log: null };
    },
  };
  const runnerOf = runnersOn?.({ store, jobs, clock, bus, rules: () => rules }) ?? (() => runner);
  const early = new EarlyTurns({ rules: () => rules, clock, bus });
  const decider = ruleDecider({ rules: () => rules, jobs, clock, bus, early });
  const ingest = new Ingest({ store, jobs, clock, bus, log, decider });
  const sessions = new Sessions({ store, jobs, clock, bus });
  const pausable = new Agents({ store, jobs, clock, bus, rules: () => rules });
  const uploads = new Uploads(store, blobs, jobs, clock);
  const drafts = new Drafts({
    ...{ store, jobs, clock, bus, accounts, blobs, uploads, messages, sessions },
    templates: { find: (name) => Promise.reject(notFound('template', name)) },
    compose: composeMail,
  });
  const workDir = join(folder, 'work');
  const urls = () => ({ api: 'http://127.0.0.1/v1', mcp: 'http://127.0.0.1/mcp' });
  const newWorker = (): JobWorker => {
    const worker = new JobWorker(jobs, clock, log);
    const parts = { store, jobs, worker, clock, bus, log, accounts, messages, blobs, rules: () => rules };
    registerTurns({ ...parts, early, runnerOf, urls, workDir });
    registerActions({ ...parts, drafts, proofs: { proveThread: async () => undefined } });
    worker.handle('session.wake', ({ session_id: id, until }) => sessions.wake(id, until));
    return worker;
  };
  let worker: JobWorker | undefined;
  let uid = 0;

  const house: House = {
    store,
    clock,
    bus,
    jobs,
    sessions,
    agents: pausable,
    drafts,
    messages,
    account,
    workDir,
    events,
    advance: (ms) => {
      offset += ms;
    },
    agent: (name, run) => void agents.set(name, run),
    rules: (text) => {
      rules = compileRules([{ name: 'rules.yaml', text }]);
    },
    arrive: async (mail) => {
      uid++;
      const to = mail.account ?? account;
      const checkpoint = {
        accountId: to.id,
        mailbox: 'INBOX',
        uidValidity: '1',
        lastUid: uid - 1,
        attachedAt: 0,
        renumberedTo: 0,
      };
      const message = {
        uid,
        flags: [],
        internalDate: clock.now(),
        size: 1_000,
        headers: Buffer.from(`${headersOf(mail, to).join('\r\n')}\r\n\r\n`),
        bodyStructure: { part: '1', type: 'text/plain', encoding: '7bit', size: 100 } as never,
      };
      const text = mail.text ?? 'What does it cost?';
      await ingest.take(to, checkpoint, [message], null, async () => ({
        text,
        reply_text: text,
        html: null,
        truncated: false,
        hidden: null,
        language: 'und',
        invitation: null,
        unpacked: [],
      }));
    },
    until: async (look) => {
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      const ask = () =>
        void look().then((found) => {
          if (found) resolve(found as never);
        }, reject);
      const leave = bus.subscribe(ask);
      watching.add(ask);
      const timer = setTimeout(
        () => reject(new Error('what was waited for did not come in time')),
        WAIT_LIMIT_MS,
      );
      ask();
      return promise.finally(() => {
        leave();
        watching.delete(ask);
        clearTimeout(timer);
      });
    },
    rests: (...states) =>
      house.until(async () => {
        const [session] = await sessions.list({ limit: 10 });
        return session && states.includes(session.state) ? session : null;
      }),
    deadLetters: () => jobs.deadLetters(100),
    startWorker: async () => {
      worker = newWorker();
      await worker.start();
    },
    stopWorker: async () => worker?.stop(),
    [Symbol.asyncDispose]: async () => {
      await worker?.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await house.startWorker();
  return house;
}

function headersOf(mail: Mail, to: Account): string[] {
  return [
    ...(mail.headers ?? []),
    `From: ${mail.from ?? 'Ann <ann@prospect.example>'}`,
    `To: ${to.settings.address}`,
    `Subject: ${mail.subject ?? 'A question'}`,
    `Message-ID: <${mail.id}@prospect.example>`,
    ...(mail.inReplyTo ? [`In-Reply-To: ${mail.inReplyTo}`] : []),
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: text/plain',
  ];
}
