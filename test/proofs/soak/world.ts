// The world of the soak: an IMAP server with many accounts, a proxy before it that breaks connections, an agent that is
// asked over HTTP and remembers it, and two gateways that watch the same mailboxes: one is killed again and again, and
// one lives through it all, since only that one can show whether memory stays flat.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AccountView } from '../../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import { startProxy, type TcpProxy } from '../../support/proxy.ts';
import { everything } from '../kills/evidence.ts';
import { COLLECTABLE } from './memory.ts';

const ADD_AT_ONCE = 8;
const TIMEOUT_MS = 5_000; // two busy cores with some hundred sign-ins at once; a hang costs that long
const INTERVAL = '15s'; // a silent line is found out within this and TIMEOUT_MS
const TWO_MAILBOXES_EVERY = 5; // each fifth account watches two
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export const OTHER_MAILBOX = 'Archive';

/** One turn that the agent was asked for. */
export interface Asked {
  gateway: string;
  session: string;
  message: string;
}

export interface World {
  dovecot: Dovecot;
  proxy: TcpProxy;
  users: string[];
  killed: TestGateway;
  steady: TestGateway;
  asked: Asked[];
  end(): Promise<void>;
}

export const mailboxesOf = (user: string): string[] =>
  Number(user.slice('user'.length)) % TWO_MAILBOXES_EVERY === 0 ? ['INBOX', OTHER_MAILBOX] : ['INBOX'];

export async function makeWorld(accounts: number): Promise<World> {
  const users = Array.from({ length: accounts }, (_, at) => `user${at + 1}`);
  const dovecot = await startDovecot({
    users: Object.fromEntries(users.map((user) => [user, DEFAULT_PASSWORD])),
  });
  const proxy = await startProxy(dovecot.imapPort);
  const asked: Asked[] = [];
  const agent = await startAgent(asked);
  const { port } = agent.address() as AddressInfo;
  const env = { SOAK_SECRET: SECRET };
  const killed = await prepareGateway({ env, rules: { 'rules.yaml': rules(port, 'killed') } });
  const steady = await prepareGateway({
    env: { ...env, ...COLLECTABLE },
    rules: { 'rules.yaml': rules(port, 'steady') },
  });
  return {
    dovecot,
    proxy,
    users,
    killed,
    steady,
    asked,
    end: async () => {
      await killed[Symbol.asyncDispose]();
      await steady[Symbol.asyncDispose]();
      await proxy.stop();
      agent.closeAllConnections();
      agent.close();
      await dovecot.stop();
    },
  };
}

const rules = (port: number, gateway: string): string => `agents:
  listener:
    run:
      webhook: { url: "http://127.0.0.1:${port}/${gateway}", secret_ref: "env:SOAK_SECRET", allow_private: true }
    may: { reply: never }
    limits: { time: 1m, per_sender: 1000000/1h, per_day: 1000000 }
rules:
  - { name: all mail, when: { subject: soak }, then: [{ spawn: listener }] }
`;

/** Notes every turn, and is done with it. */
async function startAgent(asked: Asked[]): Promise<Server> {
  const server = createServer(async (request, response) => {
    try {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { data } = JSON.parse(body) as { data: { session: { id: string }; message: { id: string } } };
      asked.push({
        gateway: (request.url ?? '').slice(1),
        session: data.session.id,
        message: data.message.id,
      });
      response.setHeader('content-type', 'application/json');
      response.end('{"actions":[{"type":"done","summary":"seen"}]}');
    } catch {
      response.destroy(); // the gateway was killed while it asked
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Adds all accounts to a gateway that runs; they need not be watched yet. */
export async function addAccounts({ proxy, users }: World, gateway: TestGateway): Promise<void> {
  const left = [...users];
  const add = async (): Promise<void> => {
    for (let user = left.shift(); user !== undefined; user = left.shift()) {
      const { status, body } = await gateway.request('POST', '/v1/accounts', {
        label: user,
        address: `${user}@company.example`,
        imap: { host: '127.0.0.1', port: proxy.port, security: 'none' },
        smtp: { host: '127.0.0.1', port: 1, security: 'none' },
        require_tls: false,
        timeout_ms: TIMEOUT_MS,
        auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
        watch: { mailboxes: mailboxesOf(user), interval: INTERVAL },
      });
      if (status !== 201) throw new Error(`the account was not added: ${JSON.stringify(body)}`);
    }
  };
  await Promise.all(Array.from({ length: ADD_AT_ONCE }, add));
}

/** The mailboxes that are not watched at this moment, in words. */
export async function notWatched(gateway: TestGateway): Promise<string[]> {
  const accounts = await everything<AccountView>(gateway, '/v1/accounts');
  return accounts.flatMap(({ label, mailboxes }) =>
    mailboxesOf(label).flatMap((mailbox) => {
      const status = mailboxes[mailbox];
      const well = status && ['idle', 'polling'].includes(status.state);
      return well ? [] : `${label} ${mailbox} is ${status?.state}: ${status?.last_error}`;
    }),
  );
}
