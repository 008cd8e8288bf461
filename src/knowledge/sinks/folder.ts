// A folder that gets documents as they are: each once, under its SHA-256, with a file beside it that says what it is.
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { PosternError } from '../../kernel/errors.ts';
import { waitAfter } from '../../network/standard-webhooks.ts';
import type { KnowledgeParts } from '../parts.ts';
import type { Placed, Placing } from '../placing.ts';
import { documentsOf } from '../subject.ts';

const MOST_MAILS = 100; // named in the file beside a document

/** @throws PosternError `sink_unavailable` with the time of the next attempt */
export async function placeInFolder(
  parts: KnowledgeParts,
  folder: string,
  { placement, content, attempt, signal }: Placing,
): Promise<Placed> {
  const documents = await documentsOf(parts.store.db, content.id, {
    sink: placement.sink,
    limit: MOST_MAILS,
  });
  const blob = await parts.blobs.find(content.object_id);
  const { sha256, sha1, md5, size } = content; // its type may not be known yet: the text is taken out beside this
  const path = join(folder, sha256.slice(0, 2), sha256);
  const about = {
    ...{ sha256, sha1, md5, size },
    documents: documents.map(({ message, ...document }) => ({ ...document, ...message })),
  };
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await removeUnfinished(path);
    await write(`${path}${extensionOf(documents[0]?.filename ?? '')}`, await blob.open(), signal);
    await write(`${path}.json`, [Buffer.from(`${JSON.stringify(about, null, 2)}\n`)], signal);
    return { outcome: 'placed', status: null };
  } catch (error) {
    if (signal.aborted || error instanceof PosternError) throw error;
    const { code = 'no reason is known' } = error as NodeJS.ErrnoException;
    throw new PosternError('sink_unavailable', `The folder cannot be written to: ${code}.`, {
      retry: { afterMs: waitAfter(attempt) },
      cause: error,
    });
  }
}

/** Of the name that the mail gives, only what can do no harm; a document is never taken for its own description. */
function extensionOf(filename: string): string {
  const extension = extname(filename).toLowerCase();
  return /^\.[a-z0-9]{1,8}$/.test(extension) && !['.json', '.tmp'].includes(extension) ? extension : '.bin';
}

/** What an attempt that was killed has left behind: it is somebody's mail. Who still writes there begins anew. */
async function removeUnfinished(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.tmp'))
      await rm(join(dirname(path), name), { force: true });
}

/** Whole or not at all, and the same bytes again do no harm. */
async function write(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await writeFile(file, content, { signal });
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
