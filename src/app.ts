// The composition root: the only place where adapters are chosen and parts are wired together. What belongs to one room
// alone is wired by that room's `register…`.
import { hostname } from 'node:os';
import { discoverer } from './accounts/autoconfig.ts';
import { openSecrets } from './accounts/first-secrets.ts';
import { KnownSecrets } from './accounts/known-secrets.ts';
import { registerAccounts } from './accounts/register.ts';
import { Audit } from './api/audit.ts';
import { HttpServer } from './api/http/server.ts';
import type { McpExtension } from './api/mcp/parts.ts';
import { operations } from './api/operations.ts';
import type { Rooms } from './api/rooms.ts';
import { templateProblems } from './api/rule-drafts.ts';
import { SessionToolBox } from './api/tool-box.ts';
import { registerBounces } from './bounces/register.ts';
import { memoryBus } from './cluster/memory.ts';
import {
  type Config,
  type Environment,
  environment as processEnvironment,
  type Role,
  resolveSecret as readSecret,
} from './config/config.ts';
import { registerDelivery } from './delivery/register.ts';
import { registerDigests } from './digests/register.ts';
import { registerDomains } from './domains/register.ts';
import { SessionCalls } from './drafts/calls.ts';
import { withdrawDrafts } from './drafts/draft-record.ts';
import { OperatorAnswers } from './drafts/operator-answers.ts';
import { registerDrafts } from './drafts/register.ts';
import { withReturnPath } from './drafts/return-path.ts';
import { ImapConnector } from './imap/connector.ts';
import { ImapPool } from './imap/pool.ts';
import { imapCheck } from './imap/validate.ts';
import { jobFigures } from './jobs/figures.ts';
import { JobQueue } from './jobs/queue.ts';
import { JobWorker } from './jobs/worker.ts';
import { monotonicMs, systemClock } from './kernel/clock.ts';
import { Lifecycle, type Part } from './kernel/lifecycle.ts';
import type { Logger } from './kernel/logger.ts';
import { registerKnowledge } from './knowledge/register.ts';
import { closeParser, parseMail } from './mail/parse.ts';
import { ProofThread } from './mail/trust/proof-thread.ts';
import { DnsRecords } from './network/dns-records.ts';
import { folderStore } from './objects/fs.ts';
import { s3Store } from './objects/minio.ts';
import { registerObjects } from './objects/register.ts';
import { composeMail } from './outbound/compose.ts';
import { mailSigner } from './outbound/dkim.ts';
import { submissionFigures } from './outbound/figures.ts';
import { largeFiles } from './outbound/large-files.ts';
import { leftMail } from './outbound/left-mail.ts';
import { SmtpPool } from './outbound/pool.ts';
import { registerOutbound } from './outbound/register.ts';
import { sentMailbox } from './outbound/sent-mailbox.ts';
import { Submissions } from './outbound/submissions.ts';
import { Templates } from './outbound/templates.ts';
import { checkSmtp } from './outbound/validate.ts';
import { registerRules } from './rules/register.ts';
import { Agents } from './sessions/agents.ts';
import { EarlyTurns } from './sessions/begin.ts';
import { ruleDecider } from './sessions/decide.ts';
import { SessionExpiry } from './sessions/expiry.ts';
import { registerSessions } from './sessions/register.ts';
import { registerRunners } from './sessions/register-runners.ts';
import { SqlSandbox } from './store/sql-sandbox.ts';
import { openSqlite } from './store/sqlite.ts';
import { createLog } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { registerWatch } from './watch/register.ts';
import { Threads } from './watch/threads.ts';

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

/** What a caller adds to the doors; for tests alone. */
export interface Extensions {
  mcpExtension?: McpExtension;
}

/**
 * Wires a gateway. Opens the ledger and reads the keys; nothing runs before `start`.
 * @throws PosternError for a ledger, a key or rules that cannot be used
 */
