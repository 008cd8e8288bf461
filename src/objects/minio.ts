// Objects in MinIO or any other S3 server: the one door of the library `minio`, which is loaded where S3 is set up alone.
// Its own uploads are not used: they never end where their source breaks off, and go on in somebody's earlier one.
import { createHash } from 'node:crypto';
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'minio';
import { PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { tlsContext } from '../network/tls-context.ts';
import { type ByteRange, OBJECT_KEY, type ObjectStore } from './object-store.ts';
import { inParts } from './parts-of.ts';
import { isPassing, type S3Place, s3Error } from './s3-errors.ts';

export interface S3Settings {
  /** Of the server: `https://s3.example.org`, with its port where it has one of its own. */
  url: string;
  /** By which browsers reach it, for downloads that go there; null: by `url`. */
  publicUrl: string | null;
  bucket: string;
  accessKey: string;
  secretKey: string;
  region: string;
  /** Whether the bucket stands in the path, or before the host name. */
  addressing: 'path' | 'host';
  /** A PEM certificate of the authority to trust besides the system's; null: none. */
  ca: string | null;
  /** How long a request may be silent, for tests. */
  silenceMs?: number;
  /** How often a request is tried, for tests. */
  attempts?: number;
}

const PART_BYTES = 8 * 1024 * 1024; // S3 takes 5 MiB at least and 10,000 of them: up to 80 GB, one part in memory
const SILENCE_MS = 60_000; // of a request that is under way; servers answer within seconds, slow disks included
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250; // doubled each time, with jitter: some 2 s in all
const MAX_SOCKETS = 50; // beside mail and people there is nobody who would need more

/** What all of the adapter's steps need. */
interface Reach {
  client: Client;
  bucket: string;
  place: S3Place;
  attempts: number;
}

export function s3Store(settings: S3Settings): ObjectStore {
  const place = placeOf(settings);
  let opening: Promise<Reach> | undefined;
  const reach = (): Promise<Reach> => {
    opening ??= open(settings, settings.url, place);
    return opening;
  };
  let presigning: Promise<Reach> | undefined;
  return {
    async put(key, content) {
      const to = await reach();
      await putParts(to, checked(key), Buffer.isBuffer(content) ? whole(content) : content);
    },
    async get(key) {
      const pieces: Buffer[] = [];
      for await (const piece of await opened(await reach(), checked(key))) pieces.push(piece as Buffer);
      return Buffer.concat(pieces);
    },
    open: async (key, range) => opened(await reach(), checked(key), range),
    async remove(key) {
      const to = await reach();
      await tried(to, () => to.client.removeObject(to.bucket, checked(key)));
    },
    async *storedBefore(time) {
      const to = await reach();
      await abortUploads(to, time);
      let from = '';
      for (;;) {
        const page = await tried(to, () => to.client.listObjectsV2Query(to.bucket, '', from, '', 1000, ''));
        for (const { name, lastModified } of page.objects) {
          // Only what is ours: a bucket may hold other things as well.
          if (name !== undefined && OBJECT_KEY.test(name) && new Date(lastModified as Date).getTime() < time)
            yield name;
        }
        if (!page.isTruncated || page.nextContinuationToken === from) return;
        from = page.nextContinuationToken;
      }
    },
    async presign(key, seconds, { disposition, contentType }) {
      presigning ??= settings.publicUrl === null ? reach() : open(settings, settings.publicUrl, place);
      const { client, bucket } = await presigning;
      return client.presignedGetObject(bucket, checked(key), seconds, {
        'response-content-disposition': disposition,
        'response-content-type': contentType,
        'response-cache-control': 'no-store',
      });
    },
    async check() {
      const to = await reach();
      await tried(to, () => to.client.listObjectsV2Query(to.bucket, '', '', '', 1, ''));
      const probe = newId('obj');
      await putParts(to, probe, whole(Buffer.from('Postern looks whether it can write here.\n')));
      await tried(to, () => to.client.removeObject(to.bucket, probe));
    },
  };
}

async function open(settings: S3Settings, url: string, place: S3Place): Promise<Reach> {
  const { Client } = await import('minio');
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === 'https:';
  const { ca, silenceMs = SILENCE_MS } = settings;
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, secureContext: tlsContext(ca ?? undefined) })
    : new PlainAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const request = (isTls ? tlsRequest : plainRequest) as typeof plainRequest;
  const client = new Client({
    endPoint: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    useSSL: isTls,
    accessKey: settings.accessKey,
    secretKey: settings.secretKey,
    region: settings.region, // given, so that the library does not ask for it before each request
    pathStyle: settings.addressing === 'path',
    transportAgent: agent as PlainAgent,
    transport: {
      request: ((options: object, seen: (response: IncomingMessage) => void) => {
        const sent = request(options, seen);
        sent.setTimeout(silenceMs, () =>
          sent.destroy(Object.assign(new Error('the server was silent'), { code: 'ETIMEDOUT' })),
        );
        return sent;
      }) as typeof plainRequest,
    },
    retryOptions: { disableRetry: true }, // its own write to the console; `tried` does the same without
  });
  return { client, bucket: settings.bucket, place, attempts: settings.attempts ?? ATTEMPTS };
}

