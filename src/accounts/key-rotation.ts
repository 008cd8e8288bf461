// Rotation of the master key while the gateway runs. Four steps, each of which can be the last one that a process lives
// to see: the intent is written; the next key is made and named in the ledger; every data key is wrapped with it, a few
// in a transaction; the old key goes once nothing is wrapped with it. `resume` finds the step by what is there.
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { VaultRotationsTable } from '../store/schema.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { MasterKey } from './master-keys.ts';
import type { Vault } from './vault.ts';

const ACCOUNTS_AT_ONCE = 20; // a few milliseconds in which other writes wait

export interface Rotation {
  id: string;
  state: 'open' | 'done';
  fromId: string;
  toId: string | null;
  dataKeys: boolean;
  error: string | null;
  startedAt: number;
  finishedAt: number | null;
}

export interface VaultStatus {
  source: 'settings' | 'file';
  /** The key that new data keys are wrapped with. */
  masterKeyId: string;
  /** A key that is held and not in use yet. */
  nextKeyId: string | null;
  /** Accounts with secrets, by the name of the key that wraps their data key; `held`: this process has it. */
  keys: { id: string; held: boolean; accounts: number }[];
  /** The last one; null before the first. */
  rotation: Rotation | null;
}

export interface RotationParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  /** Called after each step that is on the disk; for tests that end the process there. */
  onStep?: (step: 'written' | 'key made' | 'wrapped' | 'old key gone' | 'done') => void;
}

export class KeyRotation {
  readonly name = 'key rotation';
  readonly #parts: RotationParts;
  #running: Promise<void> | undefined;

  constructor(parts: RotationParts) {
    this.#parts = parts;
  }

  /** Goes on with a rotation that was interrupted, and does not wait for its end. */
  start(): void {
    this.resume().catch((error: unknown) => {
      this.#parts.log.error({ error: explain(error) }, 'the rotation of the master key does not go on');
    });
  }

  async stop(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  /**
   * Makes a new master key the one in use, and waits for the end. A rotation that is under way is joined.
   * @throws PosternError `master_key_next_missing`; `rotation_running` where the one under way does not renew data keys
   *   and that is asked for; `secret_unreadable` where an account's key does not open: the old key stays then
   */
  async rotate({ dataKeys }: { dataKeys: boolean }): Promise<Rotation> {
    const { store, vault, clock } = this.#parts;
    const id = await store.write(async (tx) => {
      const open = await openRotation(tx);
      if (open) {
        if (!dataKeys || open.data_keys === 1) return open.id;
        throw new PosternError(
          'rotation_running',
          'A rotation without new data keys is under way; rotate again after it.',
          { retry: 'later' },
        );
      }
      if (vault.keys.source === 'settings') vault.keys.begin(); // throws where there is no next key
      const now = clock.now();
      const fromId = await keyInUse(tx, vault);
      if (vault.keys.source === 'settings' && fromId === vault.keys.next?.id) throw alreadyRotated();
      const row = { id: newId('rot', now), state: 'open' as const, from_id: fromId, to_id: null };
      await tx
        .insertInto('vault_rotations')
        .values({ ...row, data_keys: dataKeys ? 1 : 0, error: null, started_at: now, finished_at: null })
        .execute();
      return row.id;
    });
    this.#parts.onStep?.('written');
    await this.resume();
    let row = await readRotation(store.db, id);
    if (row?.state === 'open') {
      await this.resume(); // what was joined was the end of the rotation before
      row = await readRotation(store.db, id);
    }
    if (!row) throw new Error('a rotation is gone from the ledger');
    return rotationOf(row);
  }

  /** Ends the rotation that is open, if one is. One at a time in a process; two processes do no harm to each other. */
  resume(): Promise<void> {
    this.#running ??= this.#resume().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async status(): Promise<VaultStatus> {
    const { store, vault } = this.#parts;
    const { db } = store;
    const [last] = await db
      .selectFrom('vault_rotations')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(1)
      .execute();
    const counts = await db
      .selectFrom('account_keys')
      .select(['master_key_id', (eb) => eb.fn.countAll<number>().as('accounts')])
      .groupBy('master_key_id')
      .orderBy('master_key_id')
      .execute();
    const inUse = await keyInUse(db, vault);
    vault.keys.find(inUse);
    const { next, source } = vault.keys;
    return {
      source,
      masterKeyId: inUse,
      nextKeyId: next !== null && next.id !== inUse ? next.id : null,
      keys: counts.map(({ master_key_id: id, accounts }) => ({
        id,
        held: vault.keys.find(id) !== null,
        accounts: Number(accounts),
      })),
      rotation: last ? rotationOf(last) : null,
    };
  }

  async #resume(): Promise<void> {
    const row = await openRotation(this.#parts.store.db);
    if (!row) return;
    const { log } = this.#parts;
    log.info({ rotation: row.id, from: row.from_id }, 'the master key is being rotated');
    try {
      const to = await this.#makeKey(row);
      if (to) {
        while (await this.#wrapSome(row, to)) await turn(); // others come to their writes in between
        await this.#retire(row);
      }
      this.#parts.onStep?.('done');
      log.info({ rotation: row.id }, 'the master key is rotated: back the new one up, apart from the ledger');
    } catch (error) {
      await this.#note(row, explain(error));
      throw error;
    }
  }

  /** Null where the old key was retired already, and only the note of it was missing. */
  #makeKey(row: VaultRotationsTable): Promise<MasterKey | null> {
    const { store, vault } = this.#parts;
    const made = store.write(async (tx) => {
      const now = await readRotation(tx, row.id);
      if (now?.state !== 'open') return null;
      if (now.to_id !== null) {
        const held = vault.keys.find(now.to_id);
        if (!held) throw keyMissing(now.to_id);
        if (vault.keys.source === 'settings' || vault.keys.next?.id === now.to_id) return held;
        await this.#close(tx, row);
        return null;
      }
      const to = vault.keys.begin();
      await tx.updateTable('vault_rotations').set({ to_id: to.id }).where('id', '=', row.id).execute();
      return to;
    });
    return made.then((key) => {
      this.#parts.onStep?.('key made');
      return key;
    });
  }

  /** False once nothing is left that the old key wraps. */
  async #wrapSome(row: VaultRotationsTable, to: MasterKey): Promise<boolean> {
    const { store, vault } = this.#parts;
    const some = await store.write(async (tx) => {
      const rows = await tx
        .selectFrom('account_keys')
        .selectAll()
        .where('master_key_id', '=', row.from_id)
        .orderBy('account_id')
        .limit(ACCOUNTS_AT_ONCE)
        .execute();
      for (const key of rows) await vault.rewrap(tx, key, to, row.data_keys === 1);
      return rows.length > 0;
    });
    if (some) this.#parts.onStep?.('wrapped');
    return some;
  }

