// Every object store is held to the same cases: the folder, and a real S3 server.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { newId } from '../../src/kernel/ids.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { type S3Settings, s3Store } from '../../src/objects/minio.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { testCertificates } from '../support/certificates.ts';
import { type S3Server, startS3 } from '../support/s3.ts';
import { requireService } from '../support/services.ts';

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;

interface Opened {
  store: ObjectStore;
  close(): Promise<void>;
}

async function openFolder(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-objects-'));
  return { store: folderStore(folder), close: () => rm(folder, { recursive: true, force: true }) };
}

const settingsOf = ({ url, bucket, accessKey, secretKey }: S3Server): S3Settings => ({
  ...{ url, bucket, accessKey, secretKey },
  ...{ publicUrl: null, region: 'us-east-1', addressing: 'path', ca: null, attempts: 2 },
});

/** One for all: it takes some seconds to start. */
let running: Promise<S3Server> | undefined;
const sharedS3 = (): Promise<S3Server> => {
  running ??= startS3();
  return running;
};
after(async () => (await running)?.stop());

const openS3 = async (): Promise<Opened> => ({
  store: s3Store(settingsOf(await sharedS3())),
  close: async () => undefined,
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function bytesOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function keysOf(store: ObjectStore, time: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.storedBefore(time)) keys.push(key);
  return keys;
}

function conforms(name: string, skip: false | string, open: () => Promise<Opened>): void {
  describe(`objects in ${name}`, { skip }, () => {
    let opened: Opened;
    let store: ObjectStore;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened?.close());

    it('come back as they were stored, whatever their size', async () => {
      for (const size of [0, 1, 5 * MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 3]) {
        const key = newId('obj');
        const bytes = randomBytes(size);
        await store.put(key, inPieces(bytes, 64 * 1024 + 1));
        assert.equal(
          sha256(await bytesOf(await store.open(key))),
          sha256(bytes),
          `${size} bytes as a stream`,
        );
        if (size < 6 * MIB) assert.equal(sha256(await store.get(key)), sha256(bytes), `${size} bytes whole`);
      }
      const key = newId('obj');
      await store.put(key, Buffer.from('a buffer'));
      assert.equal((await store.get(key)).toString(), 'a buffer');
    });

    it('are read from any byte to any other', async () => {
      const key = newId('obj');
      const bytes = randomBytes(9 * MIB);
      await store.put(key, inPieces(bytes, MIB));
      for (const [start, end] of [
        [0, 0],
        [0, 99],
        [8 * MIB - 2, 8 * MIB + 2],
        [9 * MIB - 1, 9 * MIB - 1],
        [1, 9 * MIB - 1],
      ] as const) {
        const read = await bytesOf(await store.open(key, { start, end }));
        assert.equal(sha256(read), sha256(bytes.subarray(start, end + 1)), `${start} to ${end}`);
        const copied: Buffer[] = [];
        await store.copy?.(key, { start, end }, async (piece) => void copied.push(Buffer.from(piece)));
        if (store.copy)
          assert.equal(sha256(Buffer.concat(copied)), sha256(read), `${start} to ${end}, copied`);
      }
    });

    it('are replaced by what is stored under the same key', async () => {
      const key = newId('obj');
      await store.put(key, inPieces(randomBytes(9 * MIB), MIB));
      await store.put(key, Buffer.from('second'));
      assert.equal((await store.get(key)).toString(), 'second');
    });

    it('are not there when their content breaks off, at whatever byte', async () => {
      for (const size of [0, 100, 9 * MIB, 17 * MIB]) {
        const key = newId('obj');
        async function* broken(): AsyncGenerator<Buffer> {
          yield* inPieces(randomBytes(size), MIB);
          throw new Error('the line is dead');
        }
        await assert.rejects(store.put(key, broken()), /the line is dead/);
        await assert.rejects(
          async () => bytesOf(await store.open(key)),
          { code: 'not_found' },
          `${size} bytes`,
        );
      }
    });

    it('that are not there are told so, and can be removed', async () => {
      const key = newId('obj');
      await assert.rejects(store.get(key), { code: 'not_found' });
      await assert.rejects(store.open(key), { code: 'not_found' });
      await store.remove(key);
      await store.put(key, Buffer.from('x'));
      await store.remove(key);
      await assert.rejects(store.get(key), { code: 'not_found' });
    });

    it('have no keys but our own ids', async () => {
      for (const key of ['../../etc/passwd', 'obj_x', '', 'obj_00000000000000000000000000/x']) {
        await assert.rejects(async () => store.put(key, Buffer.from('x')), { code: 'object_key_invalid' });
        await assert.rejects(async () => store.open(key), { code: 'object_key_invalid' });
      }
    });

    it('are listed by when they were stored', async () => {
      const key = newId('obj');
      await store.put(key, Buffer.from('x'));
      assert.ok((await keysOf(store, Date.now() + DAY_MS)).includes(key));
      assert.deepEqual(await keysOf(store, Date.now() - DAY_MS), []);
    });

    it('of which a reader wants the beginning alone can be left', async () => {
      const key = newId('obj');
      await store.put(key, inPieces(randomBytes(20 * MIB), MIB));
      const stream = await store.open(key);
      await once(stream, 'readable');
      const closed = once(stream, 'close');
      stream.destroy();
      await closed;
    });
  });
}

