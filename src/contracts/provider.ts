// What is known of a mail provider before anybody signs in: everything that a person would otherwise look up.
import { z } from 'zod';

/** Stays as it is once given: accounts keep it. */
export const providerId = z.enum([
  'gmail',
  'microsoft365',
  'outlook',
  'exchange',
  'postfix-dovecot',
  'yahoo',
  'icloud',
  'fastmail',
  'zoho',
  'yandex',
  'gmx',
  'tencent-exmail',
  'qq',
  'netease',
  'netease-enterprise',
  'alibaba',
]);
export type ProviderId = z.infer<typeof providerId>;

const hostName = z.string().regex(/^[a-z0-9]+([.-][a-z0-9]+)*\.[a-z]{2,}$/);
const port = z.number().int().min(1).max(65_535);
const count = z.number().int().positive().nullable();

/** The servers of one region or brand, and the domains whose mail lies there. */
export const providerHosts = z.strictObject({
  imap: hostName,
  smtp: hostName,
  /** Mail domains; one that begins with a dot stands for every name below it. */
  domains: z.array(z.string().regex(/^\.?[a-z0-9]+([.-][a-z0-9]+)*\.[a-z]{2,}$/)),
  /** Ends of the names of mail exchangers (MX): `google.com` holds for `aspmx.l.google.com`. */
  mx: z.array(hostName),
});

export const providerPreset = z.strictObject({
  name: z.string(),
  /** The usual ones first; none where every company has servers of its own. */
  hosts: z.array(providerHosts),
  imap: z.strictObject({ port, security: z.enum(['tls', 'starttls']) }),
  smtp: z.strictObject({ port, security: z.enum(['tls', 'starttls']) }),
  /** What stands in the user name: the whole address, or what the company says. */
  username: z.enum(['address', 'ask']),
  /** `server`: the provider files a copy of what is sent by itself, so Postern does not. */
  sent_copy: z.enum(['append', 'server']),
  /** How long to stay in one IDLE before it is issued anew, milliseconds; null: Postern's own 25 minutes. */
  idle_reissue_ms: z.number().int().min(10_000).max(1_740_000).nullable(),
  /** RFC 2971. required: the server refuses mailboxes to clients that did not say who they are. */
  id_command: z.enum(['when_offered', 'required']),
  /** none: passwords are not taken at all. */
  password: z.strictObject({
    kind: z.enum(['account', 'app_password', 'authorisation_code', 'none']),
    /** Where a person gets one. */
    page: z.url({ protocol: /^https$/ }).nullable(),
  }),
  oauth2: z
    .strictObject({
      /** As in an account's `auth.provider`. */
      provider: z.string(),
      preferred: z.boolean(),
      authorize_url: z.url({ protocol: /^https$/ }),
      token_url: z.url({ protocol: /^https$/ }),
      device_url: z.url({ protocol: /^https$/ }).nullable(),
      scopes: z.array(z.string()).min(1),
      /** True: `auth` must name the URLs and scopes, for Postern's OAuth2 does not know them by the provider's name. */
      by_urls: z.boolean(),
    })
    .nullable(),
  /** As the provider says, for an ordinary account; null where it does not say. */
  limits: z.strictObject({
    messages_per_day: count,
    recipients_per_day: count,
    recipients_per_message: count,
    messages_per_minute: count,
    /** Encoded, as it goes over the wire. */
    message_bytes: count,
    imap_connections: count,
    smtp_connections: count,
  }),
  /** What a person has to do at the provider first, in order. */
  setup: z.array(z.string()),
  notes: z.array(z.string()),
});
export type ProviderPreset = z.infer<typeof providerPreset>;

export const providerView = providerPreset.extend({ id: providerId });
export type ProviderView = z.infer<typeof providerView>;
