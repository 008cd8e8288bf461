// The two secrets that Postern makes for itself at the first start: each a file that only its owner can read.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { PosternError } from '../kernel/errors.ts';

/** Reads the secret, or makes it. `made` is true for the process that made it, so that it can say so once. */
export function secretFile(path: string, make: () => string): { secret: string; made: boolean } {
  const known = readSecret(path);
  if (known !== null) return { secret: known, made: false };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const secret = make();
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(beside, 'wx', 0o600);
  try {
    writeSync(file, `${secret}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(beside, path); // fails when another process was first: two that start at once agree on one secret
    return { secret, made: true };
  } catch (error) {
    const other = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readSecret(path) : null;
    if (other === null) throw error;
    return { secret: other, made: false };
  } finally {
    rmSync(beside, { force: true });
  }
}

function readSecret(path: string): string | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new PosternError('secret_file_unreadable', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (text === '')
    throw new PosternError('secret_file_unreadable', `${path} is empty.`, {
      hint: 'Put the secret back from a backup.',
    });
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  return text;
}

export const newMasterKey = (): string => randomBytes(32).toString('base64');
export const newAdminToken = (): string => `postern_${randomBytes(24).toString('base64url')}`;
