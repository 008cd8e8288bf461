// The composition root: the only place where adapters are chosen and parts are wired together.
import { hostname } from 'node:os';
import { AccountTransfer } from './accounts/account-transfer.ts';
import { Accounts } from './accounts/accounts.ts';
import { discoverer } from './accounts/autoconfig.ts';
import { openSecrets } from './accounts/first-secrets.ts';
import { KeyRotation } from './accounts/key-rotation.ts';
import { OAuthSignIn } from './accounts/oauth-sign-in.ts';
import { StoredQueries } from './accounts/stored-queries.ts';
import { TokenKeeper } from './accounts/token-keeper.ts';
import { TokenTimer } from './accounts/token-timer.ts';
import { Vault } from './accounts/vault.ts';
import { Audit } from './api/audit.ts';
import { HttpServer } from './api/http/server.ts';
import { memoryBus } from './cluster/memory.ts';
import {
  type Config,
  type Environment,
  environment as processEnvironment,
  resolveSecret,
} from './config/config.ts';
import { Deliveries } from './delivery/deliveries.ts';
import { MailEvents } from './delivery/mail-events.ts';
import { registerActions } from './drafts/actions.ts';
import { Drafts } from './drafts/drafts.ts';
import { registerForwards } from './drafts/forwards.ts';
import { registerOperatorNotice } from './drafts/operator-notice.ts';
import { ImapConnector } from './imap/connector.ts';
import { ImapPool } from './imap/pool.ts';
import { imapCheck } from './imap/validate.ts';
import { jobFigures } from './jobs/figures.ts';
import { JobQueue } from './jobs/queue.ts';
import { JobWorker } from './jobs/worker.ts';
import { systemClock } from './kernel/clock.ts';
import { Lifecycle, type Part } from './kernel/lifecycle.ts';
import type { Logger } from './kernel/logger.ts';
import { DocumentExtractor } from './knowledge/extract/extract.ts';
import { Knowledge } from './knowledge/knowledge.ts';
import { closeParser, parseMail } from './mail/parse.ts';
import { ProofThread } from './mail/trust/proof-thread.ts';
import { DnsRecords } from './network/dns-records.ts';
import { Artifacts } from './objects/artifacts.ts';
import { Blobs } from './objects/blobs.ts';
import { folderStore } from './objects/fs.ts';
import { ObjectSweep } from './objects/sweep.ts';
import { Uploads } from './objects/uploads.ts';
import { composeMail } from './outbound/compose.ts';
import { submissionFigures } from './outbound/figures.ts';
import { SmtpPool } from './outbound/pool.ts';
import { registerOutbound } from './outbound/register.ts';
import { sentMailbox } from './outbound/sent-mailbox.ts';
import { Submissions } from './outbound/submissions.ts';
import { checkSmtp } from './outbound/validate.ts';
import { MadeRules, madeSource } from './rules/made-rules.ts';
import { RulesSource } from './rules/source.ts';
import { EarlyTurns } from './sessions/begin.ts';
import { ruleDecider } from './sessions/decide.ts';
import { registerLateDecisions } from './sessions/decide-later.ts';
import { runners } from './sessions/runners.ts';
import { Sessions } from './sessions/sessions.ts';
import { registerTurns } from './sessions/turn.ts';
import { SqlSandbox } from './store/sql-sandbox.ts';
import { openSqlite } from './store/sqlite.ts';
import { createLog } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { Canary } from './watch/canary.ts';
import { Correspondents } from './watch/correspondents.ts';
import { registerEffects } from './watch/effects.ts';
import { Ingest } from './watch/ingest.ts';
import { Messages } from './watch/messages.ts';
import { Proofs } from './watch/proofs.ts';
import { Sources } from './watch/sources.ts';
import { Watchers } from './watch/watchers.ts';

export interface App {
  /** Starts every part; on failure all of them are stopped again. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  /** The address at which the gateway answers; known once it is started. */
  readonly url: string;
  readonly adminToken: string;
}

/**
 * Wires a gateway. Opens the ledger and reads the keys; nothing runs before `start`.
 * @throws PosternError for a ledger, a key or rules that cannot be used
 */