export async function createApp(
  config: Config,
  environment: Environment = processEnvironment(),
  extensions: Extensions = {},
): Promise<App> {
  // What every room stands on.
  const clock = systemClock;
  const log = createLog(config.logLevel);
  const logOf = (part: string): Logger => log.child({ part });
  const { masterKeys, adminToken } = openSecrets(config, log);
  const resolveSecret = (reference: string): string => readSecret(reference, environment);
  const store = await openSqlite(config.ledgerPath);
  const bus = memoryBus(clock);
  const jobs = new JobQueue(store, clock);
  const worker = new JobWorker(jobs, clock, logOf('jobs'));
  const conceal = (text: string): string => secrets.conceal(text);
  const secretsKnown = (): Promise<void> => secrets.known();
  const ground = { store, jobs, worker, clock, bus, log, conceal, secretsKnown };
  const url = (): string => config.publicUrl ?? http.url;

  const audit = new Audit(store, clock);
  const objects = config.s3 ? s3Store(config.s3) : folderStore(config.objectsDir);
  const { blobs, uploads, partUploads, artifacts, links, sweep } = registerObjects({
    ...ground,
    objects,
    audit: audit.own,
  });
  const { accounts, vault, tokens, tokenTimer, keyRotation, signIn, transfer, queries } = registerAccounts({
    ...ground,
    masterKeys,
    resolveSecret,
    redirectUri: () => `${url()}/oauth/callback`,
    nodeGroup: config.nodeGroup,
    tellsOperator: config.operatorMail !== null,
  });
  const connector = new ImapConnector(accounts, { perHost: config.imapHostConnections });
  const imap = new ImapPool(accounts, connector);

  const { rules, madeRules } = registerRules({
    ...ground,
    folder: config.rulesDir,
    isMadeInForce: config.madeRules,
  });
  const rulesNow = () => rules.current();
  const secrets = new KnownSecrets({
    ...{
      store,
      vault,
      masterKeys,
      resolveSecret,
      monotonicMs,
      fixed: [adminToken, ...(config.s3 ? [config.s3.secretKey] : [])],
    },
    referring: () => {
      const { agents, destinations, knowledge, digests: sources } = rulesNow();
      return [agents, destinations, knowledge, sources].flatMap((named) => [...named.values()]);
    },
  });

  // The way of a message: it is watched for and decided on, and what was decided wakes agents or carries it on.
  const early = new EarlyTurns({ rules: rulesNow, clock, bus });
  const decider = ruleDecider({ rules: rulesNow, jobs, clock, bus, early });
  const dns = new DnsRecords({ clock, servers: config.dnsServers });
  const proofThread = new ProofThread((name, type) => dns.lookup(name, type));
  const { watchers, canary, sources, messages, proofs } = registerWatch({
    ...ground,
    accounts,
    connector,
    imap,
    decider,
    proofThread,
    nodeGroup: config.nodeGroup,
    checkMs: config.watchCheckMs,
  });
  const { runnerOf, guard, endpoints, models } = registerRunners({
    ...ground,
    environment,
    resolveSecret,
    rules: rulesNow,
    audit: audit.own,
    tools: new SessionToolBox(() => rooms, operations),
  });
  const sessions = registerSessions({
    ...ground,
    imap,
    accounts,
    messages,
    proofs,
    blobs,
    decider,
    early,
    rules: rulesNow,
    runnerOf,
    urls: () => ({ api: `${url()}/v1`, mcp: `${url()}/mcp` }),
    workDir: config.workDir,
  });
  const { deliveries, mailEvents, holdStream } = registerDelivery({
    ...ground,
    imap,
    accounts,
    artifacts,
    rules: rulesNow,
    resolveSecret,
    folder: config.workDir,
  });
  const { knowledge, readAttachment, extractor, fullText } = registerKnowledge({
    ...ground,
    imap,
    blobs,
    sinks: () => rulesNow().knowledge,
    resolveSecret,
    folder: config.workDir,
    ledgerPath: config.ledgerPath,
  });

  const templates = new Templates({ folder: config.templatesDir, log: logOf('templates') });
  const tellTemplates = async (): Promise<void> => {
    for (const problem of await templateProblems(rulesNow(), templates)) logOf('templates').warn({}, problem);
  };
  rules.on('changed', () => void tellTemplates());

  const { suppressions, bounces, unsubscribe, keys } = registerBounces({
    ...ground,
    imap,
    vault,
    parseMail,
    publicUrl: url,
  });

  // The way out: drafts wait for a person or for policy, and leave over SMTP.
  const drafts = registerDrafts({
    ...ground,
    imap,
    accounts,
    messages,
    proofs,
    blobs,
    secrets,
    uploads,
    sessions,
    compose: composeMail,
    returnPath: withReturnPath(keys),
    spill: largeFiles({
      ...{ compose: composeMail, links, clock, publicUrl: config.publicUrl },
      serverLimit: (id) => smtp.largestTaken(id),
    }),
    templates,
    rules: rulesNow,
    operatorMail: config.operatorMail,
  });
  const expiry = new SessionExpiry({
    ...ground,
    log: logOf('sessions'),
    rules: rulesNow,
    withdraw: (tx, id, reason) => withdrawDrafts(ground, tx, id, reason),
  });
  const { domains, domainChecks, signingKeys, keyWatch } = registerDomains({
    ...ground,
    vault,
    accounts,
    ask: (name, type) => dns.ask(name, type),
  });
  const smtp = new SmtpPool(accounts, clock);
  registerOutbound({
    ...ground,
    queue: jobs,
    log: logOf('outbound'),
    accounts,
    blobs,
    pool: smtp,
    sent: sentMailbox(imap),
    sign: mailSigner(signingKeys),
  });

  const sql = new SqlSandbox(config.ledgerPath, { timeMs: config.sqlTimeMs });
  const digests = registerDigests({
    ...ground,
    accounts,
    blobs,
    drafts,
    sql,
    resolveSecret,
    compose: composeMail,
    templatesDir: config.templatesDir,
    rulesDir: config.rulesDir,
    digests: () => rulesNow().digests,
    onRules: (changed) => rules.on('changed', changed),
    returnPath: withReturnPath(keys),
    wayOut: async (id, list, address) => {
      const way = await unsubscribe.for(id, list, address, (await accounts.get(id)).settings.address);
      return config.publicUrl === null ? { ...way, https: null } : way; // nobody else could open it
    },
    suppressed: (reader, account, addresses, list) => suppressions.among(reader, account, addresses, list),
  });

  // The doors.
  const rooms: Rooms = {
    accounts,
    signIn,
    transfer,
    keyRotation,
    queries,
    imap,
    checkImap: imapCheck(imap),
    checkSmtp,
    discover: discoverer(),
    watchers,
    sources,
    messages,
    threads: new Threads(store),
    readAttachment,
    holdStream,
    proofs,
    rules,
    madeRules,
    templates,
    deliveries,
    mailEvents,
    agents: new Agents({ ...ground, rules: rulesNow }),
    sessions,
    endpoints,
    drafts,
    digests: digests.digests,
    broadcasts: digests.broadcasts,
    answers: new OperatorAnswers({ ...ground, accounts, drafts, messages, blobs, uploads }),
    calls: new SessionCalls({
      secrets,
      ...ground,
      accounts,
      drafts,
      messages,
      proofs,
      blobs,
      uploads,
      templates,
      rules: rulesNow,
    }),
    submissions: new Submissions(store, jobs, clock, bus, { accounts, drafts }),
    suppressions,
    bounces,
    unsubscribe,
    knowledge,
    uploads,
    partUploads,
    artifacts,
    links,
    audit,
    leftMail: leftMail({ store, blobs }),
    domains,
    domainChecks,
    queue: jobs,
    sql,
    parseMail,
    resolveSecret,
    bus,
    conceal,
    secretsKnown,
    store,
    clock,
    log: logOf('api'),
  };
  const metrics = new Metrics({
    watched: () => watchers.watched(),
    checks: () => canary.checks(),
    jobs: async () => ({ ...(await jobFigures(store.db, clock)) }),
    submissions: () => submissionFigures(store.db),
    models: () => models.figures(),
  });
  let isStarted = false;
  const http = new HttpServer({
    rooms,
    adminToken,
    host: config.host,
    port: config.port,
    publicUrl: config.publicUrl,
    log: logOf('http'),
    metrics,
    metricsOpen: config.metricsOpen,
    redirectsDownloads: config.s3?.downloads !== 'stream',
    isStarted: () => isStarted,
    ...extensions,
  });

  const inRole = (role: Role, ...parts: Part[]): Part[] => (config.roles.includes(role) ? parts : []);
  const parts: Part[] = [
    { name: 'ledger', stop: () => store.close() },
    { name: 'object store', start: () => objects.check?.() },
    keyRotation,
    { name: 'parser', stop: () => closeParser() },
    guard,
    { name: 'proofs', stop: () => proofThread.close() },
    { name: 'token requests', stop: () => tokens.idle() },
    tokenTimer,
    rules,
    imap,
    smtp,
    sql,
    fullText,
    sources,
    metrics,
    ...inRole('api', http),
    extractor,
    knowledge,
    ...inRole('work', worker, digests.clock, sweep, expiry, keyWatch),
    ...inRole('watch', watchers, ...(config.watchCheckMs === null ? [] : [canary])),
  ];
  const lifecycle = new Lifecycle(log);
  return {
    lifecycle,
    log,
    adminToken,
    get url() {
      return http.url;
    },
    start: async () => {
      await lifecycle.start(parts);
      isStarted = true;
      await tellTemplates();
      log.info(
        { host: hostname(), pid: process.pid, roles: config.roles, data: config.dataDir },
        'postern runs',
      );
    },
    stop: () => lifecycle.stop(),
  };
}
