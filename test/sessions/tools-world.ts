// A gateway with two mailboxes and a sink, whose agents take their mail by webhook, say that they work on (202), and then
// do what a test makes them do, with their token over REST.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionEvent } from '../../src/contracts/session.ts';
import type { SessionRecord } from '../../src/contracts/session-record.ts';
import { mailWith } from '../knowledge/mails.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { Hooks, SECRET } from './webhook-house.ts';

const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';
const ANN = 'Ann Buyer <ann@prospect.example>';

export interface Said<T = Record<string, unknown>> {
  status: number;
  body: T & { code?: string };
}

/** A turn of an agent that works on, as its own program would see it. */
export class Turn {
  readonly event: SessionEvent;
  readonly #gateway: TestGateway;

  constructor(gateway: TestGateway, event: SessionEvent) {
    this.#gateway = gateway;
    this.event = event;
  }

  get message(): SessionEvent['data']['message'] {
    return this.event.data.message;
  }

  get sessionId(): string {
    return this.event.data.session.id;
  }

  /** With the session's token, and no other power. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Said<T>> {
    const authorization = `Bearer ${this.event.data.session.token}`;
    return this.#gateway.request<T>(method, `/v1${path}`, body, { authorization });
  }

  async bytes(path: string): Promise<{ status: number; bytes: Buffer }> {
    const response = await fetch(`${this.#gateway.url}/v1${path}`, {
      headers: { authorization: `Bearer ${this.event.data.session.token}` },
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  }

  finish(summary?: string): Promise<Said> {
    return this.call('POST', '/session/finish', summary === undefined ? {} : { summary });
  }

  async record(): Promise<SessionRecord[]> {
    const path = `/v1/sessions/${this.sessionId}/record?limit=1000`;
    return (await this.#gateway.get<{ data: SessionRecord[] }>(path)).data;
  }

  refused = async (): Promise<SessionRecord['data'][]> =>
    (await this.record()).filter(({ kind }) => kind === 'refused').map(({ data }) => data);
}

export interface ToolsWorld {
  gateway: TestGateway;
  dovecot: Dovecot;
  sink: SmtpSink;
  hooks: Hooks;
  /** The rules that the gateway began with. */
  rules: string;
  /** Fulfils once they are in force. */
  changeRules(text: string): Promise<void>;
  /** Brings such a mail, and does not wait for what it wakes. */
  deliver(agent: string, mail?: Parameters<ToolsWorld['wake']>[1]): Promise<void>;
  /** Brings a mail whose subject begins with the agent's name, and gives the turn that it wakes. */
  wake(
    agent: string,
    mail?: { files?: Parameters<typeof mailWith>[1]; text?: string; from?: string },
  ): Promise<Turn>;
  /** The next turn of a session. */
  nextTurn(sessionId: string, number: number): Promise<Turn>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * @param agents names to their `may`, as rules write it
 * @param calls how many one turn of an agent may make, where it is not to be the default
 * @param script the agent that is a program instead, and its text
 */
export async function openToolsWorld(
  agents: Record<string, string>,
  calls: Record<string, number> = {},
  script: { agent: string; text: string } = { agent: '', text: '' },
): Promise<ToolsWorld> {
  const dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD, support: DEFAULT_PASSWORD } });
  const sink = await startSmtpSink();
  const hooks = new Hooks();
  await hooks.listen();
  const gateway = await prepareGateway({ env: { HOOK: SECRET } });
  const program = join(gateway.folder, 'agent.mjs');
  const names = Object.keys(agents);
  const rules = [
    'agents:',
    ...names.map(
      (name) =>
        `  ${name}: { run: ${name === script.agent ? `{ command: [node, "${program}"] }` : `{ webhook: { url: "${hooks.url(`/${name}`)}", secret_ref: "env:HOOK", allow_private: true } }`}, may: ${agents[name]}, limits: { per_sender: 1000/1h, time: 10m, calls: ${calls[name] ?? 1000} } }`,
    ),
    'rules:',
    ...names.map(
      (name) => `  - { name: ${name}, when: { subject: "${name}*" }, then: [{ spawn: ${name} }] }`,
    ),
  ].join('\n');
  for (const name of names) hooks.answers(`/${name}`, (response) => void response.writeHead(202).end());
  await writeFile(program, script.text);
  await gateway.rules('rules.yaml', rules);
  await gateway.start();
  const account = {
    ...salesAccount(dovecot, sink),
    authserv_id: 'mx.company.example',
    watch: { interval: '1s' },
  };
  await gateway.addAccount(account);
  await gateway.addAccount({
    ...account,
    ...{ label: 'support', address: 'support@company.example', from: 'Support <support@company.example>' },
    auth: { type: 'basic', username: 'support', password: DEFAULT_PASSWORD },
  });
  let mails = 0;
  const deliver: ToolsWorld['deliver'] = async (agent, { files = [], text, from = ANN } = {}) => {
    const subject = `${agent}: mail ${++mails}`;
    const raw = mailWith(`m${mails}`, files, { subject, ...(text === undefined ? {} : { text }) });
    await dovecot.deliver('sales', `${VOUCHED}\r\n${raw.replace(ANN, from)}`);
  };
  return {
    ...{ gateway, dovecot, sink, hooks, rules },
    changeRules: async (text) => {
      const limit = new AbortController();
      const events = gateway.events(limit.signal);
      await events.next();
      await gateway.rules('rules.yaml', text);
      for await (const event of events) if (event?.type === 'rules.changed') break;
      limit.abort();
    },
    deliver,
    wake: async (agent, mail) => {
      const seen = hooks.at(`/${agent}`).length;
      await deliver(agent, mail);
      const { event } = await hooks.until(() => hooks.at(`/${agent}`)[seen]);
      return new Turn(gateway, event);
    },
    nextTurn: async (sessionId, number) => {
      const request = await hooks.until(() =>
        hooks.requests.find(
          ({ event }) => event.data.session.id === sessionId && event.data.session.turn === number,
        ),
      );
      return new Turn(gateway, request.event);
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await hooks[Symbol.asyncDispose]();
      await sink.stop();
      await dovecot.stop();
    },
  };
}
