// A gateway for the tests of its doors: a real ledger, real accounts, rules and jobs over real HTTP; what mail does
// (sessions, drafts, submissions, watchers) is played by small stand-ins that keep the rooms' promises.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AccountTransfer } from '../../src/accounts/account-transfer.ts';
import { Accounts } from '../../src/accounts/accounts.ts';
import { discoverer } from '../../src/accounts/autoconfig.ts';
import { KeyRotation } from '../../src/accounts/key-rotation.ts';
import { keysFromSettings } from '../../src/accounts/master-keys.ts';
import { StoredQueries } from '../../src/accounts/stored-queries.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { Audit } from '../../src/api/audit.ts';
import { HttpServer, type HttpServerOptions } from '../../src/api/http/server.ts';
import type { Rooms, SessionPrincipal } from '../../src/api/rooms.ts';
import { Bounces } from '../../src/bounces/bounces.ts';
import { Suppressions } from '../../src/bounces/suppressions.ts';
import { TokenKeys } from '../../src/bounces/token-keys.ts';
import { UnsubscribeLinks } from '../../src/bounces/unsubscribe.ts';
import { memoryBus } from '../../src/cluster/memory.ts';
import { resolveSecret } from '../../src/config/config.ts';
import type { WatchStatus } from '../../src/contracts/account.ts';
import type { DeliveryView } from '../../src/contracts/delivery.ts';
import type { DraftView, SubmissionView } from '../../src/contracts/draft.ts';
import type { MessageDetail } from '../../src/contracts/mail.ts';
import type { SessionView } from '../../src/contracts/session.ts';
import { registerDomains } from '../../src/domains/register.ts';
import { ImapConnector } from '../../src/imap/connector.ts';
import { imapCheck } from '../../src/imap/validate.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { notFound, PosternError } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { parseMail } from '../../src/mail/parse.ts';
import { checkSmtp } from '../../src/outbound/validate.ts';
import { MadeRules, madeSource } from '../../src/rules/made-rules.ts';
import { RulesSource } from '../../src/rules/source.ts';
import { Agents } from '../../src/sessions/agents.ts';
import { Endpoints } from '../../src/sessions/endpoints.ts';
import { SqlSandbox } from '../../src/store/sql-sandbox.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { Sources } from '../../src/watch/sources.ts';
import { NOT_WATCHED } from '../../src/watch/watchers.ts';
import { fakeBroadcasts, fakeDigests } from './fake-digests.ts';

export const ADMIN_TOKEN = 'admin-token-of-this-test';
export const SESSION_TOKEN = 'session-token-of-this-test';

export const sessionPrincipal: SessionPrincipal = {
  kind: 'session',
  sessionId: 'ses_1',
  accountId: 'acc_1',
  threadId: 'thr_1',
  agent: 'quote-writer',
};

export const RULES = `
agents:
  quote-writer:
    run: { command: [node, agent.ts] }
rules:
  - name: prospect quotes
    account: sales
    when: { subject: quote }
    then: [{ spawn: quote-writer }]
`;

export const accountBody = {
  label: 'sales',
  address: 'sales@company.example',
  imap: { host: '127.0.0.1', port: 1, security: 'none' },
  smtp: { host: '127.0.0.1', port: 1, security: 'none' },
  require_tls: false,
  timeout_ms: 2000,
  auth: { type: 'basic', username: 'sales', password: 'canary-7a1f-password' },
} as const;

/** No test asks the network for a stranger's servers. */
const DARK = {
  dns: { srv: async () => [], mx: async () => [], addresses: async () => [] },
  fetchText: () => Promise.reject(new PosternError('unreachable', 'The network is away.')),
  probe: async () => 'closed' as const,
};

export interface TestGateway {
  url: string;
  rooms: Rooms;
  server: HttpServer;
  folder: string;
  /** Every call that changes something, as `drafts.approve drf_1 admin`. */
  calls: string[];
  drafts: Map<string, DraftView>;
  /** How each mailbox of every account is watched; stopped where nothing is said. */
  watched: Map<string, WatchStatus>;
  logged: object[];
  api(path: string, init?: RequestInit & { token?: string | null; json?: unknown }): Promise<Response>;
  close(): Promise<void>;
}

const delivery = (): DeliveryView => ({
  id: 'dlv_1',
  account_id: 'acc_1',
  message_id: 'msg_1',
  rule: 'all mail',
  destination: 'crm',
  state: 'dead',
  attempts: 10,
  status: 503,
  error: 'https://crm.example answered with status 503.',
  next_attempt_at: null,
  created_at: 0,
  updated_at: 0,
  handled_at: null,
});

