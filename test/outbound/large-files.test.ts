// A file that is too large for a mail: it goes as a link, is fetched as it was, and for as long as the mail says.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { DraftView, SubmissionView } from '../../src/contracts/draft.ts';
import type { LinkView } from '../../src/contracts/link.ts';
import type { ObjectView } from '../../src/contracts/object.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { type S3Server, s3Environment, startS3 } from '../support/s3.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';

const MIB = 1024 * 1024;
const LIMIT_BYTES = 4 * MIB;
const PUBLIC_URL = 'https://mail.example.org/gate';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function upload(gateway: TestGateway, bytes: Buffer, filename: string): Promise<ObjectView> {
  const response = await fetch(`${gateway.url}/v1/objects?filename=${encodeURIComponent(filename)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  assert.equal(response.status, 201);
  return (await response.json()) as ObjectView;
}

/** What the link leads to, asked for where this test's gateway listens. */
const fetchLink = (gateway: TestGateway, url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${gateway.url}/d/${url.split('/').at(-1)}`, { redirect: 'manual', ...init });

function addAccount(gateway: TestGateway, sink: SmtpSink, label: string, links: object = {}) {
  return gateway.request('POST', '/v1/accounts', {
    ...{ label, address: `${label}@sender.example`, active: true, watch: { mode: 'off' } },
    imap: { host: '127.0.0.1', port: 1, security: 'none' },
    smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
    auth: { type: 'basic', username: 'u', password: 'p' },
    ...{ require_tls: false, max_message_bytes: LIMIT_BYTES, sent_copy: 'none', links },
  });
}

interface Sent {
  raw: string;
  submission: SubmissionView;
  draft: DraftView;
}

let sink: SmtpSink;
let sent = 0;

async function send(gateway: TestGateway, mail: object): Promise<Sent> {
  const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
    ...{
      account: 'sales',
      to: ['person@customer.example'],
      subject: 'A file',
      text: 'Please find it below.',
    },
    ...mail,
  });
  assert.equal(status, 201, JSON.stringify(body));
  const submission = await gateway.until(async () => {
    const found = await gateway.submission(body.id);
    return found.state === 'sent' ? found : null;
  });
  const messages = await sink.waitFor(++sent);
  const draft = await gateway.get<DraftView>(`/v1/drafts/${submission.draft_id}`);
  return { raw: messages.at(-1)?.raw.toString('utf8') ?? '', submission, draft };
}

const linkOf = (gateway: TestGateway, { draft }: Sent): Promise<LinkView> =>
  gateway.get<LinkView>(`/v1/links/${draft.links?.[0]?.link_id}`);

