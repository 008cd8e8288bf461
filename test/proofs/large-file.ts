// A file of 200 MB goes as a link, through the folder and through a real S3 server: fetched as it was, gone when it is
// revoked or its time is over, and hardly more memory than one of 1 MB.
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { ObjectView } from '../../src/contracts/object.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { s3Environment, startS3 } from '../support/s3.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';

const MB = 1024 * 1024;
const LARGE_MB = { full: 200, quick: 30 };
const BUDGET_MB = 64;
// Where the gateway hands out what lies in S3: Node's HTTP client leaves every byte to the collector once more, which comes
// after some 60 MB, however large the file is.
const STREAMED_BUDGET_MB = 80;
const WARM_UP = 2; // code and buffers that the first mails bring along are no part of a mail's own
const MANY_CHUNKS = 64;

export const largeFile: Proof = {
  name: 'large-file',
  summary:
    'A file of 200 MB goes as a link, is fetched as it was, and takes hardly more memory than one of 1 MB.',
  run,
};

async function run(options: ProofOptions): Promise<Verdict> {
  const folder = await through('the folder', {}, BUDGET_MB, options);
  await using s3 = await startS3();
  const env = { ...s3Environment(s3), POSTERN_S3_DOWNLOADS: 'stream' };
  const server = await through('S3, handed out by the gateway', env, STREAMED_BUDGET_MB, options);
  const straight = await through('S3, fetched from there', s3Environment(s3), BUDGET_MB, options);
  const all = [folder, server, straight];
  return { holds: all.every(({ holds }) => holds), figures: all.map(({ figures }) => figures).join('; ') };
}

async function through(
  name: string,
  env: Record<string, string>,
  budgetMb: number,
  { quick, tell }: ProofOptions,
): Promise<Verdict> {
  const megabytes = quick ? LARGE_MB.quick : LARGE_MB.full;
  await using sink = await startSmtpSink();
  await using gateway = await startGateway({
    env: { POSTERN_PUBLIC_URL: 'https://mail.example.org', ...env },
  });
  const { status } = await gateway.request('POST', '/v1/accounts', accountOn(sink));
  if (status !== 201) throw new Error('the account was not added');
  for (let file = 0; file < WARM_UP; file++) await sendAndFetch(gateway, MB);
  const small = await peakOf(gateway, () => sendAndFetch(gateway, MB));
  let large: Fetched | undefined;
  const peak = await peakOf(gateway, async () => {
    large = await sendAndFetch(gateway, megabytes * MB);
  });
  const more = Math.max(0, peak - small);
  const mails = await sink.messages();
  const isSmall = mails.every(({ raw }) => raw.length < MB / 2);
  const ended = await ends(gateway, large as Fetched);
  const figures = `${name}: ${megabytes} MB fetched equal, ${peak.toFixed(0)} MB of memory beside ${small.toFixed(0)} MB for 1 MB, ${ended}`;
  tell(figures);
  return { holds: more <= budgetMb && isSmall && ended === 'revoked and expired', figures };
}

const accountOn = (sink: SmtpSink): Record<string, unknown> => ({
  ...{ label: 'sales', address: 'sales@sender.example', watch: { mode: 'off' } },
  imap: { host: '127.0.0.1', port: 1, security: 'none' },
  smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
  auth: { type: 'basic', username: 'u', password: 'p' },
  ...{ require_tls: false, max_message_bytes: MB / 2, sent_copy: 'none' },
});

interface Fetched {
  linkId: string;
  objectId: string;
  url: string;
}

/** Uploaded, sent as a link, and fetched by it. @throws Error where what is fetched is something else */
async function sendAndFetch(gateway: TestGateway, octets: number): Promise<Fetched> {
  const sent = createHash('sha256');
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (let left = octets; left > 0; left -= octets / MANY_CHUNKS) {
      const piece = randomBytes(octets / MANY_CHUNKS);
      sent.update(piece);
      yield piece;
    }
  }
  const uploaded = await fetch(`${gateway.url}/v1/objects?filename=large.bin`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/octet-stream' },
    body: ReadableStream.from(bytes()),
    duplex: 'half',
  } as RequestInit);
  const { id: objectId } = (await uploaded.json()) as ObjectView;
  const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
    ...{ account: 'sales', to: ['person@customer.example'], subject: 'A file', text: 'Below.' },
    attachments: [{ object_id: objectId }],
  });
  if (status !== 201) throw new Error(`the submission was refused: ${JSON.stringify(body)}`);
  const { draft_id: draftId } = await gateway.until(async () => {
    const found = await gateway.submission(body.id);
    return found.state === 'sent' ? found : null;
  });
  const [link] = (await gateway.get<DraftView>(`/v1/drafts/${draftId}`)).links ?? [];
  if (!link) throw new Error('the file did not go as a link');
  const url = `${gateway.url}/d/${link.url.split('/').at(-1)}`;
  const fetched = createHash('sha256');
  for await (const piece of (await fetch(url)).body as AsyncIterable<Uint8Array>) fetched.update(piece);
  if (fetched.digest('hex') !== sent.digest('hex')) throw new Error('another file was fetched than was sent');
  return { linkId: link.link_id, objectId, url };
}

/** One link is revoked, and the time of another one ends; neither file is there afterwards. */
async function ends(gateway: TestGateway, large: Fetched): Promise<string> {
  const other = await sendAndFetch(gateway, MB);
  await gateway.request('POST', `/v1/links/${large.linkId}/revoke`);
  await gateway.request('POST', `/v1/links/${other.linkId}/extend`, { expires: '1s' });
  for (const { url, objectId } of [large, other]) {
    await eventually(async () => (await fetch(url)).status === 404);
    await eventually(async () => (await gateway.request('GET', `/v1/objects/${objectId}`)).status === 404);
  }
  return 'revoked and expired';
}

/** In MB, above what the gateway took before: the kernel's own peak (proc(5): VmHWM, reset by 5). */
async function peakOf(gateway: TestGateway, work: () => Promise<unknown>): Promise<number> {
  await writeFile(`/proc/${gateway.pid}/clear_refs`, '5');
  const before = await peakNow(gateway);
  await work();
  return (await peakNow(gateway)) - before;
}

async function peakNow({ pid }: TestGateway): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
