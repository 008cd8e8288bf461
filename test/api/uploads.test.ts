// Files that come in: as a body, in a form, and in parts over a line that breaks.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ObjectView, PartUploadView } from '../../src/contracts/object.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { eventually } from '../support/waiting.ts';

const MIB = 1024 * 1024;
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.[Symbol.asyncDispose]());

const postForm = async (form: FormData | string, more = {}) => {
  const response = await fetch(`${gateway.url}/v1/objects`, {
    method: 'POST',
    headers: { ...headers, ...more },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as ObjectView & { code?: string } };
};

describe('a form', () => {
  it('brings one file with its name and type, whatever stands beside it', async () => {
    const bytes = randomBytes(3 * MIB);
    const form = new FormData();
    form.set('comment', 'not looked at');
    form.set('file', new File([bytes], 'Größe 大.pdf', { type: 'application/pdf' }));
    form.set('after', 'not either');
    const { status, body } = await postForm(form);
    assert.equal(status, 201);
    assert.deepEqual([body.filename, body.content_type], ['Größe 大.pdf', 'application/pdf']);
    assert.deepEqual([body.size, body.sha256], [bytes.length, sha256(bytes)]);
  });

  it('is refused without a file, with two, and where it is none or not whole', async () => {
    const none = new FormData();
    none.set('a', 'b');
    assert.deepEqual((await postForm(none)).body.code, 'body_invalid');
    const two = new FormData();
    for (const name of ['one', 'two']) two.append('file', new File([randomBytes(MIB)], name));
    const before = await counted();
    assert.deepEqual((await postForm(two)).body.code, 'body_invalid');
    const type = { 'content-type': 'multipart/form-data; boundary=x' };
    assert.equal((await postForm('no form at all', type)).body.code, 'body_invalid');
    const cut = '--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nbegun';
    assert.equal((await postForm(cut, type)).body.code, 'body_invalid');
    assert.equal((await postForm('x', { 'content-type': 'multipart/form-data' })).body.code, 'body_invalid');
    await eventually(async () => (await counted()) === before);
  });

  it('of a client that goes away in the middle leaves nothing', async () => {
    const before = await counted();
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const head = [
      'POST /v1/objects HTTP/1.1',
      `Host: ${hostname}`,
      `Authorization: Bearer ${ADMIN_TOKEN}`,
      'Content-Type: multipart/form-data; boundary=x',
      'Content-Length: 9000000',
    ];
    socket.write(
      `${head.join('\r\n')}\r\n\r\n--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n`,
    );
    socket.write(randomBytes(MIB), () => socket.destroy());
    await new Promise((resolve) => socket.once('close', resolve));
    const { status } = await postForm(new FormData());
    assert.equal(status, 400, 'the gateway goes on');
    await eventually(async () => (await counted()) === before);
  });
});

/** How many objects there are, also such as are being written. */
async function counted(): Promise<number> {
  const folder = join(gateway.folder, 'data', 'objects');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).length;
}

describe('an upload in parts', () => {
  const begin = async (input: object): Promise<PartUploadView> => {
    const { status, body } = await gateway.request<PartUploadView>('POST', '/v1/uploads', input);
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const put = async (id: string, number: number, bytes: Buffer, told = sha256(bytes)) => {
    const response = await fetch(`${gateway.url}/v1/uploads/${id}/parts/${number}?sha256=${told}`, {
      method: 'PUT',
      headers,
      body: bytes,
    });
    return { status: response.status, body: (await response.json()) as PartUploadView & { code?: string } };
  };
  const complete = (id: string, bytes: Buffer) =>
    gateway.request<ObjectView>('POST', `/v1/uploads/${id}/complete`, { sha256: sha256(bytes) });

  it('is put together whatever order its parts came in, also over a restart of the gateway', async () => {
    const whole = randomBytes(5 * MIB + 17);
    const parts = [0, 1, 2, 3].map((at) => whole.subarray(at * 1_500_000, (at + 1) * 1_500_000));
    const { id } = await begin({ filename: 'big.zip', content_type: 'application/zip', size: whole.length });
    for (const at of [2, 0]) assert.equal((await put(id, at + 1, parts[at] as Buffer)).status, 200);
    await gateway.kill();
    await gateway.start();
    const seen = await gateway.get<PartUploadView>(`/v1/uploads/${id}`);
    assert.deepEqual(
      seen.parts.map(({ number }) => number),
      [1, 3],
    );
    assert.equal((await complete(id, whole)).body.code, 'upload_incomplete');
    for (const at of [3, 1, 1]) assert.equal((await put(id, at + 1, parts[at] as Buffer)).status, 200);
    const { status, body } = await complete(id, whole);
    assert.equal(status, 201);
    assert.deepEqual([body.size, body.sha256, body.filename], [whole.length, sha256(whole), 'big.zip']);
    assert.deepEqual(await gateway.get(`/v1/objects/${body.id}`), body);
    assert.equal((await gateway.request('GET', `/v1/uploads/${id}`)).status, 404, 'it is an object now');
  });

  it('takes no part that was changed on its way, none beyond its size, and no whole that is another', async () => {
    const whole = randomBytes(1000);
    const { id } = await begin({ filename: 'a', size: 1000 });
    assert.equal((await put(id, 1, whole, sha256(Buffer.from('other')))).body.code, 'upload_differs');
    assert.equal((await put(id, 1, randomBytes(1001))).body.code, 'object_too_large');
    assert.equal((await put(id, 1001, whole)).status, 400);
    assert.equal((await put(id, 1, whole)).status, 200);
    assert.equal((await complete(id, Buffer.from('other'))).body.code, 'upload_differs');
    assert.equal((await complete(id, whole)).status, 201);
    assert.equal((await put('upl_00000000000000000000000000', 1, whole)).status, 404);
  });

  it('can be cancelled, and only so many are open at once', async () => {
    const open: string[] = [];
    for (;;) {
      const { status, body } = await gateway.request<PartUploadView>('POST', '/v1/uploads', {
        filename: 'x',
      });
      if (status !== 201) {
        assert.equal(body.code, 'too_many_uploads');
        break;
      }
      open.push(body.id);
    }
    assert.equal(open.length, 20);
    for (const id of open) assert.equal((await gateway.request('DELETE', `/v1/uploads/${id}`)).status, 204);
    await eventually(async () => (await begin({ filename: 'y' })).id);
  });
});
