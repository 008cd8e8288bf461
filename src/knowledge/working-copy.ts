// A document in a file of its own while it is read. The name says whose process it belongs to, so that what a killed one
// left behind is found and removed: it is somebody's mail.
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isGone, newOwner } from '../kernel/owner.ts';
import type { OpenBlob } from '../objects/blobs.ts';

const FOLDER = 'documents';
const OLD_MS = 24 * 3_600_000; // a document is copied and read within minutes
const OWNER = newOwner();
const named = (owner: string): string => owner.replaceAll('/', '+'); // no host name has a +

/** @returns what `work` returns; the file is gone then */
export async function withWorkingCopy<T>(
  folder: string,
  blob: Pick<OpenBlob, 'open'>,
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

/** Removes the files of processes that are gone, also of those whose host is another now: a container has a new name each time. */
export async function removeLeftCopies(folder: string): Promise<void> {
  const names = await readdir(join(folder, FOLDER)).catch(() => []);
  for (const name of names) {
    const [host = '', pid = '', run = ''] = name.split('+');
    const path = join(folder, FOLDER, name);
    if (isGone(`${host}/${pid}/${run}`) || (await isOld(path))) await rm(path, { force: true });
  }
}

const isOld = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => null); // it may be gone by now
  return found !== null && found.mtimeMs < Date.now() - OLD_MS;
};