conforms('a folder', false, openFolder);
const skip = requireService('radosgw');
conforms('S3', skip, openS3);

describe('an S3 server', { skip }, () => {
  let server: S3Server;
  before(async () => {
    server = await sharedS3();
  });

  it('is looked at once at the start, and what is wrong is told with its place and never with a secret', async () => {
    const right = settingsOf(server);
    await s3Store(right).check?.();
    const cases: [Partial<S3Settings>, string][] = [
      [{ bucket: 'nobody-made-this' }, 's3_bucket_missing'],
      [{ accessKey: 'UNKNOWN' }, 's3_key_refused'],
      [{ secretKey: 'another-secret' }, 's3_key_refused'],
      [{ url: 'http://127.0.0.1:1' }, 'connection_refused'],
      [{ url: 'http://no-such-host.invalid' }, 'dns'],
    ];
    for (const [wrong, code] of cases) {
      await assert.rejects(s3Store({ ...right, ...wrong }).check?.() as Promise<void>, (error: Error) => {
        assert.equal((error as { code?: string }).code, code, error.message);
        assert.ok(
          !JSON.stringify(error).includes(right.secretKey) && !error.message.includes(right.secretKey),
        );
        assert.match(error.message, /The S3 server \S+:\d+ /);
        return true;
      });
    }
  });

  it('that is silent is given up', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const store = s3Store({
      ...settingsOf(server),
      url: `http://127.0.0.1:${port}`,
      silenceMs: 50,
      attempts: 1,
    });
    await assert.rejects(store.get(newId('obj')), { code: 'timeout' });
    silent.close();
  });

  it('gives anybody an object for a while, under the name and the type that it is told', async () => {
    const store = s3Store(settingsOf(server));
    const key = newId('obj');
    await store.put(key, Buffer.from('a large file'));
    const presented = {
      disposition: `attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.bin`,
      contentType: 'application/pdf',
    };
    const url = (await store.presign?.(key, 60, presented)) as string;
    const answer = await fetch(url);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-disposition'), presented.disposition);
    assert.equal(answer.headers.get('content-type'), 'application/pdf');
    assert.equal(await answer.text(), 'a large file');
    const ranged = await fetch(url, { headers: { range: 'bytes=2-6' } });
    assert.equal(ranged.status, 206);
    assert.equal(await ranged.text(), 'large');
    const other = new URL(url);
    other.pathname = other.pathname.replace(key, newId('obj'));
    assert.equal((await fetch(other)).status, 403, 'for this object alone');
  });

  it('keeps no parts of uploads that a kill left behind', async () => {
    const client = server.client();
    const key = newId('obj');
    const uploadId = await client.initiateNewMultipartUpload(server.bucket, key, {});
    const part = {
      bucketName: server.bucket,
      objectName: key,
      uploadID: uploadId,
      partNumber: 1,
      headers: {},
    };
    await client.uploadPart(part, Buffer.alloc(5 * MIB));
    const foreign = await client.initiateNewMultipartUpload(server.bucket, 'somebody/elses', {});
    const left = async (): Promise<string[]> =>
      (await client.listIncompleteUploadsQuery(server.bucket, '', '', '', '')).uploads.map(
        (each) => each.key,
      );
    assert.deepEqual((await left()).sort(), [key, 'somebody/elses'].sort());
    await keysOf(s3Store(settingsOf(server)), Date.now() + DAY_MS);
    assert.deepEqual(await left(), ['somebody/elses'], 'what is not ours stays');
    await client.abortMultipartUpload(server.bucket, 'somebody/elses', foreign);
  });

  it('is spoken to over TLS with an authority of its own', async () => {
    const { ca, of } = await testCertificates();
    const front = createTlsServer({ key: of.good.key, cert: of.good.cert }, (socket) => {
      const back = connect(Number(new URL(server.url).port), '127.0.0.1');
      for (const each of [socket, back]) each.on('error', () => [socket, back].map((one) => one.destroy()));
      socket.pipe(back).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    try {
      const secure = {
        ...settingsOf(server),
        url: `https://127.0.0.1:${(front.address() as AddressInfo).port}`,
        attempts: 1,
      };
      await assert.rejects(s3Store(secure).check?.() as Promise<void>, { code: 'certificate_invalid' });
      const key = newId('obj');
      const store = s3Store({ ...secure, ca });
      await store.put(key, inPieces(randomBytes(9 * MIB), MIB));
      assert.equal((await bytesOf(await store.open(key))).length, 9 * MIB);
    } finally {
      front.close();
    }
  });

  it('is addressed with the bucket in the path or in its name, and by another name for browsers', async () => {
    const right = settingsOf(server);
    const presented = { disposition: 'attachment', contentType: 'application/octet-stream' };
    const urlOf = async (settings: S3Settings): Promise<URL> =>
      new URL((await s3Store(settings).presign?.(newId('obj'), 60, presented)) as string);
    const inPath = await urlOf(right);
    assert.ok(inPath.pathname.startsWith(`/${right.bucket}/obj_`));
    const inName = await urlOf({ ...right, url: 'https://s3.example.org', addressing: 'host' });
    assert.equal(inName.host, `${right.bucket}.s3.example.org`);
    const outside = await urlOf({ ...right, publicUrl: 'https://files.example.org' });
    assert.equal(outside.origin, 'https://files.example.org');
  });
});