/** Text of the mail without what quoted-printable adds. */
const decoded = (raw: string): string =>
  Buffer.from(
    raw
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');

describe('a file that is too large for a mail', { skip: requireService('smtp-sink') }, () => {
  let gateway: TestGateway;
  const large = randomBytes(6 * MIB);
  before(async () => {
    sink = await startSmtpSink();
    gateway = await startGateway({ env: { POSTERN_PUBLIC_URL: PUBLIC_URL } });
    assert.equal((await addAccount(gateway, sink, 'sales')).status, 201);
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
  });

  it('goes as a link in both bodies, the smaller ones stay attached, and the file is fetched as it was', async () => {
    const [big, small] = [
      await upload(gateway, large, 'Größe.bin'),
      await upload(gateway, randomBytes(1000), 's.bin'),
    ];
    const mail = await send(gateway, {
      text: 'Guten Tag, anbei finden Sie die Dateien, über die wir gestern gesprochen haben.',
      html: '<html><body><p>Guten Tag, anbei finden Sie die Dateien.</p></body></html>',
      attachments: [{ object_id: big.id }, { object_id: small.id }],
    });
    const [link] = mail.draft.links ?? [];
    assert.ok(link);
    assert.ok(link.url.startsWith(`${PUBLIC_URL}/d/`));
    assert.deepEqual(
      mail.draft.attachments.map(({ filename }) => filename),
      ['s.bin'],
    );
    assert.ok(mail.raw.length < 20_000 && mail.raw.includes('s.bin'));
    const text = decoded(mail.raw);
    assert.equal(text.split(link.url).length - 1, 2, 'once in each body');
    assert.match(
      text,
      /Dateien zum Herunterladen:\r\n\r\nGröße\.bin \(6,3 MB, verfügbar bis \d+\. \p{L}+ \d{4}\)/u,
    );
    assert.match(text, /<\/ul>\r\n<\/div>\r\n<\/body>/);

    const answer = await fetchLink(gateway, link.url);
    assert.equal(answer.status, 200);
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(large));
    const header = (name: string): string | null => answer.headers.get(name);
    assert.equal(
      header('content-disposition'),
      `attachment; filename="Gr__e.bin"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.bin`,
    );
    assert.equal(header('content-type'), 'application/octet-stream');
    assert.equal(header('x-content-type-options'), 'nosniff');
    assert.match(header('content-security-policy') ?? '', /^sandbox;/);
    assert.equal(header('cache-control'), 'no-store');
    assert.equal(header('referrer-policy'), 'no-referrer');
    assert.match(header('x-robots-tag') ?? '', /noindex/);
    assert.equal(header('cross-origin-resource-policy'), 'same-origin');
    assert.equal((await linkOf(gateway, mail)).downloads, 1);
  });

  it('is fetched in pieces, goes on where it was broken off, and counts once', async () => {
    const { id } = await upload(gateway, large, 'a.bin');
    const mail = await send(gateway, { attachments: [{ object_id: id }] });
    const url = mail.draft.links?.[0]?.url ?? '';
    const head = await fetchLink(gateway, url, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(large.length));
    const etag = head.headers.get('etag') ?? '';
    const piece = (range: string, more = {}) => fetchLink(gateway, url, { headers: { range, ...more } });
    const first = await piece(`bytes=0-${2 * MIB - 1}`);
    assert.equal(first.status, 206);
    assert.equal(first.headers.get('content-range'), `bytes 0-${2 * MIB - 1}/${large.length}`);
    const begun = Buffer.from(await first.arrayBuffer());
    assert.equal((await linkOf(gateway, mail)).downloads, 0, 'a third of it, and one who looked');
    const rest = await piece(`bytes=${2 * MIB}-`, { 'if-range': etag });
    assert.equal(sha256(Buffer.concat([begun, Buffer.from(await rest.arrayBuffer())])), sha256(large));
    assert.equal((await linkOf(gateway, mail)).downloads, 1);
    assert.equal(Buffer.from(await (await piece('bytes=-5')).arrayBuffer()).length, 5);
    assert.equal((await piece(`bytes=${large.length}-`)).status, 416);
    const other = await piece('bytes=0-1', { 'if-range': '"another"' });
    assert.equal(other.status, 200, 'another file than the one that was begun');
    await other.body?.cancel();
    assert.equal((await piece('bytes=0-1,5-6')).status, 200);
  });

  it('that was broken off is not counted for what did not arrive', async () => {
    const { id } = await upload(gateway, randomBytes(24 * MIB), 'b.bin');
    const mail = await send(gateway, { attachments: [{ object_id: id }] });
    const answer = await fetchLink(gateway, mail.draft.links?.[0]?.url ?? '');
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await eventually(async () => (await linkOf(gateway, mail)).downloads === 0);
  });

  it('leaves the others room though many follow one link and do not read', async () => {
    const [one, other] = [
      await upload(gateway, randomBytes(24 * MIB), 'w.bin'),
      await upload(gateway, large, 'v.bin'),
    ];
    const url = (await send(gateway, { attachments: [{ object_id: one.id }] })).draft.links?.[0]?.url ?? '';
    const held = await Promise.all(Array.from({ length: 25 }, () => fetchLink(gateway, url)));
    assert.equal(held.filter(({ status }) => status === 503).length, 5);
    const mail = await send(gateway, { attachments: [{ object_id: other.id }] });
    const answer = await fetchLink(gateway, mail.draft.links?.[0]?.url ?? '');
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(large));
    for (const each of held) await each.body?.cancel();
    await eventually(async () => {
      const again = await fetchLink(gateway, url);
      await again.body?.cancel();
      return again.status === 200;
    });
  });

  it('cannot be fetched before its mail is released, nor after it was revoked, and both look like no link', async () => {
    const { id } = await upload(gateway, large, 'c.bin');
    const mail = await send(gateway, { attachments: [{ object_id: id }] });
    const url = mail.draft.links?.[0]?.url ?? '';
    const { id: linkId } = await linkOf(gateway, mail);
    const { body: revoked } = await gateway.request<LinkView>('POST', `/v1/links/${linkId}/revoke`);
    assert.equal(revoked.state, 'revoked');
    const pages = [];
    for (const each of [url, `${PUBLIC_URL}/d/${'A'.repeat(43)}`, `${PUBLIC_URL}/d/x`]) {
      const answer = await fetchLink(gateway, each);
      assert.equal(answer.status, 404);
      pages.push(await answer.text());
    }
    assert.equal(new Set(pages).size, 1, 'nobody learns whether there was one');
    assert.match(pages[0] ?? '', /This link is not valid, or not any more/);
    // Its bytes go, and the record tells.
    await eventually(async () => (await gateway.request('GET', `/v1/objects/${id}`)).status === 404);
    const { data } = await gateway.get<{ data: { operation: string; target: string }[] }>(
      '/v1/audit?limit=100',
    );
    assert.ok(data.some((entry) => entry.operation === 'link.revoke' && entry.target.includes(linkId)));
    assert.ok(
      data.some((entry) => entry.operation === 'link.expire' && entry.target.includes('bytes=removed')),
    );
    const extended = await gateway.request('POST', `/v1/links/${linkId}/extend`, { expires: '1d' });
    assert.equal(extended.body.code, 'link_over');
  });

  it('is linked to anew by a mail that was cancelled and waits as a draft again', async () => {
    const { id } = await upload(gateway, large, 'again.bin');
    const { body: later } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
      ...{ account: 'sales', to: ['person@customer.example'], subject: 'Later', text: 'Below.' },
      ...{ attachments: [{ object_id: id }], send_at: new Date(Date.now() + 3_600_000).toISOString() },
    });
    const { body: cancelled } = await gateway.request<{ reopened_draft_id: string }>(
      ...(['POST', `/v1/submissions/${later.id}/cancel`, { reopen: true }] as const),
    );
    const draft = await gateway.get<DraftView>(`/v1/drafts/${cancelled.reopened_draft_id}`);
    const url = draft.links?.[0]?.url ?? '';
    const approval = { digest: draft.digest };
    const { status } = await gateway.request('POST', `/v1/drafts/${draft.id}/approve`, approval);
    assert.equal(status, 200);
    const raw = (await sink.waitFor(++sent)).at(-1)?.raw.toString('utf8') ?? '';
    assert.ok(decoded(raw).includes(url), 'the mail says where its file is');
    const answer = await fetchLink(gateway, url);
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(large));
  });

  it('is refused to a mail that leaves when its link is over', async () => {
    const { id } = await upload(gateway, large, 'late.bin');
    const { status, body } = await gateway.request('POST', '/v1/submissions', {
      ...{ account: 'sales', to: ['person@customer.example'], subject: 'Far away', text: 'Below.' },
      ...{ attachments: [{ object_id: id }] },
      send_at: new Date(Date.now() + 300 * 86_400_000).toISOString(),
    });
    assert.deepEqual([status, body.code], [409, 'links_expired']);
  });

  it('opens nothing else of the gateway by its token, and nothing acts on it', async () => {
    const { id } = await upload(gateway, large, 'd.bin');
    const mail = await send(gateway, { attachments: [{ object_id: id }] });
    const token = mail.draft.links?.[0]?.url.split('/').at(-1) ?? '';
    for (const path of ['/v1/links', '/v1/objects/x', '/v1/drafts', '/metrics', '/mcp']) {
      const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(answer.status, 401, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      assert.equal((await fetch(`${gateway.url}/d/${token}`, { method })).status, 405, method);
    const rows = await gateway.request<{ rows: unknown[][] }>('POST', '/v1/sql', {
      query: 'select * from links where id = ?',
      params: [mail.draft.links?.[0]?.link_id],
    });
    assert.equal(rows.body.rows.length, 1);
    assert.ok(!JSON.stringify(rows.body).includes(token), 'the table of links has no token');
  });

  it('is fetched as often as the account says, and refused where it sends no links', async () => {
    await addAccount(gateway, sink, 'twice', { max_downloads: 2 });
    const { id } = await upload(gateway, large, 'e.bin');
    const mail = await send(gateway, { account: 'twice', attachments: [{ object_id: id }] });
    const url = mail.draft.links?.[0]?.url ?? '';
    for (const status of [200, 200, 404]) {
      const answer = await fetchLink(gateway, url);
      assert.equal(answer.status, status);
      await answer.arrayBuffer();
    }
    const link = await linkOf(gateway, mail);
    assert.deepEqual([link.state, link.downloads], ['used_up', 2]);
    const more = { expires: '30d', max_downloads: 3 };
    const { body } = await gateway.request<LinkView>('POST', `/v1/links/${link.id}/extend`, more);
    assert.equal(body.state, 'active');
    assert.equal((await fetchLink(gateway, url, { method: 'HEAD' })).status, 200);

    await addAccount(gateway, sink, 'plain', { mode: 'never' });
    const { id: other } = await upload(gateway, large, 'f.bin');
    const refused = await gateway.request('POST', '/v1/submissions', {
      ...{ account: 'plain', to: ['person@customer.example'], subject: 'x', text: 'x' },
      attachments: [{ object_id: other }],
    });
    assert.deepEqual([refused.status, refused.body.code], [422, 'message_too_large']);
  });

  it('always goes as a link where the account says so; pictures of the HTML never do', async () => {
    await addAccount(gateway, sink, 'always', { mode: 'always', expires: '2h' });
    const { id } = await upload(gateway, Buffer.from('a small one'), 'g.txt');
    const dot =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const mail = await send(gateway, {
      account: 'always',
      html: `<p>A picture: <img alt="" src="data:image/png;base64,${dot}"></p>`,
      attachments: [{ object_id: id }],
    });
    assert.equal(mail.draft.links?.length, 1);
    assert.equal(mail.draft.attachments.length, 1);
    assert.match(decoded(mail.raw), /available until .* UTC\)/);
    const answer = await fetchLink(gateway, mail.draft.links?.[0]?.url ?? '');
    assert.equal(await answer.text(), 'a small one', 'small files lie in the ledger');
  });
});

