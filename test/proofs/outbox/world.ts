// The world of the proof: a Dovecot with four accounts, the scripted SMTP server, an agent behind a webhook, and a gateway
// that is not started yet. All but the gateway survive every kill.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SessionEvent } from '../../../src/contracts/session.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { type FakeSmtp, startFakeSmtp } from '../../support/fake-smtp.ts';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import type { Random } from '../random.ts';
import { Weather } from './weather.ts';

const CLOCK = fileURLToPath(new URL('../../support/shifted-clock.ts', import.meta.url));
const SECRET = 'whsec_cHJvb2YtcHJvb2YtcHJvb2YtcHJvb2YtcHJvb2Y=';
const AUTHSERV_ID = 'mx.proof.example';

/** What each does with its copies; the agent's account believes its server, so that the agent may answer by itself. */
export const ACCOUNTS = {
  plain: { sent_copy: 'none' },
  filed: { sent_copy: 'append' },
  provider: { sent_copy: 'server' },
  agent: { sent_copy: 'none', authserv_id: AUTHSERV_ID },
} as const;
export type AccountName = keyof typeof ACCOUNTS;

export interface World {
  dovecot: Dovecot;
  smtp: FakeSmtp;
  weather: Weather;
  gateway: TestGateway;
  /** A mail that wakes the agent, with this number in its subject. */
  wakeAgent(number: number, sender: string): Promise<void>;
  addAccounts(): Promise<void>;
  /** The gateway lives so much later from its next start on. */
  advance(ms: number): void;
  end(): Promise<void>;
}

export async function makeWorld(random: Random): Promise<World> {
  const users = Object.fromEntries(Object.keys(ACCOUNTS).map((name) => [name, DEFAULT_PASSWORD]));
  const dovecot = await startDovecot({ users });
  const weather = new Weather(random, async (raw) => {
    // The provider files what it took, as many do.
    if (/^From: .*provider@/m.test(raw.toString('latin1', 0, 4_096)))
      await dovecot.deliver('provider', raw, 'Sent');
  });
  const smtp = await startFakeSmtp({ script: weather.script });
  const agent = await startAgent();
  const gateway = await prepareGateway({ env: { HOOK_SECRET: SECRET } });
  // Two hundred starts: what Node makes of the sources is made once. It is written at an orderly end.
  gateway.setEnv({ NODE_COMPILE_CACHE: join(gateway.folder, 'compiled') });
  await gateway.rules('rules.yaml', rulesFile(agent.url));
  let laterMs = 0;
  return {
    ...{ dovecot, smtp, weather, gateway },
    wakeAgent: async (number, sender) => {
      const lines = [
        `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=verified.example`,
        `From: Customer <${sender}>`,
        'To: agent@company.example',
        `Subject: An order #${number}`,
        `Message-ID: <order-${number}@verified.example>`,
      ];
      await dovecot.deliver('agent', [...lines, '', 'Twelve, please.', ''].join('\r\n'));
    },
    addAccounts: async () => {
      for (const [name, settings] of Object.entries(ACCOUNTS))
        await gateway.addAccount({
          label: name,
          address: `${name}@company.example`,
          imap: { host: dovecot.host, port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
          smtp: { host: smtp.host, port: smtp.port, security: 'none' },
          require_tls: false,
          auth: { type: 'basic', username: name, password: DEFAULT_PASSWORD },
          ...settings,
        });
    },
    advance: (ms) => {
      laterMs += ms;
      gateway.setEnv({ NODE_OPTIONS: `--import=${CLOCK}`, TEST_CLOCK_LATER_MS: String(laterMs) });
    },
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      await agent.stop();
      await smtp.stop();
      await dovecot.stop();
    },
  };
}

/** Answers each turn at once, in the response. */
async function startAgent(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => undefined); // its gateway was killed
    request.on('end', () => {
      const { data } = JSON.parse(Buffer.concat(pieces).toString('utf8')) as SessionEvent;
      const text = `This answers ${data.session.id} turn ${data.session.turn}.`;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ actions: [{ type: 'reply', text }] }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Nothing is capped: what is counted is what kills do. */
const rulesFile = (url: string): string => `agents:
  shop:
    run: { webhook: { url: "${url}", secret_ref: "env:HOOK_SECRET", allow_private: true } }
    may: { reply: auto, recipients: thread }
    limits: { session: 30d, turns: 100000, per_sender: 100000/1h, per_thread: 100000/1h, per_day: 1000000, mails: 100000/1h, burst: 100000/1h, concurrency: 8 }
rules:
  - { name: orders, account: agent, when: { subject: order }, then: [{ spawn: shop }] }
`;
