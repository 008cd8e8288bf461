// Finds out the servers of an address that nobody has looked up: known providers first, then what the domain says of
// itself, then a guess. Every source has its own time limit, and none of them can make us speak to the inside of a
// network. Nothing is asked of a third party, such as a directory of providers.
import { domainToASCII } from 'node:url';
import type {
  DiscoveredEndpoint,
  Discovery,
  DiscoveryAttempt,
  DiscoverySource,
} from '../contracts/discovery.ts';
import type { ProviderId } from '../contracts/provider.ts';
import { PosternError } from '../kernel/errors.ts';
import {
  autoconfigUrls,
  byFile,
  byGuess,
  byMx,
  bySrv,
  type FetchText,
  type Found,
  fetchPublic,
} from './autoconfig-sources.ts';
import { type MailDns, systemDns } from './mail-dns.ts';
import { type Probe, probeServer } from './mail-probe.ts';
import { isWithin, type ProviderMatch, presetByDomain, presetByImapHost, presetFor } from './providers.ts';

const SOURCE_LIMIT_MS = 6_000; // people wait for it: what takes longer is as good as not there

export interface AutoconfigParts {
  dns: MailDns;
  fetchText: FetchText;
  probe: Probe;
  /** For each source. */
  limitMs: number;
}

export interface DiscoverOptions {
  /** Takes this provider's settings without looking any further. */
  provider?: ProviderId | undefined;
  signal?: AbortSignal | undefined;
}

export type Discover = (address: string, options?: DiscoverOptions) => Promise<Discovery>;

/** @returns a function that throws PosternError `invalid_input` for an address without a public domain, and nothing else */
export function discoverer(parts: Partial<AutoconfigParts> = {}): Discover {
  const whole: AutoconfigParts = {
    dns: parts.dns ?? systemDns(),
    fetchText: parts.fetchText ?? fetchPublic,
    probe: parts.probe ?? probeServer,
    limitMs: parts.limitMs ?? SOURCE_LIMIT_MS,
  };
  return async (address, { provider, signal } = {}) => {
    const domain = domainOf(address);
    const answer = blank(address, domain);
    const preset = provider === undefined ? presetByDomain(domain) : presetFor(provider, domain);
    if (preset) {
      takePreset(answer, preset, 'provider', provider === undefined ? domain : `chosen: ${provider}`);
      if (answer.imap && answer.smtp) return finish(answer);
    }
    await search(answer, whole, signal ?? new AbortController().signal);
    return finish(answer);
  };
}

async function search(answer: Discovery, parts: AutoconfigParts, signal: AbortSignal): Promise<void> {
  const { address, domain } = answer;
  const limits = { timeoutMs: parts.limitMs, signal };
  const attempt = <T>(
    source: DiscoverySource,
    from: string,
    work: (signal: AbortSignal) => Promise<T | null>,
  ) => tryOut(source, from, limits, work);
  // All at once, so that the whole takes as long as the slowest; their order says which is believed.
  const [srv, mx, ...files] = await Promise.all([
    attempt('srv', domain, () => bySrv(domain, parts.dns)),
    attempt('mx', domain, () => byMx(domain, parts.dns)),
    ...autoconfigUrls(address, domain).map((url) =>
      attempt('autoconfig', url.replace(/\?.*$/, ''), (inTime) =>
        byFile(url, address, parts.fetchText, { ...limits, signal: inTime }),
      ),
    ),
  ]);
  for (const { log, value } of [srv, ...files]) {
    answer.attempts.push(log);
    if (value) take(answer, value);
  }
  answer.attempts.push(mx.log);
  if (mx.value && !answer.imap && !answer.smtp)
    takePreset(answer, mx.value.match, 'mx', `MX ${mx.value.exchanger}`);
  if (answer.imap && answer.smtp) return;
  const guess = await attempt('guess', domain, (inTime) =>
    byGuess(domain, parts.dns, parts.probe, { ...limits, signal: inTime }),
  );
  answer.attempts.push(guess.log);
  if (guess.value) take(answer, guess.value);
}

