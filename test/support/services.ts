// Which real servers this machine has. Tests skip loudly without them, except under CI, where that is an error.
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Service =
  | 'dovecot'
  | 'cyrus'
  | 'smtp-sink'
  | 'openssl'
  | 'python3'
  | 'dkimpy'
  | 'chromium'
  | 'radosgw';

// Debian keeps daemons out of a normal user's path.
const EXTRA_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/sbin'];

/** The full path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** Where scripts/test-services has unpacked Cyrus, or undefined. */
export function cyrusHome(): string | undefined {
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  const home = join(cache, 'postern-test', 'cyrus');
  return existsSync(join(home, 'usr/lib/cyrus/bin/imapd')) ? home : undefined;
}

/** Debian's dkimpy belongs to Debian's python3, whichever other is in the path. */
const DKIMPY = ['dkim', 'authres'].map((name) => `/usr/lib/python3/dist-packages/${name}/__init__.py`);

/**
 * For `skip` of a test: false when the service is there, else why the test is left out.
 * Throws under CI=true, so that nothing is left out there unseen.
 */
export function requireService(...services: Service[]): false | string {
  const isMissing = (service: Service): boolean => {
    if (service === 'dkimpy') return !DKIMPY.every((file) => existsSync(file));
    return (service === 'cyrus' ? cyrusHome() : findProgram(service)) === undefined;
  };
  const missing = services.filter(isMissing);
  if (missing.length === 0) return false;
  const reason = `NOT TESTED: ${missing.join(', ')} is not installed; run scripts/test-services as root`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}
