// Domains that mail is sent from, with their DKIM keys. A private key is made or brought here, goes into the vault, and is
// never shown; as a secret of the domain it is covered by rotations of the master key.
import type { Vault } from '../accounts/vault.ts';
import type { DkimAlgorithm, DkimKeyState, DkimKeyView, DomainView, NewKey } from '../contracts/domain.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { exactDomainName, organisationOf } from '../mail/trust/domains.ts';
import type { DkimKeysTable, DomainsTable } from '../store/schema.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import { type DkimKey, keyRecord, makeKey, readKey } from './dkim-key.ts';
import { type KeyWatch, RETIRING_MS } from './key-watch.ts';
import { keyField, type SigningKeys } from './signing-keys.ts';

const MAX_KEYS = 50; // of one domain, retired ones among them
const MAX_DOMAIN_CHARS = 253; // RFC 1035 §2.3.4
const LABEL = /^[a-z0-9_](?:[a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL_CHARS = 63;

export interface DomainsParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  keyWatch: Pick<KeyWatch, 'observe'>;
  signingKeys: Pick<SigningKeys, 'forget'>;
}

export class Domains {
  readonly #parts: DomainsParts;

  constructor(parts: DomainsParts) {
    this.#parts = parts;
  }

  async list(): Promise<DomainView[]> {
    const { db } = this.#parts.store;
    const rows = await db.selectFrom('domains').selectAll().orderBy('name').execute();
    const keys = Map.groupBy(
      await db.selectFrom('dkim_keys').selectAll().orderBy('id').execute(),
      ({ domain_id: id }) => id,
    );
    return rows.map((row) => viewOf(row, keys.get(row.id) ?? []));
  }

  /** By name or by id. @throws PosternError `not_found` */
  async get(domain: string, reader: Reader = this.#parts.store.db): Promise<DomainView> {
    const row = await this.#find(reader, domain);
    return viewOf(row, await keysOf(reader, row.id));
  }

  /**
   * Adds a domain and makes its first keys.
   * @throws PosternError `domain_invalid`, `domain_exists`
   */
  async add(text: string, { ed25519 }: { ed25519: boolean }): Promise<DomainView> {
    const name = sendingDomain(text);
    const algorithms: DkimAlgorithm[] = ed25519 ? ['rsa', 'ed25519'] : ['rsa'];
    const made = await Promise.all(algorithms.map(makeKey));
    return this.#parts.store.write(async (tx) => {
      const there = await tx.selectFrom('domains').select('id').where('name', '=', name).executeTakeFirst();
      if (there)
        throw new PosternError('domain_exists', `The domain ${name} is there already.`, {
          hint: 'A further key is made by rotating it.',
        });
      const now = this.#parts.clock.now();
      const id = newId('dom', now);
      await tx.insertInto('domains').values({ id, name, created_at: now, updated_at: now }).execute();
      for (const key of made) await this.#insert(tx, id, key, undefined);
      return this.get(id, tx);
    });
  }

  /**
   * Makes the next key of a domain, or takes one that there is already. It signs once its record was seen, and the one
   * before it retires. Where one waits already, it is that one.
   * @throws PosternError `not_found`, `dkim_key_invalid`, `dkim_key_pending`, `selector_taken`, `too_many_keys`
   */
  async rotate(domain: string, { algorithm, selector, private_key: pem }: NewKey): Promise<DomainView> {
    const { id } = await this.get(domain);
    const key = pem === undefined ? await makeKey(algorithm) : readKey(pem);
    return this.#parts.store.write(async (tx) => {
      const keys = await keysOf(tx, id);
      const waiting = keys.find(
        ({ state, algorithm: kind }) => state === 'pending' && kind === key.algorithm,
      );
      if (waiting && pem === undefined && (selector === undefined || selector === waiting.selector))
        return this.get(id, tx);
      if (waiting)
        throw new PosternError('dkim_key_pending', `The key ${waiting.selector} waits for its record.`, {
          hint: 'Publish its record, or remove that key first.',
        });
      if (keys.length >= MAX_KEYS)
        throw new PosternError('too_many_keys', `The domain has ${keys.length} keys.`, {
          hint: 'Remove retired ones first.',
        });
      if (selector !== undefined && keys.some((other) => other.selector === selector))
        throw new PosternError('selector_taken', `The selector ${selector} had a key already.`, {
          hint: 'Choose another: what was published under a name may be remembered anywhere.',
        });
      await this.#insert(tx, id, key, selector);
      return this.get(id, tx);
    });
  }

  /** Looks for the records of its keys now. @throws PosternError `not_found` */
  async look(domain: string): Promise<DomainView> {
    const row = await this.#find(this.#parts.store.db, domain);
    for (const key of await keysOf(this.#parts.store.db, row.id))
      if (key.state === 'pending' || key.state === 'active')
        await this.#parts.keyWatch.observe({ ...key, domain: row.name });
    return this.get(row.id);
  }

  /** Throws a key away, whatever its state: after one that signs, mail leaves unsigned until another does. */
  async removeKey(domain: string, selector: string): Promise<DomainView> {
    return this.#parts.store.write(async (tx) => {
      const { id } = await this.#find(tx, domain);
      const key = (await keysOf(tx, id)).find((one) => one.selector === selector);
      if (!key) throw notFound('key', selector);
      await this.#parts.vault.remove(tx, id, keyField(key.id));
      await tx.deleteFrom('dkim_keys').where('id', '=', key.id).execute();
      await this.#touch(tx, id);
      return this.get(id, tx);
    });
  }

  /** Its mail leaves unsigned from then on. @throws PosternError `not_found` */
  async remove(domain: string): Promise<void> {
    await this.#parts.store.write(async (tx) => {
      const { id } = await this.#find(tx, domain);
      await this.#parts.vault.remove(tx, id);
      await tx.deleteFrom('dkim_keys').where('domain_id', '=', id).execute();
      await tx.deleteFrom('domains').where('id', '=', id).execute();
      afterCommit(tx, () => this.#parts.signingKeys.forget());
    });
  }

  async #insert(tx: Tx, domainId: string, key: DkimKey, wanted: string | undefined): Promise<void> {
    const now = this.#parts.clock.now();
    const taken = new Set((await keysOf(tx, domainId)).map(({ selector }) => selector));
    const id = newId('dkm', now);
    await this.#parts.vault.put(tx, domainId, keyField(id), key.secret);
    await tx
      .insertInto('dkim_keys')
      .values({
        id,
        domain_id: domainId,
        selector: wanted ?? freeSelector(now, key.algorithm, taken),
        algorithm: key.algorithm,
        bits: key.bits,
        public_key: key.publicKey,
        state: 'pending',
        created_at: now,
      })
      .execute();
    await this.#touch(tx, domainId);
  }

  async #touch(tx: Tx, id: string): Promise<void> {
    await tx
      .updateTable('domains')
      .set({ updated_at: this.#parts.clock.now() })
      .where('id', '=', id)
      .execute();
    afterCommit(tx, () => this.#parts.signingKeys.forget());
  }

  async #find(reader: Reader, domain: string): Promise<DomainsTable> {
    const name = exactDomainName(domain);
    const row = await reader
      .selectFrom('domains')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', domain), eb('name', '=', name)]))
      .executeTakeFirst();
    if (!row) throw notFound('domain', domain);
    return row;
  }
}

