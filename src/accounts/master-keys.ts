// The master keys that a process holds: the one in use, and during a rotation the one that comes after it. Which of them
// new data keys are wrapped with is written in the ledger (vault_rotations); here they only lie.
//
// In the data folder they are two files, `master.key` and `master.key.next`. They change only inside a write transaction
// of the ledger, whose lock keeps processes apart, and only by renames that are on the disk before it commits.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { PosternError } from '../kernel/errors.ts';
import { KEY_BYTES } from './sealing.ts';

export interface MasterKey {
  /** Names the key without telling it: the start of a hash. */
  readonly id: string;
  readonly key: Buffer;
}

export interface MasterKeys {
  /** `settings`: whoever runs Postern makes the keys and takes them away. `file`: Postern does. */
  readonly source: 'settings' | 'file';
  readonly current: MasterKey;
  readonly next: MasterKey | null;
  /** Another process may have rotated: looks for a key that is not known here. */
  find(id: string): MasterKey | null;
  /** The next key, made where there is none. @throws PosternError `master_key_next_missing` */
  begin(): MasterKey;
  /** The next key takes the place of the one in use, which is gone then. */
  retire(): void;
}

/** @throws PosternError `master_key_invalid` */
export function masterKey(key: Buffer): MasterKey {
  if (key.length !== KEY_BYTES)
    throw new PosternError('master_key_invalid', 'The master key must have 32 bytes.');
  const id = createHash('sha256').update('postern master key id').update(key).digest('hex').slice(0, 16);
  return { id, key };
}

/** Keys from the settings. What is retired stays there until somebody takes it out of them. */
export function keysFromSettings(current: Buffer, next: Buffer | null = null): MasterKeys {
  const keys = { current: masterKey(current), next: next === null ? null : masterKey(next) };
  return {
    source: 'settings',
    ...keys,
    find: (id) => [keys.current, keys.next].find((key) => key?.id === id) ?? null,
    begin() {
      if (keys.next !== null && keys.next.id !== keys.current.id) return keys.next;
      throw new PosternError('master_key_next_missing', 'The settings name no next master key.', {
        hint: 'Set POSTERN_MASTER_KEY_NEXT to a new key at every process, restart them, and rotate then.',
      });
    },
    retire: () => undefined,
  };
}

/** Keys in files that Postern keeps; `path` exists. @throws PosternError `master_key_invalid`, `secret_file_unreadable` */
export function keysInFiles(path: string): MasterKeys {
  const nextPath = `${path}.next`;
  const read = (): { current: MasterKey; next: MasterKey | null } => {
    // The next one first: whoever finds it gone finds it in the other place, never the other way round.
    const next = readKey(nextPath);
    const current = readKey(path);
    if (current === null) throw new PosternError('secret_file_unreadable', `${path} is gone.`);
    return { current, next };
  };
  let keys = read();
  const known = (id: string) => [keys.current, keys.next].find((key) => key?.id === id) ?? null;
  return {
    source: 'file',
    get current() {
      return keys.current;
    },
    get next() {
      return keys.next;
    },
    find(id) {
      const found = known(id);
      if (found) return found;
      keys = read();
      return known(id);
    },
    begin() {
      keys = read();
      if (keys.next === null) {
        writeDurably(nextPath, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
        keys = read();
      }
      return keys.next as MasterKey;
    },
    retire() {
      keys = read();
      if (keys.next === null) return;
      renameSync(nextPath, path);
      syncFolder(path);
      keys = read();
    },
  };
}

function readKey(path: string): MasterKey | null {
  try {
    return masterKey(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof PosternError) {
      throw new PosternError('master_key_invalid', `${path} does not hold 32 bytes in base64.`);
    }
    throw new PosternError('secret_file_unreadable', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Whole and on the disk, or not there at all. */
function writeDurably(path: string, text: string): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true }); // left by a process that was killed here
  const file = openSync(beside, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  syncFolder(path);
}

/** A rename lasts once its folder is on the disk; Windows cannot open a folder, and does it by itself. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
