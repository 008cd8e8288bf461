// Secrets at rest: AES-256-GCM under a data key for each account, which is wrapped by a master key. Associated data
// binds every ciphertext to its account and field, so that a row copied to another place does not decrypt.
import { randomBytes } from 'node:crypto';
import { PosternError } from '../kernel/errors.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { AccountKeysTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';
import { keysFromSettings, type MasterKey, type MasterKeys } from './master-keys.ts';
import { KEY_BYTES, open, seal, unreadable } from './sealing.ts';

const sealedSecret = keptQuery((db, accountId: string, field: string) =>
  db
    .selectFrom('account_secrets as secret')
    .leftJoin('account_keys as key', 'key.account_id', 'secret.account_id')
    .select(['secret.ciphertext', 'key.master_key_id', 'key.wrapped_key'])
    .where('secret.account_id', '=', accountId)
    .where('secret.field', '=', field),
);

export class Vault {
  readonly keys: MasterKeys;

  /** @param keys the master keys, or the only one */
  constructor(keys: MasterKeys | Buffer) {
    this.keys = Buffer.isBuffer(keys) ? keysFromSettings(keys) : keys;
  }

  /**
   * Stores a secret of an account, and makes the account's data key where it has none.
   * @throws PosternError `secret_unreadable` when other secrets are there under a key that nobody has
   */
  async put(tx: Tx, accountId: string, field: string, secret: string): Promise<void> {
    const dataKey = (await this.#dataKeyToUse(tx, accountId)) ?? (await this.#makeDataKey(tx, accountId));
    const ciphertext = seal(dataKey, Buffer.from(secret, 'utf8'), secretPlace(accountId, field));
    await tx
      .insertInto('account_secrets')
      .values({ account_id: accountId, field, ciphertext })
      .onConflict((conflict) => conflict.columns(['account_id', 'field']).doUpdateSet({ ciphertext }))
      .execute();
  }

  /**
   * @returns null when the account has no such secret
   * @throws PosternError `secret_unreadable` when it does not decrypt: another master key, another row, or damage
   */
  async get(db: Reader, accountId: string, field: string): Promise<string | null> {
    // In one statement: between two of them a rotation may renew the data key.
    const [row] = await sealedSecret(db, accountId, field);
    if (!row) return null;
    const { ciphertext, master_key_id, wrapped_key } = row;
    if (master_key_id === null || wrapped_key === null)
      throw unreadable(`The account ${accountId} has a secret but no data key.`);
    const dataKey = this.#unwrap({ account_id: accountId, master_key_id, wrapped_key });
    return open(dataKey, ciphertext, secretPlace(accountId, field)).toString('utf8');
  }

  async remove(tx: Tx, accountId: string, field?: string): Promise<void> {
    const secrets = tx.deleteFrom('account_secrets').where('account_id', '=', accountId);
    if (field !== undefined) {
      await secrets.where('field', '=', field).execute();
      return;
    }
    await secrets.execute();
    await tx.deleteFrom('account_keys').where('account_id', '=', accountId).execute();
  }

  /**
   * Wraps an account's data key with another master key; with `renew` the account gets a new data key, and its secrets
   * are sealed again under it. @throws PosternError `secret_unreadable`, with nothing changed
   */
  async rewrap(tx: Tx, row: AccountKeysTable, to: MasterKey, renew: boolean): Promise<void> {
    const accountId = row.account_id;
    const before = this.#unwrap(row);
    const dataKey = renew ? randomBytes(KEY_BYTES) : before;
    if (renew) {
      const secrets = await tx
        .selectFrom('account_secrets')
        .selectAll()
        .where('account_id', '=', accountId)
        .execute();
      for (const { field, ciphertext } of secrets) {
        const place = secretPlace(accountId, field);
        await tx
          .updateTable('account_secrets')
          .set({ ciphertext: seal(dataKey, open(before, ciphertext, place), place) })
          .where('account_id', '=', accountId)
          .where('field', '=', field)
          .execute();
      }
    }
    await tx
      .updateTable('account_keys')
      .set({ master_key_id: to.id, wrapped_key: seal(to.key, dataKey, keyPlace(accountId)) })
      .where('account_id', '=', accountId)
      .execute();
  }

  /** Null where there is none, and where it is lost together with everything that was sealed with it. */
  async #dataKeyToUse(tx: Tx, accountId: string): Promise<Buffer | null> {
    const row = await tx
      .selectFrom('account_keys')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    if (!row) return null;
    try {
      return this.#unwrap(row);
    } catch (error) {
      const sealed = await tx
        .selectFrom('account_secrets')
        .select('field')
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      if (sealed) throw error;
      await tx.deleteFrom('account_keys').where('account_id', '=', accountId).execute();
      return null;
    }
  }

  #unwrap(row: AccountKeysTable): Buffer {
    const master = this.keys.find(row.master_key_id);
    if (!master) {
      throw unreadable(
        `The account ${row.account_id} was sealed with another master key (${row.master_key_id}).`,
      );
    }
    return open(master.key, row.wrapped_key, keyPlace(row.account_id));
  }

  async #makeDataKey(tx: Tx, accountId: string): Promise<Buffer> {
    const dataKey = randomBytes(KEY_BYTES);
    const master = await wrappingKey(tx, this.keys);
    const wrapped = seal(master.key, dataKey, keyPlace(accountId));
    await tx
      .insertInto('account_keys')
      .values({ account_id: accountId, master_key_id: master.id, wrapped_key: wrapped })
      .execute();
    return dataKey;
  }
}

/**
 * The key that new data keys are wrapped with: that of the last rotation. It is read in the transaction that uses it, so
 * that a process which has not heard of a rotation never wraps with a key that is about to go.
 * @throws PosternError `master_key_unknown` where this process does not hold it
 */
async function wrappingKey(tx: Tx, keys: MasterKeys): Promise<MasterKey> {
  const last = await tx
    .selectFrom('vault_rotations')
    .select(['from_id', 'to_id', 'state'])
    .where('to_id', 'is not', null)
    .orderBy('id', 'desc')
    .executeTakeFirst();
  if (!last || last.to_id === null) return keys.current;
  const to = keys.find(last.to_id);
  if (to) return to;
  // Every key was exchanged from outside, and what was sealed before is lost: going on is all that is left.
  if (last.state === 'done' && keys.current.id !== last.from_id) return keys.current;
  throw new PosternError(
    'master_key_unknown',
    `The master key ${keys.current.id} was replaced by ${last.to_id}, which this process does not have.`,
    { hint: 'Give it the new key (POSTERN_MASTER_KEY, or master.key in the data folder) and restart it.' },
  );
}

const keyPlace = (accountId: string): string => JSON.stringify(['postern', 'data key', accountId]);
const secretPlace = (accountId: string, field: string): string =>
  JSON.stringify(['postern', 'secret', accountId, field]);
