// The key of each account by which it knows tokens of its own again, those in the return paths of its mail and in the
// links by which people leave a list. Kept in the vault, made once, never changed: a link in a mail works as long as the
// account is there.
import { randomBytes } from 'node:crypto';
import type { Vault } from '../accounts/vault.ts';
import type { Store } from '../store/store.ts';

const FIELD = 'mail_token_key';
const KEY_BYTES = 32;
const MAX_KEPT = 4_096; // more accounts than one process sends for; what is dropped is read again

export class TokenKeys {
  readonly #store: Store;
  readonly #vault: Pick<Vault, 'get' | 'put'>;
  readonly #known = new Map<string, Buffer>();

  constructor({ store, vault }: { store: Store; vault: Pick<Vault, 'get' | 'put'> }) {
    this.#store = store;
    this.#vault = vault;
  }

  /** Made where there is none. @throws PosternError `secret_unreadable` */
  async of(accountId: string): Promise<Buffer> {
    const found = await this.find(accountId);
    if (found) return found;
    const made = randomBytes(KEY_BYTES).toString('base64');
    const kept = await this.#store.write(async (tx) => {
      const there = await this.#vault.get(tx, accountId, FIELD); // another process may have been faster
      if (there === null) await this.#vault.put(tx, accountId, FIELD, made);
      return there ?? made;
    });
    return this.#keep(accountId, kept);
  }

  /** Null where the account has none, and so has given no token. @throws PosternError `secret_unreadable` */
  async find(accountId: string): Promise<Buffer | null> {
    const known = this.#known.get(accountId);
    if (known) return known;
    const stored = await this.#vault.get(this.#store.db, accountId, FIELD);
    return stored === null ? null : this.#keep(accountId, stored);
  }

  #keep(accountId: string, text: string): Buffer {
    const [oldest] = this.#known.size < MAX_KEPT ? [] : this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
    const key = Buffer.from(text, 'base64');
    this.#known.set(accountId, key);
    return key;
  }
}
