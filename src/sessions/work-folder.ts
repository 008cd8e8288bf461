// The folder in which an agent's program runs, with the attachments of its mail in it.
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { SessionEvent } from '../contracts/session.ts';
import { safeFilename } from '../mail/filename.ts';
import type { Messages } from '../watch/messages.ts';

export interface WorkFolder {
  path: string;
  remove(): Promise<void>;
}

/**
 * A new, empty folder with a name of its own: a program that outlived a crash of the gateway may still write into the one
 * before. Those of earlier turns of the session, which a crash may have left, are removed.
 */
export async function openWorkFolder(workDir: string, sessionId: string): Promise<WorkFolder> {
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const ofSession = `${sessionId}-`;
  for (const name of await readdir(workDir))
    if (name.startsWith(ofSession)) await removeTree(join(workDir, name));
  // No folder that turns share: the turn before is still removing its own when this one begins.
  const path = await mkdtemp(join(workDir, ofSession));
  return { path, remove: () => removeTree(path) };
}

/** What cannot be removed (open files on Windows, a folder that the agent locked) is left to the next turn. */
const removeTree = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true }).catch(() => undefined);

/** Streams the attachments into the folder, and notes in the event where they lie. */
export async function layAttachments(
  messages: Pick<Messages, 'attachment'>,
  event: SessionEvent,
  folder: string,
): Promise<void> {
  const { id, attachments } = event.data.message;
  if (attachments.length === 0) return;
  const home = join(folder, 'attachments');
  await mkdir(home, { mode: 0o700 });
  const names = fileNames(attachments.map(({ filename }) => filename));
  for (const [at, file] of attachments.entries()) {
    const path = join(home, names[at] as string);
    await messages.attachment(id, file.id, (_, stream) =>
      pipeline(stream, createWriteStream(path, { mode: 0o600, flags: 'wx' })),
    );
    file.path = path;
  }
}

/** Names that are safe and different, also where the file system takes no notice of case. */
export function fileNames(wanted: readonly string[]): string[] {
  const taken = new Set<string>();
  return wanted.map((filename, at) => {
    const name = safeFilename(filename, `attachment-${at + 1}`);
    let unique = name;
    for (let number = at + 1; taken.has(formOf(unique)); number++) unique = `${number}-${name}`;
    taken.add(formOf(unique));
    return unique;
  });
}

const formOf = (name: string): string => name.normalize('NFKC').toLowerCase();