export async function startGateway(change: Partial<HttpServerOptions> = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-api-'));
  await writeFile(join(folder, 'quotes.yaml'), RULES);
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const clock = systemClock;
  const calls: string[] = [];
  const logged: object[] = [];
  const watched = new Map<string, WatchStatus>();
  const drafts = new Map<string, DraftView>([['drf_1', draft()]]);
  const rules = new RulesSource({ folder, made: madeSource(store), log: silentLogger });
  await rules.start();
  const log = {
    ...silentLogger,
    error: (fields: object) => void logged.push(fields),
    debug: (fields: object) => void logged.push(fields),
  };
  const vault = new Vault(keysFromSettings(randomBytes(32), randomBytes(32)));
  const accounts = new Accounts({
    store,
    clock,
    vault,
    resolveSecret: (reference) => resolveSecret(reference),
  });
  const { domains, domainChecks } = registerDomains({
    ...{ store, vault, clock, log: silentLogger, accounts },
    ask: () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
  });
  const keys = new TokenKeys({ store, vault });
  const imap = { use: () => Promise.reject(new PosternError('unreachable', 'The server is away.')) };
  const rooms: Rooms = {
    accounts,
    signIn: {
      start: () => Promise.reject(new PosternError('oauth_flow_other', 'It signs in by a password.')),
      startDevice: () => Promise.reject(new PosternError('oauth_flow_other', 'It signs in by a password.')),
      complete: () =>
        Promise.reject(new PosternError('oauth_state_unknown', 'This sign-in is not known <here>.')),
    },
    transfer: new AccountTransfer({ store, vault, clock, accounts }),
    endpoints: new Endpoints({
      ...{ store, clock, log, rules: () => rules.current(), resolveSecret },
      jobs: new JobQueue(store, clock),
      bus: memoryBus(clock),
      audit: async () => undefined,
    }),
    keyRotation: new KeyRotation({ store, vault, clock, log: silentLogger }),
    imap,
    queries: new StoredQueries(store, clock),
    suppressions: new Suppressions({ store, clock }),
    bounces: new Bounces({ store }),
    unsubscribe: new UnsubscribeLinks({ store, clock, keys, publicUrl: () => 'https://mail.example' }),
    audit: new Audit(store, clock),
    watchers: {
      status: () => {
        const seen = watched.get('INBOX') ?? NOT_WATCHED;
        return { total: seen, mailboxes: { INBOX: seen } };
      },
      sweep: (id) => void calls.push(`watchers.sweep ${id}`),
    },
    mailEvents: { writer: () => () => Promise.reject(new Error('not played')) },
    sources: new Sources({ store, clock, bus: memoryBus(clock), accounts, imap }),
    messages: {
      list: async ({ account, thread, limit, before }) =>
        [message('msg_2', 'acc_2', 'thr_2'), message('msg_1', 'acc_1', 'thr_1')]
          .filter((m) => account === undefined || m.account_id === account)
          .filter((m) => thread === undefined || m.thread_id === thread)
          .filter((m) => before === undefined || m.id < before)
          .slice(0, limit),
      get: async (id) => messageById(id),
      detail: async (id) => messageById(id),
      search: async () => ({ data: [], next: null }),
      attachment: (_, id) => Promise.reject(notFound('attachment', id)),
    },
    threads: { list: async () => [] },
    readAttachment: async () => Promise.reject(new Error('not played')),
    holdStream: async () => Promise.reject(new Error('not played')),
    answers: {
      reply: async (id, _call, by) => {
        calls.push(`answers.reply ${id} ${by}`);
        return { state: 'sent', draft_id: 'drf_1', submission_id: 'sub_1', reasons: [] };
      },
      forward: async (id, _call, by) => {
        calls.push(`answers.forward ${id} ${by}`);
        return { state: 'sent', draft_id: 'drf_1', submission_id: 'sub_1', reasons: [] };
      },
    },
    calls: playedCalls(calls),
    templates: {
      find: (name) => Promise.reject(notFound('template', name)),
      files: (name) => Promise.reject(notFound('template', name)),
      compile: (name) => Promise.reject(notFound('template', name)),
      list: () => Promise.resolve([]),
    },
    proofs: { prove: async () => Promise.reject(new Error('not played')) },
    deliveries: {
      list: async () => [delivery()],
      get: async () => delivery(),
      retry: async (id) => {
        calls.push(`deliveries.retry ${id}`);
        return { ...delivery(), state: 'queued' };
      },
    },
    knowledge: {
      search: async ({ query, account }) => {
        calls.push(`knowledge.search ${query} ${account ?? 'all'}`);
        return { matched: 'none', data: [] };
      },
      list: async () => [],
      get: (id) => Promise.reject(notFound('document', id)),
      text: (id) => Promise.reject(notFound('document', id)),
      retry: (id) => Promise.reject(notFound('document', id)),
      remove: async (id) => void calls.push(`knowledge.remove ${id}`),
    },
    agents: new Agents({
      ...{ store, clock, rules: () => rules.current() },
      jobs: new JobQueue(store, clock),
      bus: memoryBus(clock),
    }),
    sessions: {
      list: async () => [session('ses_1')],
      get: async (id) =>
        id === 'ses_1' || id === 'ses_2' ? session(id) : Promise.reject(notFound('session', id)),
      turns: async () => [],
      record: async () => [],
      cancel: async (id, by) => {
        calls.push(`sessions.cancel ${id} ${by}`);
        return session(id);
      },
      retry: async (id) => {
        calls.push(`sessions.retry ${id}`);
        return session(id);
      },
      answer: async (id, text, by) => {
        calls.push(`sessions.answer ${id} ${text} ${by}`);
        return session(id);
      },
      principalOf: async (token) => (token === SESSION_TOKEN ? sessionPrincipal : null),
    },
    uploads: {
      add: async () => Promise.reject(new Error('not played')),
      get: async (id) => Promise.reject(notFound('object', id)),
      isOf: async () => false,
      roomOf: async () => 0,
    },
    partUploads: {
      begin: async () => Promise.reject(new Error('not played')),
      get: async (id) => Promise.reject(notFound('upload', id)),
      add: async () => Promise.reject(new Error('not played')),
      complete: async (id) => Promise.reject(notFound('upload', id)),
      cancel: async (id) => Promise.reject(notFound('upload', id)),
    },
    links: {
      list: async () => [],
      get: async (id) => Promise.reject(notFound('link', id)),
      revoke: async (id) => Promise.reject(notFound('link', id)),
      extend: async (id) => Promise.reject(notFound('link', id)),
      follow: async () => null,
      take: async () => false,
      giveBack: async () => undefined,
    },
    artifacts: {
      stage: async () => Promise.reject(new Error('not played')),
      keep: async () => Promise.reject(new Error('not played')),
      find: async () => undefined,
      list: async () => [],
      get: async (id) => Promise.reject(notFound('artifact', id)),
      open: async (id) => Promise.reject(notFound('artifact', id)),
    },
    drafts: {
      list: async ({ limit, before }) =>
        [...drafts.values()]
          .sort((a, b) => (a.id < b.id ? 1 : -1))
          .filter((d) => before === undefined || d.id < before)
          .slice(0, limit),
      get: async (id) => drafts.get(id) ?? Promise.reject(notFound('draft', id)),
      raw: async () => Readable.from([Buffer.from('Subject: Offer\r\n\r\nGr\xfc\xdfe\r\n', 'latin1')]),
      approve: async (id, digest, by) => {
        const found = drafts.get(id);
        if (!found) throw notFound('draft', id);
        if (found.digest !== digest)
          throw new PosternError('draft_digest_mismatch', 'The draft is another now.');
        if (found.state !== 'waiting') throw new PosternError('draft_not_waiting', 'It was decided.');
        drafts.set(id, { ...found, state: 'approved' });
        calls.push(`drafts.approve ${id} ${by}`);
        return { submission_id: 'sub_1' };
      },
      edit: async (id, edit, by) => {
        calls.push(`drafts.edit ${id} ${JSON.stringify(edit)} ${by}`);
        return drafts.get(id) as DraftView;
      },
      reject: async (id, feedback, by) => {
        calls.push(`drafts.reject ${id} ${feedback} ${by}`);
        return drafts.get(id) as DraftView;
      },
      submit: async (input, by) => {
        calls.push(`drafts.submit ${input.subject} ${by}`);
        return { id: `sub_${calls.length}`, state: 'queued' };
      },
    },
    submissions: {
      list: async () => [submission()],
      get: async () => submission(),
      settle: async (id, outcome, by) => {
        calls.push(`submissions.settle ${id} ${outcome} ${by}`);
        return submission();
      },
      cancel: async (id, by) => {
        calls.push(`submissions.cancel ${id} ${by}`);
        return { ...submission(), reopened_draft_id: null };
      },
    },
    leftMail: async () =>
      Readable.from([Buffer.from('Subject: Offer\r\n\r\nHello\r\n')], { objectMode: false }),
    domains,
    domainChecks,
    digests: fakeDigests(calls),
    broadcasts: fakeBroadcasts(calls),
    queue: new JobQueue(store, clock),
    rules,
    madeRules: new MadeRules({ store, clock, source: rules }),
    checkImap: imapCheck(new ImapConnector(accounts)),
    checkSmtp,
    discover: discoverer(DARK),
    resolveSecret: (reference) => resolveSecret(reference),
    parseMail,
    sql: new SqlSandbox(join(folder, 'ledger.sqlite')),
    bus: memoryBus(clock),
    store,
    clock,
    log,
  };
  const server = new HttpServer({
    rooms,
    adminToken: ADMIN_TOKEN,
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    log,
    ...change,
  });
  await server.start();
  return {
    url: server.url,
    rooms,
    server,
    folder,
    calls,
    drafts,
    watched,
    logged,
    api(path, { token = ADMIN_TOKEN, json, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (token !== null) headers.set('Authorization', `Bearer ${token}`);
      if (json !== undefined) headers.set('Content-Type', 'application/json');
      const body = json === undefined ? init.body : JSON.stringify(json);
      const method = init.method ?? (body === undefined || body === null ? 'GET' : 'POST');
      return fetch(`${server.url}${path}`, {
        ...init,
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
    },
    async close() {
      await server.stop();
      rules.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What sessions ask for: noted, and nothing comes of it. */
function playedCalls(calls: string[]): Rooms['calls'] {
  const waiting = (what: string) => async () => {
    calls.push(`calls.${what}`);
    return { state: 'waiting' as const, draft_id: 'drf_1', submission_id: null, reasons: [] };
  };
  return {
    reply: waiting('reply'),
    send: waiting('send'),
    draft: waiting('draft'),
    forward: waiting('forward'),
    update: waiting('update'),
    do: async (_, { type }) => {
      calls.push(`calls.do ${type}`);
      return { state: 'done', reasons: [] };
    },
    change: async (account, id, { type }) => void calls.push(`calls.change ${account} ${id} ${type}`),
  };
}

export function draft(id = 'drf_1', change: Partial<DraftView> = {}): DraftView {
  return {
    id,
    state: 'waiting',
    version: 1,
    digest: `sha256:${'ab'.repeat(32)}`,
    account_id: 'acc_1',
    session_id: 'ses_1',
    thread_id: 'thr_1',
    reasons: ['The agent may reply after approval only.'],
    feedback: null,
    decided_by: null,
    submission_id: null,
    from: { name: 'Sales', address: 'sales@company.example' },
    to: [{ name: 'Anna', address: 'anna@prospect.example' }],
    cc: [],
    bcc: [],
    subject: 'Re: Offer',
    text: 'Twenty desks: 4,000.',
    html: null,
    attachments: [],
    in_reply_to: null,
    references: [],
    message_id: '<1@company.example>',
    auto_submitted: 'auto-replied',
    created_at: 1,
    updated_at: 1,
    ...change,
  };
}

function message(id: string, account: string, thread: string): MessageDetail {
  return {
    id,
    account_id: account,
    thread_id: thread,
    mailbox: 'INBOX',
    uid: 1,
    message_id: null,
    from: { name: 'Anna', address: 'anna@prospect.example' },
    reply_to: [],
    to: [],
    cc: [],
    subject: 'A quote, please',
    date: '2026-11-20T15:00:00.000Z',
    size: 10,
    kind: 'personal',
    trust: {
      level: 'unverified',
      ...{ dkim: 'none', spf: 'none', dmarc: 'none', arc: 'none' },
      reason: 'no checks',
      flags: [],
      checked: false,
    },
    attachments: [],
    headers: {},
    text: 'Hello',
    reply_text: 'Hello',
    html: null,
    truncated: false,
    hidden: null,
    language: 'und',
    invitation: null,
    flags: [],
    gone: false,
    decisions: [],
  };
}

function messageById(id: string): MessageDetail {
  if (id === 'msg_1') return message(id, 'acc_1', 'thr_1');
  if (id === 'msg_2') return message(id, 'acc_2', 'thr_2');
  throw notFound('message', id);
}

function session(id: string): SessionView {
  return {
    id,
    account_id: 'acc_1',
    agent: 'quote-writer',
    rule: 'prospect quotes',
    thread_id: 'thr_1',
    message_id: 'msg_1',
    state: 'running',
    turns: 1,
    summary: null,
    question: null,
    error: null,
    cost: 0,
    created_at: 1,
    updated_at: 1,
  };
}

function submission(): SubmissionView {
  return {
    id: 'sub_1',
    state: 'unknown',
    account_id: 'acc_1',
    draft_id: 'drf_1',
    session_id: null,
    message_id: '<1@company.example>',
    from: 'sales@company.example',
    subject: 'Re: Offer',
    digest: `sha256:${'ab'.repeat(32)}`,
    priority: 'person',
    broadcast_id: null,
    send_at: null,
    attempts: 1,
    next_attempt_at: null,
    waits_for: null,
    last_error: null,
    approved_by: 'admin',
    recipients: [{ address: 'anna@prospect.example', state: 'unknown', response: null }],
    attempt_log: [],
    created_at: 1,
    sent_at: null,
  };
}
