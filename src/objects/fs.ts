// Objects in a folder: written beside their place, flushed, and renamed, so that a kill leaves either nothing or all.
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, open, opendir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { notFound, PosternError } from '../kernel/errors.ts';
import { OBJECT_KEY as KEY, type ObjectStore } from './object-store.ts';

const BESIDE = /^[a-z]+_[0-9a-z]{26}\.[0-9a-f]{8}\.tmp$/;

const COPY_BYTES = 256 * 1024; // fewer, larger steps cost less; one for each file that is fetched

export function folderStore(folder: string): ObjectStore {
  return {
    async put(key, content) {
      const path = placeOf(folder, key);
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const beside = `${path}.${randomBytes(4).toString('hex')}.tmp`;
      try {
        const file = await open(beside, 'wx', 0o600);
        try {
          await writeFile(file, content);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
      await syncFolder(dirname(path));
      if (made !== undefined) await syncFolder(dirname(made)); // else a crash may take the new folder away again
    },
    get: async (key) => orNotFound(key, readFile(placeOf(folder, key))),
    async open(key, range) {
      const file = await orNotFound(key, open(placeOf(folder, key), 'r'));
      return file.createReadStream(range); // closes the file at its end, and when it is destroyed
    },
    async copy(key, { start, end }, take) {
      await using file = await orNotFound(key, open(placeOf(folder, key), 'r'));
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, end - start + 1));
      for (let at = start; at <= end; ) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at + 1), at);
        if (bytesRead === 0)
          throw new PosternError('object_cut_short', `The stored object ${key} is cut short.`);
        await take(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
    },
    async remove(key) {
      await rm(placeOf(folder, key), { force: true });
    },
    async *storedBefore(time) {
      for await (const entry of filesIn(folder)) {
        const path = join(entry.parentPath, entry.name);
        const found = await stat(path).catch(() => null); // it may be gone by now
        if (!found || found.mtimeMs >= time) continue;
        if (KEY.test(entry.name)) yield entry.name;
        else if (BESIDE.test(entry.name)) await rm(path, { force: true });
      }
    },
  };
}

/** The files of the folders that objects lie in. */
async function* filesIn(folder: string): AsyncGenerator<Dirent> {
  for (const inner of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!inner.isDirectory()) continue;
    for await (const entry of await opendir(join(folder, inner.name))) if (entry.isFile()) yield entry;
  }
}

async function orNotFound<T>(key: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notFound('stored object', key);
    throw error;
  }
}

function placeOf(folder: string, key: string): string {
  if (!KEY.test(key))
    throw new PosternError('object_key_invalid', `${JSON.stringify(key)} is no key of an object.`);
  return join(folder, key.slice(-2), key);
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be flushed there, and need not be
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
