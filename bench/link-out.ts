// What a file that goes as a link takes of memory: uploaded, sent, and fetched by its link, in the folder and in S3.
import { randomBytes } from 'node:crypto';
import type { DraftView } from '../src/contracts/draft.ts';
import { ADMIN_TOKEN, type TestGateway } from '../test/support/gateway.ts';
import { s3Environment, startS3 } from '../test/support/s3.ts';
import { requireService } from '../test/support/services.ts';
import type { WayOf } from './attachments.ts';
import type { Line } from './benchmark.ts';
import type { CountingSink } from './sink.ts';

const WAIT_LIMIT_MS = 300_000;
const PUBLIC = { POSTERN_PUBLIC_URL: 'https://mail.example.org' };

type Compare = (
  name: string,
  what: string,
  megabytes: number,
  wayOf: WayOf,
  env: Record<string, string>,
) => Promise<Line>;

/** The line for S3 is left out where there is no such server; under CI=true that is an error. */
export async function linkLines(compare: Compare, sink: CountingSink, megabytes: number): Promise<Line[]> {
  const wayOf: WayOf = (gateway) => {
    let account: Promise<void> | undefined;
    return async (bytes) => {
      account ??= addAccount(gateway, sink);
      await account;
      await sendAndFetch(gateway, bytes);
    };
  };
  const what = 'uploaded, sent as a link and fetched by it';
  const folder = await compare('link-out', `${what}, in the folder`, megabytes, wayOf, PUBLIC);
  const missing = requireService('radosgw');
  if (missing !== false) {
    console.error(missing);
    return [folder];
  }
  await using s3 = await startS3();
  const env = { ...PUBLIC, ...s3Environment(s3) };
  return [folder, await compare('link-out-s3', `${what}, in S3`, megabytes, wayOf, env)];
}

async function addAccount(gateway: TestGateway, sink: CountingSink): Promise<void> {
  const { status, body } = await gateway.request('POST', '/v1/accounts', {
    ...{ label: 'links', address: 'links@sender.example', watch: { mode: 'off' }, links: { mode: 'always' } },
    imap: { host: '127.0.0.1', port: 1, security: 'none' },
    smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
    auth: { type: 'basic', username: 'u', password: 'p' },
    ...{ require_tls: false, sent_copy: 'none' },
  });
  if (status !== 201) throw new Error(`the account was not added: ${JSON.stringify(body)}`);
}

async function sendAndFetch(gateway: TestGateway, bytes: number): Promise<void> {
  const uploaded = await fetch(`${gateway.url}/v1/objects?filename=file.bin`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/octet-stream' },
    body: randomBytes(bytes),
  });
  const object = (await uploaded.json()) as { id?: string; detail?: string };
  if (uploaded.status !== 201) throw new Error(`the upload was refused: ${object.detail}`);
  const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
    ...{ account: 'links', to: ['person@customer.example'], subject: 'A file', text: 'Below.' },
    attachments: [{ object_id: object.id }],
  });
  if (status !== 201) throw new Error(`the submission was refused: ${JSON.stringify(body)}`);
  const { draft_id: draftId } = await gateway.until(async () => {
    const found = await gateway.submission(body.id);
    return found.state === 'sent' ? found : null;
  }, WAIT_LIMIT_MS);
  const { links = [] } = await gateway.get<DraftView>(`/v1/drafts/${draftId}`);
  const response = await fetch(`${gateway.url}/d/${links[0]?.url.split('/').at(-1)}`);
  let taken = 0;
  for await (const piece of response.body as AsyncIterable<Uint8Array>) taken += piece.length;
  if (taken !== bytes) throw new Error(`the link gave ${taken} of ${bytes} octets`);
}
