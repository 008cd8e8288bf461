// The life of a DKIM key. Its record is looked for until it is there; then the key signs, in place of the one before it. That
// one's record stays for a week, for mail that is still on its way; then its private half is thrown away. Each step is one
// transaction that says from which state it comes, so that a process may end between any two, and two may look at once.
import type { Vault } from '../accounts/vault.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { DkimKeysTable } from '../store/schema.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { keyName } from './dkim-key.ts';
import { readPublished } from './key-record.ts';
import { keyField, type SigningKeys } from './signing-keys.ts';

const LOOK_EVERY_MS = 30_000;
const KEYS_AT_ONCE = 50; // the rest comes at the next look
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A new key takes over once its record was there for so long: until then some may still be told that it is not. */
export const SETTLE_MS = HOUR_MS;
/** Servers try for five days (RFC 5321 §4.5.4.1), and the receiver of the last attempt looks the key up. */
export const RETIRING_MS = 7 * DAY_MS;

const MISSING = new Set(['ENOTFOUND', 'ENODATA']);

/** Asks for records of a name: lists of the strings of each. Throws with a `code`: ENOTFOUND, ENODATA, or what failed. */
export type AskDns = (name: string, type: string) => Promise<string[][]>;

export interface KeyWatchParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  ask: AskDns;
  signingKeys: Pick<SigningKeys, 'forget'>;
}

export type WatchedKey = DkimKeysTable & { domain: string };

export class KeyWatch implements Part {
  readonly name = 'domain keys';
  readonly #parts: KeyWatchParts;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: KeyWatchParts) {
    this.#parts = parts;
  }

  /** Looks at its start, and then twice a minute. */
  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks at the keys that it is time to look at, and retires what is through. */
  async look(): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const rows = await store.db
      .selectFrom('dkim_keys as key')
      .innerJoin('domains as domain', 'domain.id', 'key.domain_id')
      .selectAll('key')
      .select('domain.name as domain')
      .where('key.state', '!=', 'retired')
      .orderBy('key.checked_at')
      .execute();
    for (const row of rows) {
      if (row.state === 'retiring' && (row.retiring_at ?? now) + RETIRING_MS <= now) await this.#retire(row);
    }
    for (const row of rows.filter((key) => isDue(key, now)).slice(0, KEYS_AT_ONCE)) {
      if (this.#stopped) return;
      await this.observe(row);
    }
  }

  /** Looks for the record of a key, notes what it finds, and lets the key sign where that is due. */
  async observe(key: WatchedKey): Promise<void> {
    const { store, clock, log, ask, signingKeys } = this.#parts;
    const name = keyName(key.selector, key.domain);
    const found = await problemOf(ask, name, key);
    await store.write(async (tx) => {
      const now = clock.now();
      const checked = { checked_at: now };
      // Nobody knows, so nothing changes: a name server that is silent takes no key out of use.
      const noted =
        found === 'unknown'
          ? checked
          : { ...checked, problem: found, seen_at: found === null ? (key.seen_at ?? now) : null };
      await tx.updateTable('dkim_keys').set(noted).where('id', '=', key.id).execute();
      if (found === null && (await takeOver(tx, key.id, now))) {
        log.info({ domain: key.domain, selector: key.selector }, 'a DKIM key signs from now on');
        afterCommit(tx, () => signingKeys.forget());
      }
    });
    if (key.state === 'active' && found !== null && found !== 'unknown')
      log.warn(
        { domain: key.domain, selector: key.selector },
        `mail is signed in vain: at ${name}, ${found}`,
      );
  }

  async #retire(key: WatchedKey): Promise<void> {
    const { store, vault, clock, log } = this.#parts;
    await store.write(async (tx) => {
      const [retired] = await tx
        .updateTable('dkim_keys')
        .set({ state: 'retired', retired_at: clock.now() })
        .where('id', '=', key.id)
        .where('state', '=', 'retiring')
        .returning('id')
        .execute();
      if (!retired) return;
      await vault.remove(tx, key.domain_id, keyField(key.id));
      log.info({ domain: key.domain, selector: key.selector }, 'a DKIM key is retired: its record may go');
    });
  }

  #look(): void {
    this.#looking = this.#looking
      .then(() => this.look())
      .catch((error: unknown) =>
        this.#parts.log.error({ error: explain(error) }, 'the keys of domains could not be looked at'),
      );
  }
}

/** @returns whether the key signs from now on */
async function takeOver(tx: Tx, id: string, now: number): Promise<boolean> {
  const key = await tx.selectFrom('dkim_keys').selectAll().where('id', '=', id).executeTakeFirst();
  if (key?.state !== 'pending' || key.seen_at === null) return false;
  // Where no key signs, unsigned mail is worse than a few receivers that do not see the record yet.
  const signs = await tx
    .selectFrom('dkim_keys')
    .select('id')
    .where('domain_id', '=', key.domain_id)
    .where('algorithm', '=', key.algorithm)
    .where('state', '=', 'active')
    .executeTakeFirst();
  if (signs && now - key.seen_at < SETTLE_MS) return false;
  await tx
    .updateTable('dkim_keys')
    .set({ state: 'retiring', retiring_at: now })
    .where('domain_id', '=', key.domain_id)
    .where('algorithm', '=', key.algorithm)
    .where('state', '=', 'active')
    .execute();
  await tx
    .updateTable('dkim_keys')
    .set({ state: 'active', active_at: now })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
  return true;
}

/** What is wrong with the record of a key; null: nothing, `unknown`: it could not be asked for. */
async function problemOf(ask: AskDns, name: string, key: DkimKeysTable): Promise<string | null | 'unknown'> {
  try {
    return readPublished(
      (await ask(name, 'TXT')).map((strings) => strings.join('')),
      key,
    ).problem;
  } catch (error) {
    return MISSING.has((error as { code?: string }).code ?? '') ? 'there is no record' : 'unknown';
  }
}

/** How long a key is left alone between two looks: soon after it was made, a person is at it. */
function isDue({ state, checked_at, created_at }: DkimKeysTable, now: number): boolean {
  if (state === 'retired' || state === 'retiring') return false;
  if (checked_at === null) return true;
  const age = now - created_at;
  const pace =
    state === 'active' ? DAY_MS : age < HOUR_MS ? MINUTE_MS : age < DAY_MS ? 10 * MINUTE_MS : HOUR_MS;
  return now - checked_at >= pace;
}