/**
 * A domain that mail can come from, in lower case and ASCII.
 * @throws PosternError `domain_invalid` for an address, a public suffix, a single word
 */
export function sendingDomain(text: string): string {
  const name = exactDomainName(text);
  const labels = name.split('.');
  const isName =
    name.length <= MAX_DOMAIN_CHARS &&
    labels.length > 1 &&
    labels.every((label) => label.length <= MAX_LABEL_CHARS && LABEL.test(label)) &&
    !/^[0-9]+$/.test(labels.at(-1) ?? '');
  if (isName && organisationOf(name) !== null) return name;
  throw new PosternError('domain_invalid', 'This is not a domain that mail is sent from.', {
    hint: 'Write the part behind the @ of your addresses, such as example.org.',
  });
}

const keysOf = (reader: Reader, domainId: string): Promise<DkimKeysTable[]> =>
  reader.selectFrom('dkim_keys').selectAll().where('domain_id', '=', domainId).orderBy('id').execute();

/** `postern-20261121`, with what tells it from others of that day. */
function freeSelector(now: number, algorithm: DkimAlgorithm, taken: ReadonlySet<string>): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
  const base = `postern-${day}${algorithm === 'ed25519' ? '-ed' : ''}`;
  let selector = base;
  for (let next = 2; taken.has(selector); next++) selector = `${base}-${next}`;
  return selector;
}

function viewOf(row: DomainsTable, keys: readonly DkimKeysTable[]): DomainView {
  return {
    ...row,
    signs: keys.some(({ state }) => state === 'active'),
    keys: keys.map((key) => keyView(row.name, key)),
  };
}

const keyView = (domain: string, key: DkimKeysTable): DkimKeyView => ({
  id: key.id,
  selector: key.selector,
  algorithm: key.algorithm as DkimAlgorithm,
  bits: key.bits,
  state: key.state as DkimKeyState,
  record: keyRecord(domain, key),
  problem: key.problem,
  seen_at: key.seen_at,
  checked_at: key.checked_at,
  created_at: key.created_at,
  active_at: key.active_at,
  retiring_at: key.retiring_at,
  retire_at: key.state === 'retiring' && key.retiring_at !== null ? key.retiring_at + RETIRING_MS : null,
  retired_at: key.retired_at,
});