export async function createApp(
  config: Config,
  environment: Environment = processEnvironment(),
): Promise<App> {
  const clock = systemClock;
  const log = createLog(config.logLevel);
  const secrets = openSecrets(config, log);
  const store = await openSqlite(config.ledgerPath);
  const bus = memoryBus(clock);
  const jobs = new JobQueue(store, clock);
  const worker = new JobWorker(jobs, clock, log.child({ part: 'jobs' }));
  const objects = folderStore(config.objectsDir);
  const blobs = new Blobs(store, objects, clock);
  const secretOf = (reference: string): string => resolveSecret(reference, environment);

  const vault = new Vault(secrets.masterKeys);
  const keyRotation = new KeyRotation({ store, vault, clock, log: log.child({ part: 'vault' }) });
  const { operatorMail } = config;
  const tokens = new TokenKeeper({
    store,
    vault,
    clock,
    bus,
    log: log.child({ part: 'tokens' }),
    resolveSecret: secretOf,
    onNeedsPerson: async (tx, id) => {
      if (operatorMail) await jobs.enqueue(tx, 'operator.notice', { account_id: id });
    },
  });
  const accounts = new Accounts({ store, vault, clock, resolveSecret: secretOf, tokens });
  const redirectUri = () => `${url()}/oauth/callback`;
  const signIn = new OAuthSignIn({ store, vault, clock, bus, jobs, accounts, tokens, redirectUri });
  worker.handle('oauth.poll', ({ state_id: id }) => signIn.poll(id));
  const tokenTimer = new TokenTimer({ store, clock, log, tokens, nodeGroup: config.nodeGroup });
  accounts.onChange(() => tokenTimer.wake());
  const connector = new ImapConnector(accounts, { perHost: config.imapHostConnections });
  const imap = new ImapPool(accounts, connector);
  const messages = new Messages({ store, imap });
  const rules = new RulesSource({
    ...{ folder: config.rulesDir, log: log.child({ part: 'rules' }) },
    ...(config.madeRules ? { made: madeSource(store) } : {}),
  });
  rules.on('changed', (set) =>
    bus.publish('rules.changed', { version: set.version, rules: set.rules.length }),
  );
  rules.on('refused', (problems) => bus.publish('rules.refused', { problems: problems.length }));
  const rulesNow = () => rules.current();

  const early = new EarlyTurns({ rules: rulesNow, clock, bus });
  const decider = ruleDecider({ rules: rulesNow, jobs, clock, early });
  const ingest = new Ingest({
    ...{ store, jobs, clock, bus, decider, correspondents: new Correspondents(store) },
    log: log.child({ part: 'ingest' }),
  });
  const watchers = new Watchers({
    accounts,
    connector,
    store,
    clock,
    bus,
    ingest,
    log: log.child({ part: 'watch' }),
    nodeGroup: config.nodeGroup,
  });
  const { watchCheckMs } = config;
  const canary = new Canary({
    ...{ store, clock, bus, imap, watchers },
    log: log.child({ part: 'canary' }),
    ...(watchCheckMs === null ? {} : { intervalMs: watchCheckMs }),
  });
  const metrics = new Metrics({
    watched: () => watchers.watched(),
    checks: () => canary.checks(),
    jobs: async () => ({ ...(await jobFigures(store.db, clock)) }),
    submissions: () => submissionFigures(store.db),
  });
  const sources = new Sources({ store, clock, bus, accounts, imap });
  registerEffects({ store, imap, accounts, jobs, worker, clock, ingest });
  const dns = new DnsRecords({ clock, servers: config.dnsServers });
  const proofThread = new ProofThread((name, type) => dns.lookup(name, type));
  const proofs = new Proofs({
    ...{ store, imap, accounts, clock, thread: proofThread },
    log: log.child({ part: 'proofs' }),
  });
  registerLateDecisions({ store, imap, accounts, worker, decider, jobs, clock, bus, proofs });

  const audit = new Audit(store, clock);
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
    log: log.child({ part: 'delivery' }),
    accounts,
    rules: rulesNow,
    resolveSecret: secretOf,
    folder: config.workDir,
  });

  const mailEvents = new MailEvents({ store, artifacts, folder: config.workDir });
  const extractor = new DocumentExtractor();
  const knowledge = new Knowledge({
    ...{ store, imap, jobs, worker, clock, bus, blobs },
    log: log.child({ part: 'knowledge' }),
    extract: extractor.extract,
    sinks: () => rulesNow().knowledge,
    resolveSecret: secretOf,
    folder: config.workDir,
  });

  const sessions = new Sessions({ store, jobs, clock, bus });
  const urls = () => ({ api: `${url()}/v1`, mcp: `${url()}/mcp` });
  const runnerOf = runners(environment, secretOf, clock.now);
  const workDir = config.workDir;
  registerTurns({
    store,
    jobs,
    worker,
    clock,
    bus,
    log: log.child({ part: 'sessions' }),
    accounts,
    messages,
    blobs,
    rules: rulesNow,
    runnerOf,
    urls,
    workDir,
    early,
  });
  worker.handle('session.wake', ({ session_id: id, until }) => sessions.wake(id, until));

  const uploads = new Uploads(store, blobs, jobs, clock);
  worker.handle('object.expire', ({ object_id: id }) => uploads.expire(id));
  const drafts = new Drafts({
    ...{ store, jobs, clock, bus, accounts, blobs, uploads, sessions },
    compose: composeMail,
  });
  if (operatorMail) registerOperatorNotice({ ...operatorMail, accounts, drafts, worker, log });
  registerActions({ store, jobs, worker, clock, bus, accounts, drafts, rules: rulesNow, proofs });
  registerForwards({ store, imap, worker, clock, accounts, blobs, drafts, messages, proofs });
  const pool = new SmtpPool(accounts, clock);
  registerOutbound({
    store,
    queue: jobs,
    worker,
    bus,
    clock,
    log: log.child({ part: 'outbound' }),
    accounts,
    blobs,
    pool,
    sent: sentMailbox(imap),
  });
  const submissions = new Submissions(store, jobs, clock, bus);
  const sql = new SqlSandbox(config.ledgerPath, { timeMs: config.sqlTimeMs });

  const rooms = {
    accounts,
    signIn,
    transfer: new AccountTransfer({ store, vault, clock, accounts }),
    keyRotation,
    imap,
    queries: new StoredQueries(store, clock),
    audit,
    artifacts,
    watchers,
    mailEvents,
    sources,
    messages,
    proofs,
    deliveries,
    knowledge,
    sessions,
    drafts,
    uploads,
    submissions,
    queue: jobs,
    rules,
    madeRules: new MadeRules({ store, clock, source: rules }),
    checkImap: imapCheck(imap),
    checkSmtp,
    discover: discoverer(),
    resolveSecret: secretOf,
    parseMail,
    sql,
    bus,
    store,
    clock,
    log: log.child({ part: 'api' }),
  };
  const http = new HttpServer({
    rooms,
    adminToken: secrets.adminToken,
    host: config.host,
    port: config.port,
    publicUrl: config.publicUrl,
    log: log.child({ part: 'http' }),
    metrics,
    metricsOpen: config.metricsOpen,
    isStarted: () => isStarted,
  });
  let isStarted = false;
  const url = (): string => config.publicUrl ?? http.url;

  const lifecycle = new Lifecycle(log);
  const runs = (role: Config['roles'][number], part: Part): Part[] =>
    config.roles.includes(role) ? [part] : [];
  const parts: Part[] = [
    { name: 'ledger', stop: () => store.close() },
    keyRotation,
    { name: 'parser', stop: () => closeParser() },
    { name: 'proofs', stop: () => proofThread.close() },
    { name: 'token requests', stop: () => tokens.idle() },
    tokenTimer,
    rules,
    imap,
    pool,
    sql,
    sources,
    metrics,
    ...runs('api', http),
    extractor,
    knowledge,
    ...runs('work', worker),
    ...runs('work', new ObjectSweep({ store, objects, clock, log: log.child({ part: 'objects' }) })),
    ...runs('watch', watchers),
    ...(watchCheckMs === null ? [] : runs('watch', canary)),
  ];
  return {
    lifecycle,
    log,
    adminToken: secrets.adminToken,
    get url() {
      return http.url;
    },
    start: async () => {
      await lifecycle.start(parts);
      isStarted = true;
      log.info(
        { host: hostname(), pid: process.pid, roles: config.roles, data: config.dataDir },
        'postern runs',
      );
    },
    stop: () => lifecycle.stop(),
  };
}
