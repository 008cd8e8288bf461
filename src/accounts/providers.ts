// Provider presets, and how one is recognised: by the domain of an address, by the domain's MX, or by a server's name.
import {
  type ProviderId,
  type ProviderPreset,
  type ProviderView,
  providerId,
} from '../contracts/provider.ts';
import { WESTERN } from './provider-data.ts';
import { EASTERN } from './provider-data-east.ts';

const PRESETS: Readonly<Record<ProviderId, ProviderPreset>> = { ...WESTERN, ...EASTERN };

export type ProviderHosts = ProviderPreset['hosts'][number];

/** A provider, and which of its servers. */
export interface ProviderMatch {
  provider: ProviderView;
  /** Null where every company has servers of its own. */
  hosts: ProviderHosts | null;
}

export const providerPresets = (): ProviderView[] => providerId.options.map((id) => ({ id, ...PRESETS[id] }));

export const presetOf = (id: ProviderId): ProviderView => ({ id, ...PRESETS[id] });

/** @param domain in ASCII and lower case */
export const presetByDomain = (domain: string): ProviderMatch | null =>
  matching((hosts) =>
    hosts.domains.some((known) => (known.startsWith('.') ? domain.endsWith(known) : domain === known))
      ? 1
      : 0,
  );

/** @param exchanger the name of a mail exchanger; the longest end that fits decides */
export const presetByMx = (exchanger: string): ProviderMatch | null =>
  matching((hosts) => Math.max(0, ...hosts.mx.map((end) => (isWithin(exchanger, end) ? end.length : 0))));

/** The provider to whom an IMAP server belongs. */
export const presetByImapHost = (host: string): ProviderMatch | null =>
  matching((hosts) => (hosts.imap === host.toLowerCase() ? 1 : 0));

/** The provider's servers for an address, or the usual ones. */
export function presetFor(id: ProviderId, domain: string): ProviderMatch {
  const found = presetByDomain(domain);
  if (found?.provider.id === id) return found;
  return { provider: presetOf(id), hosts: PRESETS[id].hosts[0] ?? null };
}

function matching(fit: (hosts: ProviderHosts) => number): ProviderMatch | null {
  let best: ProviderMatch | null = null;
  let most = 0;
  for (const provider of providerPresets()) {
    for (const hosts of provider.hosts) {
      const found = fit(hosts);
      if (found <= most) continue;
      most = found;
      best = { provider, hosts };
    }
  }
  return best;
}

/** Whether a name is `end` or lies below it. */
export const isWithin = (name: string, end: string): boolean => name === end || name.endsWith(`.${end}`);