/** Never throws: a source that fails is one that has nothing to say. */
async function tryOut<T>(
  source: DiscoverySource,
  from: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T | null>,
): Promise<{ log: DiscoveryAttempt; value: T | null }> {
  const begun = performance.now();
  const inTime = new AbortController();
  const { promise: never, reject } = Promise.withResolvers<never>();
  const stop = (message: string) => () => {
    inTime.abort();
    reject(new Error(message));
  };
  const timer = setTimeout(stop(`No answer within ${timeoutMs} ms.`), timeoutMs);
  const onAbort = stop('Stopped.');
  signal.addEventListener('abort', onAbort, { once: true });
  const log = (ok: boolean, message: string): DiscoveryAttempt => ({
    source,
    from,
    ok,
    message,
    ms: Math.round(performance.now() - begun),
  });
  try {
    if (signal.aborted) onAbort();
    const value = await Promise.race([work(inTime.signal), never]);
    return { log: value === null ? log(false, 'Nothing there.') : log(true, 'Found.'), value };
  } catch (error) {
    return { log: log(false, error instanceof Error ? error.message : String(error)), value: null };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Fills in what is not there yet: the first source that names a server is believed. */
function take(answer: Discovery, { imap, smtp, username, warnings }: Found): void {
  const from = imap ?? smtp;
  if (!from) return;
  if (username !== null && !answer.username && ((imap && !answer.imap) || (smtp && !answer.smtp)))
    answer.username = { value: username, source: from.source, from: from.from };
  answer.imap ??= imap;
  answer.smtp ??= smtp;
  answer.warnings.push(...(warnings ?? []));
}

function takePreset(answer: Discovery, match: ProviderMatch, source: 'provider' | 'mx', from: string): void {
  const { provider, hosts } = match;
  answer.provider = provider;
  answer.attempts.push({ source, from, ok: hosts !== null, message: `${provider.name}.`, ms: 0 });
  answer.sent_copy = { value: provider.sent_copy, source, from };
  if (!hosts) return;
  answer.imap = { host: hosts.imap, ...provider.imap, source, from };
  answer.smtp = { host: hosts.smtp, ...provider.smtp, source, from };
  if (provider.username === 'address') answer.username = { value: answer.address, source, from };
}

/** The preset that the servers belong to, and what a person should know before a password is entered. */
function finish(answer: Discovery): Discovery {
  const { imap, smtp, address, domain } = answer;
  if (imap && !answer.provider) {
    const known = presetByImapHost(imap.host);
    if (known) {
      answer.provider = known.provider;
      answer.sent_copy = {
        value: known.provider.sent_copy,
        source: 'provider',
        from: `${imap.host} belongs to ${known.provider.name}`,
      };
    }
  }
  const elsewhere = (endpoint: DiscoveredEndpoint | null): string[] =>
    endpoint && !isWithin(endpoint.host, domain) && !belongsToProvider(endpoint, answer)
      ? [endpoint.host]
      : [];
  const strangers = [...new Set([...elsewhere(imap), ...elsewhere(smtp)])];
  // RFC 6186 §6: nothing vouches for the answer, so a person has to.
  if (strangers.length > 0)
    answer.warnings.push(
      `${strangers.join(' and ')} ${strangers.length > 1 ? 'are' : 'is'} not within ${domain}: make sure that your mail is there before you enter a password.`,
    );
  answer.username ??= imap || smtp ? { value: address, source: 'guess', from: 'the address itself' } : null;
  answer.found = imap !== null && smtp !== null;
  return answer;
}

const belongsToProvider = ({ host }: DiscoveredEndpoint, { provider }: Discovery): boolean =>
  provider?.hosts.some(({ imap, smtp }) => host === imap || host === smtp) ?? false;

const blank = (address: string, domain: string): Discovery => ({
  address,
  domain,
  found: false,
  imap: null,
  smtp: null,
  username: null,
  sent_copy: null,
  provider: null,
  warnings: [],
  attempts: [],
});

/** In ASCII and lower case. @throws PosternError `invalid_input` for what is no name on the internet */
function domainOf(address: string): string {
  const domain = domainToASCII(address.slice(address.lastIndexOf('@') + 1)).toLowerCase();
  if (
    domain.length <= 253 &&
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(domain)
  )
    return domain;
  const message = 'its domain is no name on the internet';
  throw new PosternError('invalid_input', `The input is not right: address: ${message}.`, {
    details: { errors: [{ path: 'address', message }] },
  });
}
