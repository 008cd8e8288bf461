// The DNS as one check sees it: every question once, few in all, and what comes back cut to a sound size. Whoever owns a
// domain can write what he likes into it, and must not make a check long or large.
import type { AskDns } from '../key-watch.ts';

const MAX_QUESTIONS = 120; // a domain with two servers and a long SPF record needs about forty
const WHOLE_LIMIT_MS = 25_000;
const MAX_RECORDS = 100;
const MAX_CHARS = 32_768;

export type Answer =
  | { kind: 'found'; records: string[] }
  /** `nxdomain`: not even the name exists. */
  | { kind: 'missing'; nxdomain: boolean }
  /** It could not be asked, or what came is too much. */
  | { kind: 'failed'; why: string };

export class DnsView {
  readonly #ask: AskDns;
  readonly #answers = new Map<string, Promise<Answer>>();
  readonly #late: Promise<Answer>;
  readonly #timer: NodeJS.Timeout;

  constructor(ask: AskDns, limitMs = WHOLE_LIMIT_MS) {
    this.#ask = ask;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#late = promise;
    this.#timer = setTimeout(
      () => resolve({ kind: 'failed', why: 'the time for the check is over' }),
      limitMs,
    );
  }

  get questions(): number {
    return this.#answers.size;
  }

  ask(name: string, type: 'TXT' | 'MX' | 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'): Promise<Answer> {
    const key = `${type} ${name.toLowerCase()}`;
    const known = this.#answers.get(key);
    if (known) return known;
    if (this.#answers.size >= MAX_QUESTIONS)
      return Promise.resolve({ kind: 'failed', why: 'the check has asked too much already' });
    const answer = Promise.race([this.#answer(name, type), this.#late]);
    this.#answers.set(key, answer);
    return answer;
  }

  /** The IPv4 and IPv6 addresses of a name; null where they could not be asked for. */
  async addresses(name: string): Promise<string[] | null> {
    const both = await Promise.all([this.ask(name, 'A'), this.ask(name, 'AAAA')]);
    const found = both.flatMap((answer) => (answer.kind === 'found' ? answer.records : []));
    return found.length === 0 && both.some(({ kind }) => kind === 'failed') ? null : found;
  }

  /** Has to be called in the end. */
  end(): void {
    clearTimeout(this.#timer);
  }

  async #answer(name: string, type: string): Promise<Answer> {
    if (!isName(name)) return { kind: 'missing', nxdomain: true };
    try {
      const records = (await this.#ask(name, type)).map((strings) => strings.join(''));
      const chars = records.reduce((sum, { length }) => sum + length, 0);
      if (records.length > MAX_RECORDS || chars > MAX_CHARS)
        return { kind: 'failed', why: `${records.length} records of ${chars} characters came back` };
      return records.length > 0 ? { kind: 'found', records } : { kind: 'missing', nxdomain: false };
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (code === 'ENOTFOUND' || code === 'ENODATA')
        return { kind: 'missing', nxdomain: code === 'ENOTFOUND' };
      return { kind: 'failed', why: REASONS[code] ?? 'the name server did not answer as it should' };
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ETIMEOUT: 'the name servers did not answer in time',
  ESERVFAIL: 'the name servers failed (SERVFAIL)',
  EREFUSED: 'the name servers refused to answer',
  ECONNREFUSED: 'no name server could be reached',
};

/** What can stand in a question; names come out of records that anybody may have written. */
const isName = (name: string): boolean =>
  name.length <= 253 &&
  /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}$/.test(name);
