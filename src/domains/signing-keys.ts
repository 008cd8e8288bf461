// The private keys that mail is signed with now. Read with every mail that leaves, so they are kept for some seconds: a key
// that stops signing stays published for days, so nobody is harmed by one that signs a few seconds longer.
import type { Vault } from '../accounts/vault.ts';
import type { DkimAlgorithm } from '../contracts/domain.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { organisationOf } from '../mail/trust/domains.ts';
import type { Reader } from '../store/store.ts';
import { keyOf } from './dkim-key.ts';

const KEPT_MS = 10_000;
const MOST_KEPT = 1_000;
const MOST_PARENTS = 5; // a.b.c.d.example.org: nobody has a key far above

export interface SigningKey {
  selector: string;
  algorithm: DkimAlgorithm;
  key: ReturnType<typeof keyOf>;
}

export interface SigningDomain {
  /** `d=`: the domain of From, or the one above it, of the same organisation, that has keys. */
  domain: string;
  /** RSA first; one of each algorithm at most. */
  keys: SigningKey[];
}

export class SigningKeys {
  readonly #parts: { db: Reader; vault: Vault; clock: Clock };
  readonly #kept = new Map<string, { answer: Promise<SigningDomain | null>; until: number }>();

  constructor(parts: { db: Reader; vault: Vault; clock: Clock }) {
    this.#parts = parts;
  }

  /**
   * The keys for mail From a domain; null where nobody has any.
   * @throws PosternError `secret_unreadable`, `dkim_key_missing`, and what the ledger throws: such a mail must not leave unsigned
   */
  of(from: string): Promise<SigningDomain | null> {
    const now = this.#parts.clock.now();
    const kept = this.#kept.get(from);
    if (kept && kept.until > now) return kept.answer;
    const answer = this.#read(from);
    const entry = { answer, until: now + KEPT_MS };
    this.#kept.delete(from);
    this.#kept.set(from, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    answer.catch(() => {
      if (this.#kept.get(from) === entry) this.#kept.delete(from);
    });
    return answer;
  }

  /** After a change of any key. */
  forget(): void {
    this.#kept.clear();
  }

  async #read(from: string): Promise<SigningDomain | null> {
    const { db, vault } = this.#parts;
    const rows = await db
      .selectFrom('dkim_keys as key')
      .innerJoin('domains as domain', 'domain.id', 'key.domain_id')
      .select(['domain.id as domain_id', 'domain.name', 'key.id', 'key.selector', 'key.algorithm'])
      .where('domain.name', 'in', signersOf(from))
      .where('key.state', '=', 'active')
      .orderBy('key.algorithm', 'desc')
      .execute();
    const domain = signersOf(from).find((name) => rows.some((row) => row.name === name));
    if (domain === undefined) return null;
    const keys: SigningKey[] = [];
    for (const { domain_id: owner, id, name, selector, algorithm } of rows) {
      if (name !== domain) continue;
      const secret = await vault.get(db, owner, keyField(id));
      if (secret === null)
        throw new PosternError(
          'dkim_key_missing',
          `The private half of the key ${selector} of ${name} is gone.`,
          {
            retry: 'later', // it may have been removed between two reads
            hint: 'Remove that key, and rotate to another.',
          },
        );
      keys.push({ selector, algorithm: algorithm as DkimAlgorithm, key: keyOf(secret) });
    }
    return { domain, keys };
  }
}

/** Where the vault keeps the private half of a key: a secret of its domain. */
export const keyField = (keyId: string): string => `dkim:${keyId}`;

/** A domain and those above it of the same organisation, the nearest first: DMARC takes them for one (RFC 7489 §3.1.1). */
export function signersOf(from: string): string[] {
  const organisation = organisationOf(from);
  const names = [from];
  for (let at = from.indexOf('.'); at >= 0 && names.length <= MOST_PARENTS; at = from.indexOf('.', at + 1)) {
    const above = from.slice(at + 1);
    if (organisation === null || above.length < organisation.length) break;
    names.push(above);
  }
  return names;
}
