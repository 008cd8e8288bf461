// A document in a file of its own while it is read. The name says whose process it belongs to, so that what a killed one
// left behind is found and removed: it is somebody's mail.
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isGone, newOwner } from '../kernel/owner.ts';
import type { OpenBlob } from '../objects/blobs.ts';

const FOLDER = 'documents';
const OWNER = newOwner();
const named = (owner: string): string => owner.replaceAll('/', '+'); // no host name has a +

/** @returns what `work` returns; the file is gone then */
export async function withWorkingCopy<T>(
  folder: string,
  blob: OpenBlob,
  signal: AbortSignal,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, FOLDER, `${named(OWNER)}+${randomUUID()}`);
  await mkdir(join(folder, FOLDER), { recursive: true, mode: 0o700 });
  try {
    await pipeline(await blob.open(), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

/** Removes the files of processes that are gone. */
export async function removeLeftCopies(folder: string): Promise<void> {
  const names = await readdir(join(folder, FOLDER)).catch(() => []);
  for (const name of names) {
    const [host = '', pid = '', run = ''] = name.split('+');
    if (isGone(`${host}/${pid}/${run}`)) await rm(join(folder, FOLDER, name), { force: true });
  }
}
