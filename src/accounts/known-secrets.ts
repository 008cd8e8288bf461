// The secrets of this gateway by their fingerprints, so that a mail in which one stands can be stopped: passwords, tokens and
// keys of the accounts, the master keys, the keys of its users, and what rules name by reference.
import { AsyncLocalStorage } from 'node:async_hooks';
import { codeOf } from '../kernel/errors.ts';
import { Fingerprints } from '../kernel/fingerprints.ts';
import { OWN_TOKEN } from '../kernel/own-tokens.ts';
import type { Store } from '../store/store.ts';
import type { MasterKeys } from './master-keys.ts';
import type { Vault } from './vault.ts';

const KEPT_FOR_MS = 30_000; // a password that has just been changed is one that no agent has seen
const REFERENCE = /^(?:env|file):.+/;
const DEEPEST = 12; // of what rules nest
const CONCEALED = '[a secret of this gateway stood here]';

export interface KnownSecretsParts {
  store: Store;
  vault: Vault;
  masterKeys: MasterKeys;
  /** Those that the settings name: the administrator's key. */
  fixed: readonly string[];
  /** Where references to secrets stand: agents, destinations and sinks of the rules in force. */
  referring: () => readonly unknown[];
  /** Reads `env:NAME` and `file:/path`. */
  resolveSecret: (reference: string) => string;
  monotonicMs: () => number;
}

export class KnownSecrets {
  readonly #parts: KnownSecretsParts;
  #prints: Promise<Fingerprints> | null = null;
  #latest: Fingerprints | undefined;
  #madeAt = 0;
  /** Secrets are read outside of whatever transaction asks to have one concealed. */
  readonly #outside = AsyncLocalStorage.snapshot();

  constructor(parts: KnownSecretsParts) {
    this.#parts = parts;
  }

  /** A test for texts: whether one of the secrets stands in it. @throws what the ledger throws, and `secret_unreadable` */
  async finder(): Promise<(text: string) => boolean> {
    const now = this.#parts.monotonicMs();
    if (this.#prints === null || now - this.#madeAt > KEPT_FOR_MS) {
      this.#madeAt = now;
      const made = this.#make();
      this.#prints = made;
      made.then(
        (prints) => {
          this.#latest = prints;
        },
        () => {
          if (this.#prints === made) this.#prints = null;
        },
      );
    }
    const prints = await this.#prints;
    return (text) => prints.isIn(text);
  }

  /** Resolves when secrets have been looked at once, so that `conceal` knows them. @throws as `finder` does */
  readonly known = async (): Promise<void> => {
    if (!this.#latest) await this.finder();
  };

  /**
   * The text without the lines in which one of the secrets stands: for what people read of an agent's doings. By what was
   * known at the last look, which is less than a minute old where anything is written.
   */
  readonly conceal = (text: string): string => {
    this.#outside(() => void this.finder().catch(() => undefined)); // whoever sends something hears of its failure
    const holds = (some: string): boolean => OWN_TOKEN.test(some) || this.#latest?.isIn(some) === true;
    if (!holds(text)) return text;
    return text
      .split('\n')
      .map((line) => (holds(line) ? CONCEALED : line))
      .join('\n');
  };

  async #make(): Promise<Fingerprints> {
    const { store, vault, masterKeys, fixed, referring, resolveSecret } = this.#parts;
    const prints = new Fingerprints();
    // Texts are looked through without their white space too, and a password may have some.
    const add = (secret: string): void => {
      for (const form of new Set([secret, secret.normalize('NFKC'), secret.replace(/\s+/g, '')]))
        prints.add(form);
    };
    for (const secret of fixed) add(secret);
    for (const key of [masterKeys.current, masterKeys.next])
      for (const form of ['base64', 'base64url', 'hex'] as const) if (key) prints.add(key.key.toString(form));
    const rows = await store.db.selectFrom('account_secrets').select(['account_id', 'field']).execute();
    for (const { account_id: id, field } of rows) {
      const secret = await vault.get(store.db, id, field).catch((error: unknown) => {
        if (codeOf(error) === 'secret_unreadable') return null; // then nobody can send it either
        throw error;
      });
      if (secret !== null) add(secret);
    }
    const accounts = await store.db.selectFrom('accounts').select('auth').execute();
    const references = referencesIn([
      ...accounts.map(({ auth }) => JSON.parse(auth) as unknown),
      ...referring(),
    ]);
    for (const reference of references) {
      try {
        add(resolveSecret(reference));
      } catch (error) {
        if (codeOf(error) === 'internal') throw error; // one that is missing cannot leak
      }
    }
    return prints;
  }
}

/** Every `env:…` and `file:…` in data. */
function referencesIn(data: unknown): Set<string> {
  const found = new Set<string>();
  const look = (value: unknown, depth: number): void => {
    if (typeof value === 'string' && REFERENCE.test(value)) found.add(value);
    if (typeof value !== 'object' || value === null || depth > DEEPEST) return;
    for (const inner of Object.values(value)) look(inner, depth + 1);
  };
  look(data, 0);
  return found;
}