describe('a gateway whose objects lie in S3', { skip: requireService('smtp-sink', 'radosgw') }, () => {
  let s3: S3Server;
  before(async () => {
    s3 = await startS3();
    sink = await startSmtpSink();
    sent = 0;
  });
  after(async () => {
    await sink?.stop();
    await s3?.stop();
  });

  it('sends browsers to the server for a minute, and counts by itself where a link may be followed so often only', async () => {
    await using gateway = await startGateway({
      env: { POSTERN_PUBLIC_URL: PUBLIC_URL, ...s3Environment(s3) },
    });
    await addAccount(gateway, sink, 'sales');
    const large = randomBytes(12 * MIB);
    const { id } = await upload(gateway, large, '大文件.pdf');
    const mail = await send(gateway, { attachments: [{ object_id: id }] });
    const url = mail.draft.links?.[0]?.url ?? '';
    const answer = await fetchLink(gateway, url);
    assert.equal(answer.status, 302);
    const location = answer.headers.get('location') ?? '';
    assert.ok(location.startsWith(s3.url) && location.includes('X-Amz-Expires=60'));
    assert.ok(!location.includes(s3.secretKey));
    const file = await fetch(location);
    assert.equal(sha256(Buffer.from(await file.arrayBuffer())), sha256(large));
    assert.match(
      file.headers.get('content-disposition') ?? '',
      /^attachment; filename=".*"; filename\*=UTF-8''%E5/,
    );
    assert.equal((await linkOf(gateway, mail)).downloads, 1);

    await addAccount(gateway, sink, 'once', { max_downloads: 1 });
    const { id: other } = await upload(gateway, large, 'once.bin');
    const counted = await send(gateway, { account: 'once', attachments: [{ object_id: other }] });
    const through = await fetchLink(gateway, counted.draft.links?.[0]?.url ?? '', {
      headers: { range: 'bytes=1-4' },
    });
    assert.equal(through.status, 206);
    assert.deepEqual(Buffer.from(await through.arrayBuffer()), large.subarray(1, 5));

    await gateway.request('POST', `/v1/links/${mail.draft.links?.[0]?.link_id}/revoke`);
    await eventually(async () => (await fetch(location)).status === 404);
    assert.ok(!gateway.log().includes(s3.secretKey));
  });

  it('does not start where the bucket is not there, and says so', async () => {
    const env = { ...s3Environment(s3), POSTERN_S3_BUCKET: 'not-made' };
    await assert.rejects(startGateway({ env }), /has no bucket not-made/);
  });
});
