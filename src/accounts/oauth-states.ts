// Sign-ins that wait for a person at the provider: a row in the ledger for each, its secret (the PKCE verifier, or the
// device code) in the vault. A row is found by a hash, so that what stands in the ledger opens nothing.
import { createHash } from 'node:crypto';
import type { OAuthStatesTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { Vault } from './vault.ts';

const MOST_OPEN = 5; // for an account: a person who begins again and again ends the oldest

/** The id of the row that a `state` parameter stands for. */
export const stateId = (state: string): string => createHash('sha256').update(state).digest('hex');

const fieldOf = (id: string): string => `oauth_state:${id}`;

/** Adds a waiting sign-in, and ends those of the account that are too old or too many. */
export async function addState(tx: Tx, vault: Vault, row: OAuthStatesTable, secret: string): Promise<void> {
  const others = await tx
    .selectFrom('oauth_states')
    .selectAll()
    .where('account_id', '=', row.account_id)
    .orderBy('created_at', 'desc')
    .execute();
  const over = others.filter((other, at) => other.expires_at <= row.created_at || at >= MOST_OPEN - 1);
  for (const other of over) await endState(tx, vault, other);
  await tx.insertInto('oauth_states').values(row).execute();
  await vault.put(tx, row.account_id, fieldOf(row.id), secret);
}

/** A sign-in that still waits, with its secret; null where there is none (any more). */
export async function findState(
  db: Reader,
  vault: Vault,
  id: string,
  now: number,
): Promise<{ row: OAuthStatesTable; secret: string } | null> {
  const row = await db.selectFrom('oauth_states').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || row.expires_at <= now) return null;
  const secret = await vault.get(db, row.account_id, fieldOf(id));
  return secret === null ? null : { row, secret };
}

/** @returns false where it had ended already */
export async function endState(
  tx: Tx,
  vault: Vault,
  row: Pick<OAuthStatesTable, 'id' | 'account_id'>,
): Promise<boolean> {
  const ended = await tx
    .deleteFrom('oauth_states')
    .where('id', '=', row.id)
    .returning('id')
    .executeTakeFirst();
  await vault.remove(tx, row.account_id, fieldOf(row.id));
  return ended !== undefined;
}

/** All of an account's, as when the account goes. Their secrets go with those of the account. */
export async function dropStates(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom('oauth_states').where('account_id', '=', accountId).execute();
}
