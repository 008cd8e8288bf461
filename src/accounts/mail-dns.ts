// The questions to DNS by which an address's servers are found: SRV, MX and addresses, each within a time limit.
import { Resolver } from 'node:dns/promises';

export interface SrvRecord {
  /** `.` or empty: the service is not offered (RFC 2782). */
  name: string;
  port: number;
  priority: number;
  weight: number;
}

/** A name that does not exist, or has no such record, has an empty answer; other failures throw. */
export interface MailDns {
  srv(name: string): Promise<SrvRecord[]>;
  /** Names, the most preferred first. */
  mx(domain: string): Promise<string[]>;
  /** IPv4 and IPv6. */
  addresses(host: string): Promise<string[]>;
}

const TIMEOUT_MS = 2_000; // for one question to one name server
const TRIES = 2;
const MOST_RECORDS = 20;
const NOTHING_THERE = new Set(['ENOTFOUND', 'ENODATA']);

export function systemDns(): MailDns {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  const answer = async <T>(question: Promise<T[]>): Promise<T[]> => {
    try {
      return (await question).slice(0, MOST_RECORDS);
    } catch (error) {
      if (NOTHING_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  };
  return {
    srv: (name) => answer(resolver.resolveSrv(name)),
    mx: async (domain) =>
      (await answer(resolver.resolveMx(domain)))
        .sort((a, b) => a.priority - b.priority)
        .map(({ exchange }) => exchange.toLowerCase().replace(/\.$/, '')),
    addresses: async (host) => {
      const [four, six] = await Promise.all([
        answer(resolver.resolve4(host)),
        answer(resolver.resolve6(host)),
      ]);
      return [...four, ...six];
    },
  };
}

/** The one to use: the lowest priority, then the highest weight. Null where the service is not offered. */
export function bestSrv(records: readonly SrvRecord[]): { host: string; port: number } | null {
  const [best] = [...records].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const host = best?.name.toLowerCase().replace(/\.$/, '') ?? '';
  return best && host !== '' ? { host, port: best.port } : null;
}
