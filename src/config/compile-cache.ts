// What Node has compiled is kept between runs: a command of the CLI takes two thirds of the time then.
import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

const OPEN_TO_OTHERS = 0o022;

/**
 * Keeps it in the user's own cache folder, and nowhere else: whoever could write there would run code as us. Without
 * such a folder, or where it cannot be written, nothing is kept.
 * @returns the folder, null where there is none
 */
export function keepCompiled({ XDG_CACHE_HOME, HOME }: Environment): string | null {
  const caches = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  if (!caches?.startsWith('/')) return null;
  const folder = join(caches, 'postern');
  try {
    for (const path of [caches, folder]) makeFolder(path);
    const { uid, mode } = statSync(folder);
    if (uid !== process.getuid?.() || (mode & OPEN_TO_OTHERS) !== 0) return null;
    return enableCompileCache(folder).directory ? folder : null;
  } catch {
    return null;
  }
}

/** A home that is not there is not made. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
}
