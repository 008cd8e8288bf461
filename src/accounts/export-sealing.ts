// Secrets of an export, sealed to a passphrase. The associated data binds each to its field and to everything that the
// document says of its account: with another host in it, a password does not open, and is never sent there.
import { createHash, randomBytes, scrypt } from 'node:crypto';
import { EXPORT_VERSION, type ExportSealing } from '../contracts/account-export.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import { KEY_BYTES, open, seal } from './sealing.ts';

const COST = { n: 2 ** 17, r: 8, p: 1 } as const; // 128 MB and half a second: OWASP's recommendation for scrypt
const SALT_BYTES = 16;
const CHECK_TEXT = 'postern';
const CHECK_PLACE = JSON.stringify(['postern', 'export', EXPORT_VERSION, 'check']);

export interface ExportKey {
  sealing: ExportSealing;
  /** @param account the account of the document, as JSON gives it and without its secrets */
  seal(secret: string, account: unknown, field: string): string;
  /** @throws PosternError `secret_unreadable` where the account or the secret was changed */
  open(sealed: string, account: unknown, field: string): string;
}

export async function newExportKey(passphrase: string): Promise<ExportKey> {
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  const key = await derive(passphrase, { ...COST, salt });
  const check = seal(key, Buffer.from(CHECK_TEXT), CHECK_PLACE);
  return keyOf(key, { kdf: 'scrypt', ...COST, salt, cipher: 'aes-256-gcm', check });
}

/** @throws PosternError `passphrase_wrong` */
export async function openExportKey(passphrase: string, sealing: ExportSealing): Promise<ExportKey> {
  const key = await derive(passphrase, sealing);
  try {
    open(key, sealing.check, CHECK_PLACE);
  } catch (error) {
    if (codeOf(error) !== 'secret_unreadable') throw error;
    throw new PosternError('passphrase_wrong', 'The passphrase is not the one of this export.');
  }
  return keyOf(key, sealing);
}

const keyOf = (key: Buffer, sealing: ExportSealing): ExportKey => ({
  sealing,
  seal: (secret, account, field) => seal(key, Buffer.from(secret, 'utf8'), place(account, field)),
  open: (sealed, account, field) => open(key, sealed, place(account, field)).toString('utf8'),
});

const place = (account: unknown, field: string): string => {
  const digest = createHash('sha256').update(canonical(account)).digest('hex');
  return JSON.stringify(['postern', 'export', EXPORT_VERSION, labelOf(account), field, digest]);
};

const labelOf = (account: unknown): string =>
  String((account as { settings?: { label?: unknown } }).settings?.label ?? '');

/** JSON with the names of every object in order: what a document says, however it is written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function derive(passphrase: string, { n, r, p, salt }: Omit<ExportSealing, 'check' | 'kdf' | 'cipher'>) {
  // The same characters in another normal form are the same passphrase to whoever types it.
  const text = passphrase.normalize('NFKC');
  const options = { N: n, r, p, maxmem: 2 * 128 * n * r };
  return new Promise<Buffer>((resolve, reject) => {
    scrypt(text, Buffer.from(salt, 'base64url'), KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
