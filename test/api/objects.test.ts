// Files that are uploaded and attached by their id: the very bytes at the recipient, nothing of what broke off, and
// nothing of what is another's.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ObjectView } from '../../src/contracts/object.ts';
import { ADMIN_TOKEN, type Answer, startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('an uploaded file', { skip: requireService('smtp-sink') }, () => {
  let gateway: TestGateway;
  let sink: SmtpSink;
  before(async () => {
    sink = await startSmtpSink();
    gateway = await startGateway({});
    const endpoint = { host: '127.0.0.1', port: sink.port, security: 'none' };
    for (const [label, limit] of [
      ['sales', 64 * MB],
      ['small', MB],
    ] as const)
      await gateway.request('POST', '/v1/accounts', {
        label,
        address: `${label}@company.example`,
        imap: endpoint,
        smtp: endpoint,
        require_tls: false,
        auth: { type: 'basic', username: 'x', password: 'y' },
        max_message_bytes: limit,
        watch: { mode: 'off' },
        sent_copy: 'none',
      });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
  });

  const upload = async (bytes: Buffer, type = 'application/pdf', query = '?filename=plan.pdf') => {
    const response = await fetch(`${gateway.url}/v1/objects${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': type },
      body: new Uint8Array(bytes),
    });
    return { status: response.status, body: (await response.json()) as ObjectView };
  };
  const submit = (attachments: object[], account = 'sales'): Promise<Answer<{ id: string }>> =>
    gateway.request('POST', '/v1/submissions', {
      account,
      to: ['person@customer.example'],
      subject: 'A file',
      text: 'Please find it attached.',
      attachments,
    });
  /** All files of the object store. */
  const stored = async (): Promise<string[]> =>
    (
      await readdir(join(gateway.folder, 'data', 'objects'), { recursive: true, withFileTypes: true }).catch(
        () => [],
      )
    )
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  /** The disk tells nobody: it is looked at until it is as expected. */
  const storedUntil = async (holds: (now: string[]) => boolean): Promise<string[]> => {
    for (const endsAt = performance.now() + 20_000; performance.now() < endsAt; await delay(10)) {
      const now = await stored();
      if (holds(now)) return now;
    }
    throw new Error('the object store did not become as expected');
  };

  it('arrives as it was, beside one that came in the request, and stays', async () => {
    const bytes = randomBytes(5 * MB + 1);
    const { status, body: object } = await upload(bytes);
    assert.equal(status, 201);
    assert.partialDeepStrictEqual(object, {
      filename: 'plan.pdf',
      content_type: 'application/pdf',
      size: bytes.length,
      sha256: sha256(bytes),
    });
    assert.notEqual(object.expires_at, null);
    assert.deepEqual(await gateway.get(`/v1/objects/${object.id}`), object);
    const { body } = await submit([
      { object_id: object.id },
      { filename: 'a.txt', content_base64: Buffer.from('a').toString('base64') },
    ]);
    await gateway.until(async () => (await gateway.submission(body.id)).state === 'sent');
    const [mail] = (await sink.waitFor(1)).slice(-1);
    const parts = mail?.raw.toString('latin1').split(/\r\n--=_[^\r\n]*\r\n/) ?? [];
    const part = parts.find((one) => one.includes('plan.pdf')) ?? '';
    const content = Buffer.from(part.slice(part.indexOf('\r\n\r\n')), 'base64');
    assert.equal(sha256(content), object.sha256);
    assert.equal((await gateway.get<ObjectView>(`/v1/objects/${object.id}`)).expires_at, null);
    // The raw draft is what left below the Date line.
    const { draft_id: draft } = await gateway.submission(body.id);
    const raw = await fetch(`${gateway.url}/v1/drafts/${draft}/raw`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const whole = Buffer.from(await raw.arrayBuffer());
    assert.ok(mail?.raw.includes(whole.subarray(0, -2)), 'the draft is not what left');
  });

  it('may be of any type, JSON and a mail too, and has a name even where none was given', async () => {
    for (const type of ['application/json', 'message/rfc822', 'nonsense']) {
      const { status, body } = await upload(Buffer.from('{ "not": '), type, '');
      assert.equal(status, 201, JSON.stringify(body));
      assert.equal(body.filename, 'attachment');
      assert.equal(body.content_type, type === 'nonsense' ? 'application/octet-stream' : type);
    }
  });

  it('that was changed in the store goes nowhere', async () => {
    const before = new Set(await stored());
    const { body: object } = await upload(randomBytes(MB));
    const [path = ''] = (await stored()).filter((one) => !before.has(one));
    const bytes = await readFile(path);
    bytes[MB / 2] = (bytes[MB / 2] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const refused = await submit([{ object_id: object.id }]);
    assert.deepEqual([refused.status, refused.body.code], [409, 'attachment_changed']);
    assert.deepEqual((await stored()).sort(), [...before, path].sort());
  });

  it('that is not there, or belongs to a mail, is not found; and one for a larger mail than the account sends is refused', async () => {
    const known = await stored();
    const { body: object } = await upload(randomBytes(2 * MB));
    const { body } = await submit([{ object_id: object.id }]);
    const { draft_id: draft } = await gateway.submission(body.id);
    const before = await stored();
    const ofMail = before
      .filter((path) => !known.includes(path))
      .map((path) => basename(path))
      .filter((id) => id !== object.id);
    assert.ok(ofMail.length > 0 && draft);
    for (const id of ['obj_01aaaaaaaaaaaaaaaaaaaaaaaa', ofMail[0] as string]) {
      const refused = await submit([{ object_id: id }]);
      assert.deepEqual([refused.status, refused.body.code], [404, 'not_found'], id);
      assert.equal((await gateway.request('GET', `/v1/objects/${id}`)).status, 404);
    }
    const large = await submit([{ object_id: object.id }], 'small');
    assert.deepEqual([large.status, large.body.code], [422, 'message_too_large']);
    assert.deepEqual(await stored(), before);
  });

  it('is refused past the limit, and whole or not at all', async () => {
    const before = await stored();
    const begin = (headers: Record<string, string>) =>
      httpRequest(`${gateway.url}/v1/objects`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
      });
    const refused = Promise.withResolvers<number | undefined>();
    const tooLarge = begin({ 'content-length': String(10_000 * MB) });
    tooLarge.on('error', refused.reject).on('response', (response) => refused.resolve(response.statusCode));
    tooLarge.write('x');
    assert.equal(await refused.promise, 413);
    tooLarge.destroy();

    const cut = begin({ 'content-length': String(3 * MB) });
    cut.on('error', () => undefined);
    cut.write(randomBytes(2 * MB));
    // It is written as it comes: there is a file that nobody may see yet.
    const during = await storedUntil((now) => now.length > before.length);
    assert.match(during.find((path) => !before.includes(path)) ?? '', /\.tmp$/);
    cut.destroy();
    await storedUntil((now) => now.length === before.length);
    assert.doesNotMatch(gateway.log(), /a bug/);
  });

  it('is not there when the gateway is killed in the middle of it, and the next one is', async () => {
    const cut = httpRequest(`${gateway.url}/v1/objects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-length': String(3 * MB) },
    });
    cut.on('error', () => undefined);
    const before = await stored();
    cut.write(randomBytes(2 * MB));
    await storedUntil((now) => now.length > before.length);
    await gateway.kill();
    await gateway.start();
    const left = (await stored()).filter((path) => !before.includes(path));
    for (const path of left) assert.match(path, /\.tmp$/);
    const { status } = await upload(randomBytes(MB));
    assert.equal(status, 201);
  });

  it('is uploaded by the command line as it is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-file-'));
    try {
      const bytes = randomBytes(MB);
      await writeFile(join(folder, 'plan.bin'), bytes);
      const { stdout } = await run(
        process.execPath,
        [MAIN, 'object', 'add', join(folder, 'plan.bin'), '--json'],
        {
          env: { ...process.env, POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN },
        },
      );
      assert.partialDeepStrictEqual(JSON.parse(stdout), { filename: 'plan.bin', sha256: sha256(bytes) });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
