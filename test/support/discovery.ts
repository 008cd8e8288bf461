// Discovery for tests: name servers that are played, and nobody who answers otherwise.
import { type AutoconfigParts, discoverer } from '../../src/accounts/autoconfig.ts';
import type { FetchText } from '../../src/accounts/autoconfig-sources.ts';
import type { MailDns, SrvRecord } from '../../src/accounts/mail-dns.ts';
import { discovery } from '../../src/contracts/discovery.ts';
import { PosternError } from '../../src/kernel/errors.ts';

export const never = new Promise<never>(() => undefined);
export const silence: MailDns = { srv: async () => [], mx: async () => [], addresses: async () => [] };
export const nothing: FetchText = () =>
  Promise.reject(new PosternError('unreachable', 'https://autoconfig.example.org cannot be reached.'));

export const dns = (parts: {
  srv?: Record<string, Partial<SrvRecord>[]>;
  mx?: string[];
  hosts?: Record<string, string[]>;
}): MailDns => ({
  srv: async (name) =>
    (parts.srv?.[name] ?? []).map((r) => ({ name: '', port: 1, priority: 10, weight: 0, ...r })),
  mx: async () => parts.mx ?? [],
  addresses: async (host) => parts.hosts?.[host] ?? [],
});

export function discover(address: string, parts: Partial<AutoconfigParts> = {}) {
  return discoverer({
    dns: silence,
    fetchText: nothing,
    probe: async () => 'closed',
    limitMs: 500,
    ...parts,
  })(address).then((found) => discovery.parse(found));
}

export const place = (endpoint: { host: string; port: number; security: string; source: string } | null) =>
  endpoint && [endpoint.host, endpoint.port, endpoint.security, endpoint.source];
