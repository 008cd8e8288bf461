// The world of the proof: one mailbox, an SMTP server that survives every kill, a gateway, and the mails that come to it.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import { startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts';

/** What becomes of a session, told to its agent by the subject; each has a rule of its own. */
export const PLANS = [
  ...(['reply', 'called', 'asked', 'waits', 'done', 'fails', 'cancelled', 'paused', 'expired'] as const),
] as const;
export type Plan = (typeof PLANS)[number];

const USER = 'sales';
const AGENT = fileURLToPath(new URL('agent.ts', import.meta.url));

export interface Mail {
  /** With angle brackets. */
  messageId: string;
  plan: Plan;
}

export interface World {
  dovecot: Dovecot;
  smtp: TestSmtpServer;
  gateway: TestGateway;
  /** Where the agents note each time they are asked: JSON lines. */
  agentLog: string;
  mails: Mail[];
  deliver(plan: Plan): Promise<void>;
  /** The customer answers a mail that was sent. */
  answer(sent: { messageId: string; subject: string }): Promise<void>;
  addAccount(): Promise<void>;
  end(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
  const smtp = await startSmtpServer();
  const gateway = await prepareGateway();
  const agentLog = join(gateway.folder, 'agent.log');
  await gateway.rules('rules.yaml', rulesFile(agentLog));
  const mails: Mail[] = [];
  const write = async (plan: Plan, subject: string, headers: string[]): Promise<void> => {
    const messageId = `<mail-${mails.length + 1}@prospect.example>`;
    mails.push({ messageId, plan });
    const lines = ['From: Ann <ann@prospect.example>', `To: ${USER}@company.example`, `Subject: ${subject}`];
    await dovecot.deliver(
      USER,
      [...lines, `Message-ID: ${messageId}`, ...headers, '', 'What does it cost?', ''].join('\r\n'),
    );
  };
  return {
    ...{ dovecot, smtp, gateway, agentLog, mails },
    deliver: (plan) => write(plan, `Case ${mails.length + 1} ${plan}`, []),
    answer: ({ messageId, subject }) =>
      write(planOf(subject), `Re: ${subject.replace(/^Re: /, '')}`, [
        `In-Reply-To: ${messageId}`,
        `References: ${messageId}`,
      ]),
    addAccount: async () => {
      await gateway.addAccount({
        label: USER,
        address: `${USER}@company.example`,
        imap: { host: dovecot.host, port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
        smtp: { host: smtp.host, port: smtp.port, security: 'none' },
        require_tls: false,
        auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
      });
    },
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      await smtp.stop();
      await dovecot.stop();
    },
  };
}

export const planOf = (subject: string): Plan =>
  PLANS.find((plan) => new RegExp(`Case \\d+ ${plan}\\b`).test(subject)) ?? 'done';

/** Nothing here is capped: what is counted is what kills do. */
const limits = (wait: string): string =>
  `{ session: ${wait}, turns: 100000, per_sender: 100000/1h, per_thread: 100000/1h, per_day: 1000000, ` +
  'mails: 100000/1h, burst: 100000/1h, concurrency: 8 }';

const rulesFile = (agentLog: string): string => {
  const run = `{ command: [node, ${JSON.stringify(AGENT)}, ${JSON.stringify(agentLog)}] }`;
  const rules = PLANS.map((plan) => {
    const agent = plan === 'expired' ? 'hasty' : 'writer';
    return `  - { name: ${plan}, when: { subject: '/Case \\d+ ${plan}/' }, then: [{ spawn: ${agent} }, stop] }`;
  });
  return `agents:
  writer: { run: ${run}, limits: ${limits('30d')} }
  hasty: { run: ${run}, limits: ${limits('2s')} }
rules:
${rules.join('\n')}
`;
};
