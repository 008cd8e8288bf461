// Records of the DNS, each asked for once in a while: with limits of time, answers that are kept for some minutes, and a
// bound on how many are kept. Node's resolver does not tell for how long an answer holds, so none is kept for long.
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../kernel/clock.ts';

const TIMEOUT_MS = 2_000; // for one question to one name server
const TRIES = 2;
const WHOLE_LIMIT_MS = 8_000; // over all servers and tries
const KEEP_FOUND_MS = 5 * 60_000; // a key that is revoked counts for no longer
const KEEP_MISSING_MS = 60_000; // a key that was published late is found soon
const KEEP_FAILED_MS = 5_000; // a server that hangs is not asked for each mail of a flood
const MOST_KEPT = 2_000;
const LARGEST_KEPT_CHARS = 8_192; // a key has 400
const MISSING = new Set(['ENOTFOUND', 'ENODATA']);

interface Kept {
  answer: Promise<string[][]>;
  until: number;
}

export interface DnsRecordsOptions {
  clock: Clock;
  /** Name servers, as `ip` or `ip:port`; null: those of the system. */
  servers: readonly string[] | null;
}

export class DnsRecords {
  readonly #clock: Clock;
  readonly #resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  readonly #kept = new Map<string, Kept>();

  constructor({ clock, servers }: DnsRecordsOptions) {
    this.#clock = clock;
    if (servers) this.#resolver.setServers(servers);
  }

  /**
   * The records of a name: each as the list of its strings.
   * @throws an Error whose `code` is ENOTFOUND or ENODATA where there are none, and another one where asking failed
   */
  lookup(name: string, type: string): Promise<string[][]> {
    const key = `${type} ${name.toLowerCase()}`;
    const now = this.#clock.now();
    const kept = this.#kept.get(key);
    if (kept && kept.until > now) return kept.answer;
    const answer = this.ask(name, type);
    const entry: Kept = { answer, until: now + WHOLE_LIMIT_MS };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    answer.then(
      (records) => {
        const chars = records.flat().reduce((sum, { length }) => sum + length, 0);
        if (chars > LARGEST_KEPT_CHARS) this.#kept.delete(key);
        else entry.until = this.#clock.now() + KEEP_FOUND_MS;
      },
      (error: unknown) => {
        const isMissing = MISSING.has((error as { code?: string }).code ?? '');
        entry.until = this.#clock.now() + (isMissing ? KEEP_MISSING_MS : KEEP_FAILED_MS);
      },
    );
    return answer;
  }

  /** The same, asked anew and not kept: for somebody who has just changed a record and looks. An MX is `10 host`. */
  async ask(name: string, type: string): Promise<string[][]> {
    const late = Promise.withResolvers<never>();
    const limit = setTimeout(
      () => late.reject(Object.assign(new Error(`${name} was not found in time`), { code: 'ETIMEOUT' })),
      WHOLE_LIMIT_MS,
    );
    try {
      const asked =
        type === 'TXT'
          ? this.#resolver.resolveTxt(name)
          : this.#resolver.resolve(name, type).then((found) => [found].flat().map((one) => [textOf(one)]));
      return await Promise.race([asked, late.promise]);
    } finally {
      clearTimeout(limit);
    }
  }
}

const textOf = (record: unknown): string =>
  typeof record === 'object' && record !== null && 'exchange' in record && 'priority' in record
    ? `${record.priority} ${record.exchange}`
    : String(record);
