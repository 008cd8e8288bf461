// The vault: which master key is in use, and its rotation; accounts as a document, out and in.
import { z } from 'zod';
import type { Rotation } from '../../accounts/key-rotation.ts';
import { accountExport, accountImport, newPassphrase } from '../../contracts/account-export.ts';
import { invalidInput } from '../invalid-input.ts';
import { defineOperation, type Operation } from '../registry.ts';

const rotationView = z.object({
  id: z.string(),
  state: z.enum(['open', 'done']),
  /** Names of keys: the start of a hash, which tells nothing of the key. */
  from_key: z.string(),
  to_key: z.string().nullable(),
  data_keys: z.boolean(),
  /** Why it does not go on; null while it does. */
  error: z.string().nullable(),
  started_at: z.number().int(),
  finished_at: z.number().int().nullable(),
});

const vaultStatus = z.object({
  /** settings: POSTERN_MASTER_KEY. file: master.key in the data folder. */
  source: z.enum(['settings', 'file']),
  master_key: z.string(),
  /** A key that is at hand and not in use yet; null: none. */
  next_key: z.string().nullable(),
  /** How many accounts and sending domains have secrets under which key; `held`: this gateway has the key. */
  keys: z.array(z.object({ key: z.string(), held: z.boolean(), accounts: z.number().int() })),
  rotation: rotationView.nullable(),
});

const labels = z.array(z.string().min(1).max(100)).min(1).max(10_000).optional();

export const vaultOperations: readonly Operation[] = [
  defineOperation({
    name: 'vault.status',
    summary:
      'Show which master key is in use, what is sealed with which, and where the last rotation stands.',
    input: z.strictObject({}),
    output: vaultStatus,
    permission: 'vault:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/vault' },
    cli: { words: ['vault', 'status'] },
    async handler({ rooms }) {
      const status = await rooms.keyRotation.status();
      return {
        source: status.source,
        master_key: status.masterKeyId,
        next_key: status.nextKeyId,
        keys: status.keys.map(({ id, ...rest }) => ({ key: id, ...rest })),
        rotation: status.rotation ? viewOf(status.rotation) : null,
      };
    },
  }),
  defineOperation({
    name: 'vault.rotate',
    summary: 'Make a new master key the one in use. Backups from before are readable with the old key only.',
    input: z.strictObject({
      /** Renew the data keys too, and seal every secret again: after the old master key became known. */
      data_keys: z.boolean().default(false),
    }),
    output: rotationView,
    permission: 'vault:rotate',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/vault/rotate' },
    cli: { words: ['vault', 'rotate'] },
    audit: async () => 'vault',
    handler: async ({ rooms }, { data_keys: dataKeys }) =>
      viewOf(await rooms.keyRotation.rotate({ dataKeys })),
  }),
];

/** Before the operations on one account: `export` and `import` stand where an account's name would. */
export const accountTransferOperations: readonly Operation[] = [
  defineOperation({
    name: 'account.export',
    summary: 'Give the accounts as one document, without secrets.',
    input: z.strictObject({}),
    output: accountExport,
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/accounts/export' },
    handler: ({ rooms }) => rooms.transfer.export(null, null),
  }),
  defineOperation({
    name: 'account.export_sealed',
    summary: 'Give the accounts as one document, with their secrets sealed to a passphrase.',
    input: z.strictObject({ passphrase: newPassphrase, accounts: labels }),
    output: accountExport,
    permission: 'accounts:export_secrets',
    effects: 'destructive', // what has left cannot be taken back
    http: { method: 'POST', path: '/v1/accounts/export' },
    audit: async (_context, { accounts }) => accounts?.join(', ') ?? 'all accounts',
    handler: ({ rooms }, { passphrase, accounts }) => rooms.transfer.export(accounts ?? null, passphrase),
  }),
  defineOperation({
    name: 'account.import',
    summary: 'Take accounts from a document that an export gave: all of them, or none.',
    input: z.strictObject({
      document: z.record(z.string(), z.unknown()),
      passphrase: z.string().min(1).max(1024).optional(),
      /** Replace the accounts that have the same labels; without it they are refused. */
      replace: z.boolean().default(false),
    }),
    output: accountImport,
    permission: 'accounts:write',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/accounts/import', largeBody: true },
    audit: async () => 'accounts',
    async handler({ rooms }, { document, passphrase = null, replace }) {
      try {
        return await rooms.transfer.import(document, { passphrase, replace });
      } catch (error) {
        throw error instanceof z.ZodError ? invalidInput(error) : error;
      }
    },
  }),
];

const viewOf = (rotation: Rotation): z.input<typeof rotationView> => ({
  id: rotation.id,
  state: rotation.state,
  from_key: rotation.fromId,
  to_key: rotation.toId,
  data_keys: rotation.dataKeys,
  error: rotation.error,
  started_at: rotation.startedAt,
  finished_at: rotation.finishedAt,
});
