// Accounts as a document: to move them, or to keep them beside a backup. Secrets are in it only sealed to a passphrase.
import { z } from 'zod';
import { accountSettings } from './account.ts';
import { oauth2Record, secretRef } from './sign-in.ts';

export const EXPORT_FORMAT = 'postern.accounts';
export const EXPORT_VERSION = 1;
const MAX_ACCOUNTS = 10_000;

/** The secrets that are worth moving; an access token is fetched anew. */
export const exportedSecret = z.enum(['password', 'client_secret', 'refresh_token']);
export type ExportedSecret = z.infer<typeof exportedSecret>;

export const exportedAccount = z.strictObject({
  settings: accountSettings,
  auth: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('basic'),
      username: z.string().min(1).max(512),
      password_secret_ref: secretRef.nullable(),
    }),
    z.strictObject(oauth2Record.shape),
  ]),
  /** `v1.nonce.ciphertext.tag` under the key of the passphrase. */
  secrets: z.partialRecord(exportedSecret, z.string().max(65_536)).optional(),
});
export type ExportedAccount = z.infer<typeof exportedAccount>;

/** How the key comes from the passphrase (RFC 7914). Bounded, for a document may come from anywhere. */
export const exportSealing = z.strictObject({
  kdf: z.literal('scrypt'),
  /** The cost, a power of two: with r = 8, 2^17 takes 128 MB. */
  n: z
    .number()
    .int()
    .min(2 ** 14)
    .max(2 ** 18)
    .refine((n) => Number.isInteger(Math.log2(n)), 'write a power of two'),
  r: z.literal(8),
  p: z.number().int().min(1).max(4),
  salt: z.string().min(20).max(100),
  cipher: z.literal('aes-256-gcm'),
  /** A known text under the key: tells a wrong passphrase from a changed document. */
  check: z.string().max(200),
});
export type ExportSealing = z.infer<typeof exportSealing>;

export const accountExport = z.strictObject({
  format: z.literal(EXPORT_FORMAT),
  version: z.literal(EXPORT_VERSION),
  exported_at: z.string().max(40),
  /** Null: there are no secrets in it. */
  sealing: exportSealing.nullable(),
  accounts: z.array(exportedAccount).max(MAX_ACCOUNTS),
});
export type AccountExport = z.infer<typeof accountExport>;

/** Of a new one; long enough for the cost above to matter. */
export const newPassphrase = z.string().min(12, 'use at least 12 characters').max(1024);

const imported = z.object({
  id: z.string(),
  label: z.string(),
  /** What still has to be entered before the account can sign in. */
  missing: z.array(exportedSecret),
});

export const accountImport = z.object({ added: z.array(imported), replaced: z.array(imported) });
export type AccountImport = z.infer<typeof accountImport>;