async function opened(from: Reach, key: string, range?: ByteRange): Promise<Readable> {
  const { client, bucket } = from;
  const asked = (): Promise<Readable> =>
    range === undefined
      ? client.getObject(bucket, key)
      : client.getPartialObject(bucket, key, range.start, range.end - range.start + 1);
  return tried(from, asked, key);
}

/** One part is one request; more are put together by the server at the end, and before that nothing is there. */
async function putParts(to: Reach, key: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { client, bucket } = to;
  let uploadId: string | undefined;
  const etags: { part: number; etag: string }[] = [];
  try {
    for await (const { bytes, isLast } of inParts(content, PART_BYTES)) {
      if (isLast && uploadId === undefined) {
        await tried(to, () => client.putObject(bucket, key, bytes, bytes.length));
        return;
      }
      uploadId ??= await tried(to, () => client.initiateNewMultipartUpload(bucket, key, {}));
      const partNumber = etags.length + 1;
      const part = {
        ...{ bucketName: bucket, objectName: key, uploadID: uploadId, partNumber },
        headers: {
          'Content-Length': bytes.length,
          'Content-MD5': createHash('md5').update(bytes).digest('base64'), // the server checks what it took
        },
      };
      const { etag } = await tried(to, () => client.uploadPart(part, bytes));
      etags.push({ part: partNumber, etag });
    }
    await complete(to, key, uploadId as string, etags);
  } catch (error) {
    // What cannot be taken back now goes with the sweep, or by a rule of the bucket.
    if (uploadId !== undefined)
      await client.abortMultipartUpload(bucket, key, uploadId).catch(() => undefined);
    throw error;
  }
}

async function complete(
  to: Reach,
  key: string,
  uploadId: string,
  etags: { part: number; etag: string }[],
): Promise<void> {
  let isAgain = false;
  await tried(to, async () => {
    try {
      await to.client.completeMultipartUpload(to.bucket, key, uploadId, etags);
    } catch (error) {
      // The answer to an earlier try was lost on its way: what it asked for is done.
      if (!isAgain || (error as { code?: string }).code !== 'NoSuchUpload') throw error;
      await to.client.statObject(to.bucket, key);
    } finally {
      isAgain = true;
    }
  });
}

/** Uploads that nobody ended: a kill in the middle of one leaves its parts behind, which no list shows. */
async function abortUploads(to: Reach, before: number): Promise<void> {
  let key = '';
  let id = '';
  for (;;) {
    const page = await tried(to, () => to.client.listIncompleteUploadsQuery(to.bucket, '', key, id, ''));
    for (const { key: object, uploadId, initiated } of page.uploads) {
      if (!OBJECT_KEY.test(object) || new Date(initiated as Date).getTime() >= before) continue;
      await tried(to, () => to.client.abortMultipartUpload(to.bucket, object, uploadId));
    }
    if (!page.isTruncated || (page.nextKeyMarker === key && page.nextUploadIdMarker === id)) return;
    [key, id] = [page.nextKeyMarker, page.nextUploadIdMarker];
  }
}

/** @throws PosternError, once it was tried often enough or where trying again does not help */
async function tried<T>(
  { place, attempts }: Pick<Reach, 'place' | 'attempts'>,
  work: () => Promise<T>,
  key?: string,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isPassing(error, place)) throw s3Error(error, place, key);
    }
    await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
  }
}

async function* whole(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function checked(key: string): string {
  if (OBJECT_KEY.test(key)) return key;
  throw new PosternError('object_key_invalid', `${JSON.stringify(key)} is no key of an object.`);
}

function placeOf({ url, bucket }: S3Settings): S3Place {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), bucket };
}
