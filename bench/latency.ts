// From a mail's arrival to the start of its session, beside a bare ImapFlow client that hears of the same mail.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ImapFlow } from 'imapflow';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { startGateway, type TestGateway } from '../test/support/gateway.ts';
import { bareClient, FIELDS, FIELDS_IN_WORDS } from './baselines/imap.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { requireRealDisk } from './ledger-view.ts';
import { rawMail } from './mails.ts';
import { profilingEnv } from './profiling.ts';
import { rulesYaml } from './rule-set.ts';
import { median, percentile } from './statistics.ts';

const USER = 'bench';
const MAILS = { full: 100, quick: 20 };
const WARM_UP_MAILS = 3; // not counted: both sides compile their code at the first mails
const RULES = 1_000;
const MAIL_LIMIT_MS = 20_000;
const PAUSE_MS = 150; // between two mails, so that both clients are back in IDLE
const PAUSE_JITTER_MS = 100; // no beat with anybody's timers

export const latency: Benchmark = { name: 'latency', run };

/** When something of the mail with this number was noticed, by performance.now(). */
type Noticed = (number: number, at: number) => void;

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD }, noStartTls: true });
  const seen = { session: new Arrivals(), bare: new Arrivals() };
  const agent = await startAgent((number, at) => seen.session.note(number, at));
  const client = await startBareClient(dovecot, (number, at) => seen.bare.note(number, at));
  try {
    await using gateway = await startWatching(dovecot, agent.url);
    requireRealDisk(gateway.folder);
    const ours: number[] = [];
    const bare: number[] = [];
    const mails = quick ? MAILS.quick : MAILS.full;
    for (let number = 1 - WARM_UP_MAILS; number <= mails; number++) {
      await delay(PAUSE_MS + Math.random() * PAUSE_JITTER_MS);
      await dovecot.deliverMany(USER, [rawMail(1_000 + number, `latency-${number}`)]);
      const arrivedAt = performance.now();
      const [session, fetched] = await Promise.all([seen.session.of(number), seen.bare.of(number)]);
      if (number < 1) continue;
      ours.push(session - arrivedAt);
      bare.push(fetched - arrivedAt);
      if (number % 20 === 0) say(`${number} of ${mails} mails`);
    }
    return linesOf(ours, bare);
  } finally {
    client.close();
    agent.server.closeAllConnections();
    agent.server.close();
  }
}

/** Differences are taken mail by mail: Dovecot's own wait differs from mail to mail, and is the same for both. */
function linesOf(ours: number[], bare: number[]): Line[] {
  const differences = ours.map((ms, at) => ms - (bare[at] as number));
  const line = (name: string, of: (values: readonly number[]) => number, budget: number): Line => ({
    name,
    against: `bare ImapFlow's exists and fetch of ${FIELDS_IN_WORDS}`,
    unit: 'ms',
    ours: of(ours),
    baseline: of(bare),
    difference: of(differences),
    runs: { ours, baseline: bare },
    budget: { of: 'difference', value: budget },
  });
  return [line('latency', median, 10), line('latency-p99', (values) => percentile(values, 0.99), 25)];
}

/** The agent: a webhook in this process. A session has started when the request for it is here. */
export async function startAgent(noticed: Noticed): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const at = performance.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(204).end();
      noticed(numberOf(Buffer.concat(chunks).toString('utf8')), at);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

/** Connects, and from then on fetches what is new whenever it hears `exists`; in IDLE at once after each fetch. */
async function startBareClient(dovecot: Dovecot, noticed: Noticed): Promise<ImapFlow> {
  const client = bareClient({ port: dovecot.imapPort, user: USER, password: DEFAULT_PASSWORD });
  client.on('error', () => client.close()); // then no mail is noticed, and the wait for one ends
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  let lastUid = 0;
  let tail = Promise.resolve();
  const fetchNew = async (): Promise<void> => {
    const found: { header: string; at: number }[] = [];
    for await (const message of client.fetch(`${lastUid + 1}:*`, FIELDS, { uid: true })) {
      if (message.uid <= lastUid) continue;
      lastUid = message.uid;
      found.push({ header: message.headers?.toString('latin1') ?? '', at: performance.now() });
    }
    void client.idle().catch(() => undefined);
    for (const { header, at } of found) noticed(numberOf(header), at);
  };
  client.on('exists', () => {
    tail = tail.then(fetchNew).catch(() => client.close());
  });
  void client.idle().catch(() => undefined);
  return client;
}

/** The number that rawMail wrote into the Message-ID. */
const numberOf = (text: string): number => Number(/<latency-(-?\d+)\./.exec(text)?.[1]);

/** @param more lines of rules besides the one that starts a session for each mail */
export async function startWatching(
  dovecot: Pick<Dovecot, 'imapPort'>,
  url: string,
  more = '',
): Promise<TestGateway> {
  const agents = [
    'agents:',
    '  bench:',
    '    run:',
    `      webhook: { url: "${url}", secret_ref: env:BENCH_WEBHOOK_SECRET, allow_private: true }`,
    '    limits: { time: 1m, per_sender: 100000/1h, per_day: 100000 }',
    '',
  ].join('\n');
  const first = `  - { name: everything, then: [{ spawn: bench }] }\n${more}`;
  const gateway = await startGateway({
    rules: { 'rules.yaml': rulesYaml(RULES, first, agents) },
    env: { BENCH_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`, ...profilingEnv() },
  });
  const endpoint = { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' };
  await gateway.addAccount({
    label: 'bench',
    address: 'bench@receiver.example',
    imap: endpoint,
    smtp: endpoint,
    require_tls: false,
    auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
  });
  return gateway;
}

/** When each mail was noticed, and a wait for those that were not yet. */
export class Arrivals {
  readonly #mails = new Map<number, PromiseWithResolvers<number>>();

  #entry(number: number): PromiseWithResolvers<number> {
    const entry = this.#mails.get(number) ?? Promise.withResolvers<number>();
    this.#mails.set(number, entry);
    return entry;
  }

  note(number: number, at: number): void {
    this.#entry(number).resolve(at);
  }

  async of(number: number): Promise<number> {
    const limit = AbortSignal.timeout(MAIL_LIMIT_MS);
    const expired = once(limit, 'abort').then(() => {
      throw new Error(`mail ${number} was not noticed within ${MAIL_LIMIT_MS} ms`);
    });
    return Promise.race([this.#entry(number).promise, expired]);
  }
}
