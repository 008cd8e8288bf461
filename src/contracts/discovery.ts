// What was found out about the servers of an address, and where each value came from.
import { z } from 'zod';
import { emailAddress } from './address.ts';
import { providerId, providerView } from './provider.ts';

export const discoveryInput = z.strictObject({
  address: emailAddress,
  /** Takes this provider's settings without looking any further. */
  provider: providerId.optional(),
});

export const discoverySource = z.enum(['provider', 'srv', 'autoconfig', 'mx', 'guess']);
export type DiscoverySource = z.infer<typeof discoverySource>;

const origin = {
  /**
   * provider: a preset, known by the domain. srv: DNS (RFC 6186). autoconfig: the domain's own file, in Thunderbird's
   * format. mx: a preset, known by the domain's mail exchanger. guess: usual names, tried.
   */
  source: discoverySource,
  /** The record, the address of the file, or whatever else says so. */
  from: z.string(),
};

export const discoveredEndpoint = z.object({
  host: z.string(),
  port: z.number().int(),
  security: z.enum(['tls', 'starttls']),
  ...origin,
});
export type DiscoveredEndpoint = z.infer<typeof discoveredEndpoint>;

export const discovery = z.object({
  address: z.string(),
  domain: z.string(),
  /** Whether both endpoints were found. */
  found: z.boolean(),
  imap: discoveredEndpoint.nullable(),
  smtp: discoveredEndpoint.nullable(),
  username: z.object({ value: z.string(), ...origin }).nullable(),
  sent_copy: z.object({ value: z.enum(['append', 'server']), ...origin }).nullable(),
  /** The preset that belongs to the IMAP server, with what a person has to do there. */
  provider: providerView.nullable(),
  /** What a person should look at before a password is entered. */
  warnings: z.array(z.string()),
  /** Everything that was asked, in the order of preference. */
  attempts: z.array(
    z.object({
      source: discoverySource,
      from: z.string(),
      ok: z.boolean(),
      message: z.string(),
      ms: z.number().int(),
    }),
  ),
});
export type Discovery = z.infer<typeof discovery>;
export type DiscoveryAttempt = Discovery['attempts'][number];