  async #retire(row: VaultRotationsTable): Promise<void> {
    const { store, vault } = this.#parts;
    await store.write(async (tx) => {
      const now = await readRotation(tx, row.id);
      if (now?.state !== 'open') return; // another process was here
      const left = await tx
        .selectFrom('account_keys')
        .select('account_id')
        .where('master_key_id', '=', row.from_id)
        .executeTakeFirst();
      if (left) throw new Error('a data key was wrapped with a master key that is being rotated');
      // What was wrapped anew is committed and on the disk, and the lock keeps everybody else from wrapping.
      vault.keys.retire();
      this.#parts.onStep?.('old key gone');
      await this.#close(tx, row);
    });
  }

  async #close(tx: Tx, row: VaultRotationsTable): Promise<void> {
    await tx
      .updateTable('vault_rotations')
      .set({ state: 'done', error: null, finished_at: this.#parts.clock.now() })
      .where('id', '=', row.id)
      .execute();
  }

  async #note(row: VaultRotationsTable, error: string): Promise<void> {
    const { db } = this.#parts.store;
    await db.updateTable('vault_rotations').set({ error }).where('id', '=', row.id).execute();
  }
}

/** The name of the key that new data keys are wrapped with. */
async function keyInUse(db: Reader, { keys }: Vault): Promise<string> {
  const last = await db
    .selectFrom('vault_rotations')
    .select('to_id')
    .where('to_id', 'is not', null)
    .orderBy('id', 'desc')
    .executeTakeFirst();
  const id = last?.to_id ?? keys.current.id;
  return keys.find(id)?.id ?? keys.current.id;
}

async function openRotation(db: Reader): Promise<VaultRotationsTable | undefined> {
  return db.selectFrom('vault_rotations').selectAll().where('state', '=', 'open').executeTakeFirst();
}

async function readRotation(db: Reader, id: string): Promise<VaultRotationsTable | undefined> {
  return db.selectFrom('vault_rotations').selectAll().where('id', '=', id).executeTakeFirst();
}

const rotationOf = (row: VaultRotationsTable): Rotation => ({
  id: row.id,
  state: row.state,
  fromId: row.from_id,
  toId: row.to_id,
  dataKeys: row.data_keys === 1,
  error: row.error,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
});

const keyMissing = (id: string): PosternError =>
  new PosternError('master_key_unknown', `The next master key ${id} is not here any more.`, {
    hint: 'Put POSTERN_MASTER_KEY_NEXT, or master.key.next in the data folder, back.',
  });

const alreadyRotated = (): PosternError =>
  new PosternError('master_key_next_missing', 'The next master key of the settings is the one in use.', {
    hint: 'Move POSTERN_MASTER_KEY_NEXT to POSTERN_MASTER_KEY, and set a new one to rotate to.',
  });
