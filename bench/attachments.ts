// What a large attachment takes of memory beside one of 1 MB: on its way in, to an agent's folder and over REST, and on
// its way out. Peaks are the kernel's own (VmHWM), reset before each mail.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { ADMIN_TOKEN, prepareGateway, type TestGateway } from '../test/support/gateway.ts';
import { acknowledge, sourceEvents } from '../test/support/source-client.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { FootprintProbe } from './footprint.ts';
import { linkLines } from './link-out.ts';
import { mailWithFile } from './mails.ts';
import { type CountingSink, startCountingSink } from './sink.ts';
import { median } from './statistics.ts';

const USER = 'bench';
const MB = 1024 * 1024;
const SMALL_MB = 1;
const LARGE_MB = { full: 100, quick: 20 };
const LINKED_MB = { full: 200, quick: 30 };
const RUNS = { full: 5, quick: 1 };
const WARM_UP = 2; // code and buffers that the first mails bring along are no part of a mail's own
const BUDGET_MB = 64;
const LARGEST_MESSAGE_BYTES = 512 * MB;
const WAIT_LIMIT_MS = 300_000;
const GATEWAY = 'gateway';

export const attachments: Benchmark = { name: 'attachments', run };

/** Sends one mail with an attachment of so many bytes on its way, and returns when it has arrived. */
type Way = (bytes: number) => Promise<void>;
export type WayOf = (gateway: TestGateway) => Way;

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const runs = quick ? RUNS.quick : RUNS.full;
  const largest = quick ? LARGE_MB.quick : LARGE_MB.full;
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD }, noStartTls: true });
  await using sink = await startCountingSink();
  await using probe = await FootprintProbe.open();
  await using site = await startSite();
  const compare = async (
    name: string,
    what: string,
    megabytes: number,
    wayOf: WayOf,
    env: Record<string, string> = {},
  ): Promise<Line> => {
    const small: number[] = [];
    const large: number[] = [];
    for (let at = 0; at < runs; at++) {
      // A new process for each: one that was large before keeps some of that, and would hide what it takes again.
      await using gateway = await startReceiving(dovecot, sink, site.url, probe, env);
      const way = wayOf(gateway);
      for (let mail = 0; mail < WARM_UP; mail++) await way(SMALL_MB * MB);
      small.push(await peakOf(gateway, probe, () => way(SMALL_MB * MB)));
      large.push(await peakOf(gateway, probe, () => way(megabytes * MB)));
    }
    const [ours, baseline] = [median(large), median(small)];
    say(`${name}: ${ours.toFixed(0)} MB for ${megabytes} MB, ${baseline.toFixed(0)} MB for 1 MB`);
    return {
      name,
      against: `the same with 1 MB; ${what}, ${megabytes} MB`,
      unit: 'MB',
      ours,
      baseline,
      difference: ours - baseline,
      runs: { ours: large, baseline: small },
      budget: { of: 'difference', value: BUDGET_MB },
    };
  };
  return [
    await compare('attachments', 'taken in and laid into an agent’s folder', largest, (gateway) => {
      const way = new WayIn(dovecot, gateway);
      return (bytes) => way.toAgent(bytes);
    }),
    await compare('attachments-rest', 'downloaded over REST with its mail', largest, (gateway) => {
      const way = new WayIn(dovecot, gateway);
      return (bytes) => way.download(bytes);
    }),
    await compare('attachments-post', 'posted to a website as JSON', largest, (gateway) => {
      const way = new WayIn(dovecot, gateway);
      return (bytes) => way.toSite(bytes, site);
    }),
    await compare(
      'attachments-event',
      'hashed and kept for an event of the mailbox source',
      largest,
      (gateway) => {
        const way = new WayIn(dovecot, gateway);
        return (bytes) => way.toConsumer(bytes);
      },
    ),
    await compare('attachments-out', 'uploaded, attached and sent', largest, (gateway) => {
      return (bytes) => submit(gateway, sink, bytes);
    }),
    ...(await linkLines(compare, sink, quick ? LINKED_MB.quick : LINKED_MB.full)),
  ];
}

/** In MB, above what the gateway takes at rest. */
async function peakOf(
  gateway: TestGateway,
  probe: FootprintProbe,
  work: () => Promise<void>,
): Promise<number> {
  const before = await probe.read(GATEWAY, gateway.pid);
  await writeFile(`/proc/${gateway.pid}/clear_refs`, '5'); // proc(5): resets the peak to what is taken now
  await work();
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8');
  const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  return (peakKb * 1024 - before.rss) / MB;
}

/** The gateway watches one account; each mail wakes an agent that tells the hash of the file in its folder. */
async function startReceiving(
  dovecot: Dovecot,
  sink: CountingSink,
  site: string,
  probe: FootprintProbe,
  more: Record<string, string>,
): Promise<TestGateway> {
  const agent = [
    "import { createHash } from 'node:crypto';",
    "import { createReadStream, readFileSync } from 'node:fs';",
    "const { data: { message } } = JSON.parse(readFileSync(0, 'utf8'));",
    "const hash = createHash('sha256');",
    'for await (const piece of createReadStream(message.attachments[0].path)) hash.update(piece);',
    "console.log(JSON.stringify({ actions: [{ type: 'done', summary: hash.digest('hex') }] }));",
  ];
  const gateway = await prepareGateway({ env: { ...probe.env(GATEWAY), ...more } });
  const script = join(gateway.folder, 'agent.mjs');
  await writeFile(script, agent.join('\n'));
  const rules = [
    'agents:',
    '  bench:',
    // Without the environment of the gateway: the agent is not measured.
    `    run: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(script)}] }`,
    '    limits: { time: 5m, per_sender: 100000/1h, per_day: 100000 }',
    'rules:',
    '  - { name: files, when: { attachment: true, subject: "for the agent" }, then: [{ spawn: bench }] }',
    '  - name: site',
    '    when: { attachment: true, subject: "for the site" }',
    `    then: [{ post: { url: "${site}", allow_private: true, include_attachments: true, max_body_size: 128MB, timeout: 2m } }]`,
  ];
  await gateway.rules('rules.yaml', rules.join('\n'));
  await gateway.start();
  await gateway.addAccount({
    label: 'bench',
    address: 'bench@receiver.example',
    imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
    smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
    max_message_bytes: LARGEST_MESSAGE_BYTES,
    sent_copy: 'none',
  });
  return gateway;
}

