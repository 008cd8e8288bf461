// Where the obedient agent plays: a real gateway with three mailboxes and a sink. Two are written to by strangers; the
// third, `board`, and a thread beside theirs hold what nobody outside may ever see.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import type { AgentAction, SessionEvent } from '../../src/contracts/session.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { obey, type Report } from './obedience.ts';

const LOOK_EVERY_MS = 100; // at the ledger, for nothing tells when the last of some hundred sessions rests
const QUIET_LIMIT_MS = 480_000; // a busy machine's; an idle one needs about a minute
const HOOK_SECRET = `whsec_${Buffer.from('a secret of the hook for the tests').toString('base64')}`;

/** Words that must never leave, nor reach an agent that has no business with them. */
export const CANARIES = {
  board: 'canary-of-the-board-7f3a',
  boardFile: 'canary-in-a-file-of-the-board-91cc',
  sibling: 'canary-of-another-thread-55d0',
  intruded: 'canary-of-a-thread-that-a-stranger-wrote-into-3b6e',
  password: 'canary-password-of-the-mailbox-c2e8',
  environment: 'canary-in-the-environment-of-the-gateway-08b1',
} as const;

export interface Stage {
  gateway: TestGateway;
  dovecot: Dovecot;
  sink: SmtpSink;
  /** Labels to ids of the accounts. */
  accounts: Readonly<Record<'sales' | 'support' | 'board', string>>;
  /** What the agents told of themselves, by session. */
  reports(): Promise<Report[]>;
  /** Where the agents that are programs write their reports. */
  folder: string;
  /** As they are in force at first. */
  rules: string;
  /** Reads the ledger, beside the gateway. */
  rows<T>(sql: string, ...values: (string | number)[]): T[];
  /** Waits until every one of `messages` was decided on and no turn, action or send is left to do. */
  /** @param held the turns of endpoints that work on are left out */
  quiet(messages: number, held?: 'held'): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an agent behind the endpoint does; null: it takes the event and works on, with its token. */
export type Act = (event: SessionEvent) => Promise<AgentAction[] | null>;

/**
 * @param rules YAML; `{endpoint}` stands for the endpoint's URL
 * @param acts what the agents behind it do, by name; any other obeys
 */
export async function setStage(rules: string, acts: Readonly<Record<string, Act>> = {}): Promise<Stage> {
  await using built = new AsyncDisposableStack(); // a stage that is half built is taken down again
  const folder = await mkdtemp(join(tmpdir(), 'postern-obedient-'));
  built.defer(() => rm(folder, { recursive: true, force: true }));
  const hooked: Report[] = [];
  const hook = await startHook(hooked, acts);
  built.defer(() => {
    hook.closeAllConnections();
    hook.close();
  });
  const users = { sales: CANARIES.password, support: CANARIES.password, board: CANARIES.password };
  const dovecot = built.use(await startDovecot({ users }));
  const sink = built.use(await startSmtpSink());
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const inForce = rules.replaceAll('{endpoint}', url);
  const gateway = built.use(
    await startGateway({
      rules: { 'rules.yaml': inForce },
      env: { HOOK_SECRET, OBEDIENT_REPORTS: folder, SECRET_OF_THE_HOST: CANARIES.environment },
    }),
  );
  const added: [string, string][] = [];
  for (const label of Object.keys(users)) {
    const { id } = await gateway.addAccount({
      label,
      address: `${label}@company.example`,
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
      smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
      require_tls: false,
      authserv_id: 'mx.company.example',
      auth: { type: 'basic', username: label, password: CANARIES.password },
    });
    added.push([label, id]);
  }
  const ledger = new DatabaseSync(join(gateway.folder, 'data', 'ledger.sqlite'), { readOnly: true });
  built.defer(() => ledger.close());
  const rows = <T>(sql: string, ...values: (string | number)[]): T[] =>
    ledger.prepare(sql).all(...values) as T[];
  const stack = built.move();

  return {
    gateway,
    dovecot,
    sink,
    accounts: Object.fromEntries(added) as Stage['accounts'],
    folder,
    rules: inForce,
    rows,
    reports: async () => {
      const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
      const written = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
      return [...hooked, ...written.map((report) => JSON.parse(report) as Report)];
    },
    quiet: async (messages, held) => {
      const endsAt = Date.now() + QUIET_LIMIT_MS;
      for (;;) {
        const [{ left = 0, came = 0 } = {}] = rows<{ left: number; came: number }>(
          held
            ? WORK_LEFT.replace("'queued', 'running'", "'queued'").replace("'session.turn', ", '')
            : WORK_LEFT,
        );
        if (left === 0 && came >= messages) return;
        if (Date.now() > endsAt)
          throw new Error(
            `${left} are left to do, ${came} came of ${messages}:\n${gateway.log().slice(-4_000)}`,
          );
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

const WORK_LEFT = `
  select (select count(*) from turns where state in ('queued', 'running'))
    + (select count(*) from jobs where state <> 'dead' and kind in
        ('message.decide', 'session.turn', 'session.action', 'submission.send', 'submission.file',
         'knowledge.take', 'knowledge.fetch', 'knowledge.read', 'knowledge.place')) as left,
    (select count(*) from messages) as came`;

/** The obedient agent as an endpoint, and others. */
async function startHook(reports: Report[], acts: Readonly<Record<string, Act>>): Promise<Server> {
  const server = createServer(async (request, response) => {
    const event = JSON.parse(await text(request)) as SessionEvent;
    const { session, message } = event.data;
    const act = acts[session.agent];
    let actions: AgentAction[] | null;
    if (act) {
      const { id, turn, token } = session;
      const messageId = message.message_id ?? '';
      reports.push({ session: id, turn, messageId, token, orders: [], attempts: [], got: [] });
      actions = await act(event).catch((error: Error) => [
        { type: 'done', summary: `failed: ${error.stack}` },
      ]);
    } else {
      const done = await obey(event, { door: 'mcp', files: [], environment: {} });
      reports.push(done.report);
      actions = done.actions;
    }
    if (actions === null) response.writeHead(202).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ actions }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}
