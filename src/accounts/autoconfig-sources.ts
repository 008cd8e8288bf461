// The places where an address's servers may be written down, each asked on its own.
import type { DiscoveredEndpoint } from '../contracts/discovery.ts';
import { PosternError } from '../kernel/errors.ts';
import { isPublicAddress } from '../network/public-address.ts';
import { ask } from '../network/request.ts';
import { type ConfiguredServer, LARGEST_FILE_BYTES, readAutoconfig } from './autoconfig-xml.ts';
import { bestSrv, type MailDns } from './mail-dns.ts';
import type { Probe, ProbeTarget } from './mail-probe.ts';
import { type ProviderMatch, presetByMx } from './providers.ts';

/** GETs an address on the open internet. @throws PosternError `egress_refused`, `unreachable`, `timeout` */
export type FetchText = (
  url: string,
  limits: { timeoutMs: number; signal: AbortSignal },
) => Promise<{ status: number; body: string }>;

export const fetchPublic: FetchText = (url, { timeoutMs, signal }) =>
  ask({
    url,
    headers: { accept: 'text/xml, application/xml', 'user-agent': 'Postern' },
    allowPrivate: false,
    timeoutMs,
    signal,
    largestAnswerBytes: LARGEST_FILE_BYTES,
  });

export interface Found {
  imap: DiscoveredEndpoint | null;
  smtp: DiscoveredEndpoint | null;
  /** Null: the source does not say. */
  username: string | null;
  warnings?: string[];
}

/** RFC 6186, and RFC 8314 for submission over TLS. The encrypted ones first; those without TLS of their own take STARTTLS. */
const SERVICES = {
  imap: [
    { service: '_imaps._tcp', security: 'tls' },
    { service: '_imap._tcp', security: 'starttls' },
  ],
  smtp: [
    { service: '_submissions._tcp', security: 'tls' },
    { service: '_submission._tcp', security: 'starttls' },
  ],
} as const;

export async function bySrv(domain: string, dns: MailDns): Promise<Found | null> {
  const failures: unknown[] = [];
  const of = async (protocol: 'imap' | 'smtp'): Promise<DiscoveredEndpoint | null> => {
    const answers = await Promise.all(
      SERVICES[protocol].map(async ({ service, security }) => {
        const from = `${service}.${domain}`;
        // Some name servers fail at names with underscores, and answer the next question.
        const records = await dns.srv(from).catch((error: unknown) => {
          failures.push(error);
          return [];
        });
        const best = bestSrv(records);
        return best ? { ...best, security, source: 'srv' as const, from } : null;
      }),
    );
    return answers.find((answer) => answer !== null) ?? null;
  };
  const [imap, smtp] = await Promise.all([of('imap'), of('smtp')]);
  if (imap || smtp) return { imap, smtp, username: null };
  if (failures.length > 0) throw failures[0];
  return null;
}

/** Where a domain's own settings file may lie. Over https alone: whoever changes it on the way gets the password. */
export const autoconfigUrls = (address: string, domain: string): string[] => {
  const query = `?emailaddress=${encodeURIComponent(address)}`;
  return [
    `https://autoconfig.${domain}/mail/config-v1.1.xml${query}`,
    `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml${query}`,
  ];
};

export async function byFile(
  url: string,
  address: string,
  fetchText: FetchText,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Found | null> {
  const { status, body } = await fetchText(url, limits);
  if (status !== 200) throw new PosternError('answer_invalid', `It answered with status ${status}.`);
  let servers: ConfiguredServer[];
  try {
    servers = readAutoconfig(body, address);
  } catch (error) {
    throw new PosternError('answer_invalid', `The file cannot be used: ${(error as Error).message}.`);
  }
  const from = url.replace(/\?.*$/, '');
  const pick = (type: 'imap' | 'smtp') => servers.find((server) => server.type === type);
  const endpoint = (server: ConfiguredServer | undefined): DiscoveredEndpoint | null =>
    server
      ? { host: server.host, port: server.port, security: server.security, source: 'autoconfig', from }
      : null;
  const [imap, smtp] = [pick('imap'), pick('smtp')];
  if (!imap && !smtp) throw new PosternError('answer_invalid', 'It names no encrypted IMAP or SMTP server.');
  return { imap: endpoint(imap), smtp: endpoint(smtp), username: imap?.username ?? smtp?.username ?? null };
}

export async function byMx(
  domain: string,
  dns: MailDns,
): Promise<{ exchanger: string; match: ProviderMatch } | null> {
  for (const exchanger of await dns.mx(domain)) {
    const match = presetByMx(exchanger);
    if (match) return { exchanger, match };
  }
  return null;
}

/** Usual names and ports, in the order in which they are preferred. */
function candidates(protocol: 'imap' | 'smtp', hosts: readonly string[]): Omit<ProbeTarget, 'address'>[] {
  const ports = protocol === 'imap' ? ([993, 143] as const) : ([465, 587] as const);
  return ports.flatMap((port, index) =>
    hosts.map((host) => ({ host, port, security: index === 0 ? ('tls' as const) : ('starttls' as const) })),
  );
}

/**
 * Tries usual names of the domain, and its mail exchanger where that is the domain's own. No host with an address
 * inside a network is tried.
 */
export async function byGuess(
  domain: string,
  dns: MailDns,
  probe: Probe,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<Found | null> {
  // A firewall that swallows one question must not silence the others: each has a part of the time.
  const within = <T>(question: Promise<T>, otherwise: T): Promise<T> =>
    inTime(question, timeoutMs / 4, otherwise);
  const exchangers = await within(
    dns.mx(domain).catch(() => []),
    [],
  );
  const own = exchangers.filter((name) => name.endsWith(`.${domain}`)).slice(0, 1);
  const names = [...new Set([...['imap', 'mail', 'smtp'].map((name) => `${name}.${domain}`), ...own])];
  const addressOf = new Map<string, string>();
  await Promise.all(
    names.map(async (host) => {
      const addresses = await within(
        dns.addresses(host).catch(() => []),
        [],
      );
      const [first] = addresses;
      if (first !== undefined && addresses.every(isPublicAddress)) addressOf.set(host, first);
    }),
  );
  const warnings: string[] = [];
  const of = async (protocol: 'imap' | 'smtp'): Promise<DiscoveredEndpoint | null> => {
    const hosts = names.filter((host) => addressOf.has(host) && host !== `${OTHER[protocol]}.${domain}`);
    const tried = await Promise.all(
      candidates(protocol, hosts).map(async (target) => {
        const address = addressOf.get(target.host) ?? '';
        return { ...target, answer: await within(probe({ ...target, address }, signal), 'closed') };
      }),
    );
    const best =
      tried.find(({ answer }) => answer === 'verified') ?? tried.find(({ answer }) => answer === 'open');
    if (!best) return null;
    const { host, port, security } = best;
    if (security === 'tls' && best.answer === 'open')
      warnings.push(`${host} answers on port ${port}, but its certificate is not valid for that name.`);
    return { host, port, security, source: 'guess', from: `${host}:${port} answers` };
  };
  const [imap, smtp] = await Promise.all([of('imap'), of('smtp')]);
  return imap || smtp ? { imap, smtp, username: null, warnings } : null;
}

const OTHER = { imap: 'smtp', smtp: 'imap' } as const;

async function inTime<T>(question: Promise<T>, ms: number, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise), ms);
  try {
    return await Promise.race([question, promise]);
  } finally {
    clearTimeout(timer);
  }
}