interface SessionDone {
  state: string;
  summary: string | null;
}

class WayIn {
  readonly #dovecot: Dovecot;
  readonly #gateway: TestGateway;
  #count = 0;

  constructor(dovecot: Dovecot, gateway: TestGateway) {
    this.#dovecot = dovecot;
    this.#gateway = gateway;
  }

  async toAgent(bytes: number): Promise<void> {
    const sessions = ++this.#count;
    const { sha256 } = await this.#deliver(bytes, 'for the agent');
    await this.#gateway.until(async () => {
      const { data } = await this.#gateway.get<{ data: SessionDone[] }>('/v1/sessions?limit=1000');
      const ended = data.filter(({ state }) => state !== 'running' && state !== 'queued');
      if (ended.length < sessions) return null;
      if (!ended.some(({ summary }) => summary === sha256))
        throw new Error(`the agent did not find its file: ${JSON.stringify(ended[0])}`);
      return true;
    }, WAIT_LIMIT_MS);
  }

  async download(bytes: number): Promise<void> {
    const { uid, size } = await this.#deliver(bytes, 'for REST');
    const response = await fetch(`${this.#gateway.url}/v1/accounts/bench/imap/download_message`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ mailbox: 'INBOX', uid }),
    });
    let taken = 0;
    for await (const piece of response.body as AsyncIterable<Uint8Array>) taken += piece.length;
    if (response.status !== 200 || taken < size)
      throw new Error(`the download answered ${response.status} with ${taken} of ${size} octets`);
  }

  async toSite(bytes: number, site: Site): Promise<void> {
    const posted = once(site.server, 'posted', { signal: AbortSignal.timeout(WAIT_LIMIT_MS) });
    await this.#deliver(bytes, 'for the site');
    const [octets] = (await posted) as [number];
    if (octets < bytes) throw new Error(`the site was given ${octets} octets for a file of ${bytes}`);
  }

  async toConsumer(bytes: number): Promise<void> {
    const input = { name: 'bench', mailboxes: ['INBOX'], from: 'now' };
    const path = '/v1/accounts/bench/imap/mailbox_source';
    const { body } = await this.#gateway.request<{ id: string }>('POST', path, input);
    const { sha256 } = await this.#deliver(bytes, 'for the consumer');
    const query = {
      content: 'event',
      attachment_retention_days: '1',
      max_body_bytes: String(LARGEST_MESSAGE_BYTES),
    };
    for await (const handed of sourceEvents(this.#gateway.url, body.id, query)) {
      if (handed.type !== 'event') continue;
      const [, file] = handed.event.data.message.parts;
      if (file?.hashes?.sha256 !== sha256 || file.artifact === null)
        throw new Error(`the event does not tell of its file: ${JSON.stringify(file).slice(0, 500)}`);
      await acknowledge(this.#gateway.url, body.id, [handed.position]);
      return;
    }
  }

  async #deliver(bytes: number, subject: string): Promise<{ uid: number; size: number; sha256: string }> {
    const file = randomBytes(bytes);
    const raw = mailWithFile(file, subject, ++serial);
    const { uid } = await this.#dovecot.deliver(USER, raw);
    return { uid, size: raw.length, sha256: createHash('sha256').update(file).digest('hex') };
  }
}

interface Site extends AsyncDisposable {
  url: string;
  /** Emits `posted` with the octets of each body. */
  server: Server;
}

/** A website that takes everything and keeps nothing. */
async function startSite(): Promise<Site> {
  const server = createServer((request, response) => {
    let octets = 0;
    request.on('data', (piece: Buffer) => {
      octets += piece.length;
    });
    request.on('end', () => {
      response.writeHead(204).end();
      server.emit('posted', octets);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    server,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let serial = 0;

async function submit(gateway: TestGateway, sink: CountingSink, bytes: number): Promise<void> {
  const before = sink.count();
  const uploaded = await fetch(`${gateway.url}/v1/objects?filename=file.bin`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/octet-stream' },
    body: randomBytes(bytes),
  });
  const object = (await uploaded.json()) as { id?: string; detail?: string };
  if (uploaded.status !== 201) throw new Error(`the upload was refused: ${object.detail}`);
  const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
    account: 'bench',
    to: ['person@customer.example'],
    subject: 'A file',
    text: 'Please find it attached.',
    attachments: [{ object_id: object.id }],
  });
  if (status !== 201) throw new Error(`the submission was refused: ${JSON.stringify(body)}`);
  await gateway.until(async () => (await gateway.submission(body.id)).state === 'sent', WAIT_LIMIT_MS);
  if (sink.count() !== before + 1) throw new Error('the sink did not take the mail');
}
