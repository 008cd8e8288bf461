// A mailbox account as it is written and read over every door. Secrets go in and never come out.
import { z } from 'zod';
import { emailAddress } from './address.ts';
import { providerId } from './provider.ts';
import { duration } from './rule.ts';
import { deliveryReports, sendLimits, warmUp } from './sending.ts';
import { accountAuth, accountAuthView } from './sign-in.ts';

export { type AccountCheck, accountCheck, type SignInCheck, signInCheck } from './check.ts';
export {
  type AccountAuth,
  type AccountAuthView,
  type BasicAuth,
  basicAuth,
  type OAuth2Auth,
} from './sign-in.ts';

const host = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9._:[\]-]+$/, 'write a host name or an IP address, without a scheme or a port');

export const security = z.enum(['tls', 'starttls', 'none']);
export type Security = z.infer<typeof security>;

export const endpoint = z.strictObject({
  host,
  port: z.number().int().min(1).max(65_535),
  /** tls: from the first byte. starttls: upgraded before sign-in, or refused. none: in the clear. */
  security,
  /** A PEM certificate of the authority to trust besides the system's, for servers with a company's own. */
  ca: z.string().max(65_536).optional(),
});
export type Endpoint = z.infer<typeof endpoint>;

export const imapEndpoint = endpoint.extend({
  /** How many connections Postern may have to this account at once, for watching and operations together. By default
   * what the provider allows, else 8. */
  max_connections: z.number().int().min(2).max(100).optional(),
});

export const smtpEndpoint = endpoint.extend({
  /** How many connections Postern may send over at once. By default what the provider allows, else 5. */
  max_connections: z.number().int().min(1).max(50).optional(),
});

export const watchSettings = z.strictObject({
  mailboxes: z.array(z.string().min(1).max(1000)).min(1).max(50).default(['INBOX']),
  mode: z.enum(['idle', 'poll', 'off']).default('idle'),
  /** How many connections watching may keep open; what has none of its own is looked at on one that is shared. By
   * default all that `imap.max_connections` leaves beside one for operations. */
  connections: z.number().int().min(1).max(50).optional(),
  /** How often a polled mailbox is looked at, and how often a watched one is swept. */
  interval: duration.default('60s'),
  /** Whether mail that is already there counts as new when the account is first watched. */
  from_zero: z.boolean().default(false),
  /** As new counts what arrived from that day on (`2026-01-01`, UTC), or in so long before it is first watched (`30d`). */
  since: z.string().refine(isSince, 'write a day such as 2026-01-01, or a duration such as 30d').optional(),
});
export type WatchSettings = z.infer<typeof watchSettings>;

/** A day that there is, or a duration. */
function isSince(text: string): boolean {
  if (duration.safeParse(text).success) return true;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/** What becomes of files that make a mail larger than the account sends it. */
export const linkSettings = z.strictObject({
  /** auto: the largest become links until the mail fits. always: every file does. never: such a mail is refused. */
  mode: z.enum(['auto', 'always', 'never']).default('auto'),
  /** How long the files can be fetched, from when the mail is written. */
  expires: duration
    .refine((text) => /^[1-9]/.test(text) && !/ms$/.test(text), 'write at least 1s, such as 14d')
    .default('14d'),
  /** How often each can be fetched; absent: as often as anybody likes. */
  max_downloads: z.number().int().min(1).max(1_000_000).optional(),
});

const TOKEN = '{token}';
const LONGEST_BESIDE_TOKEN_CHARS = 22; // before the @ there is room for 64, and a token has 42

const bounceAddress = z
  .string()
  .trim()
  .max(320)
  .refine((text) => {
    const [local = ''] = text.split('@');
    const once = local.split(TOKEN).length === 2 && text.split(TOKEN).length === 2;
    return (
      once &&
      /[+=-]\{token\}@/.test(text) &&
      local.length - TOKEN.length <= LONGEST_BESIDE_TOKEN_CHARS &&
      emailAddress.safeParse(text.replace(TOKEN, 'token')).success
    );
  }, 'write an address with {token} right before its @, such as bounces+{token}@example.org');

const settings = z.strictObject({
  label: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use letters, digits, dots, hyphens and underscores')
    .refine((label) => !label.startsWith('acc_'), 'acc_ begins ids; choose another label'),
  address: emailAddress,
  /** The default From, such as `Sales <sales@example.org>`; the address alone where absent. */
  from: z
    .string()
    .max(998)
    .regex(/^[^\r\n]*$/, 'write one line')
    .optional(),
  active: z.boolean().default(true),
  /** The preset whose ways Postern follows: how long an IDLE may last, whether the server wants to know who we are. */
  provider: providerId.optional(),
  imap: imapEndpoint,
  smtp: smtpEndpoint,
  /** Refuses any connection that is not encrypted, whatever the endpoints say. */
  require_tls: z.boolean().default(true),
  timeout_ms: z.number().int().min(1000).max(600_000).default(30_000),
  max_message_bytes: z.number().int().min(1024).max(1_073_741_824).default(26_214_400),
  default_page_limit: z.number().int().min(1).max(1000).default(50),
  watch: watchSettings
    .refine(({ from_zero: all, since }) => !all || since === undefined, {
      path: ['since'],
      message: 'from_zero takes all mail there is: leave out one of the two',
    })
    .prefault({}),
  /** Whose Authentication-Results header is believed: the name that the account's own server writes there. */
  authserv_id: z.string().max(253).optional(),
  /** `append`: Postern files a copy in the Sent mailbox. `server`: the provider does so by itself. */
  sent_copy: z.enum(['append', 'server', 'none']).default('append'),
  /** `auto`: mail is signed by DKIM where its domain has keys here and the provider does not sign by itself. */
  dkim: z.enum(['auto', 'off']).default('auto'),
  /** What happens to a mail of which nobody can tell whether the server took it. */
  on_unknown: z.enum(['ask', 'resend']).default('ask'),
  /** How fast mail leaves; what is over waits. Where it says nothing, what the provider says of itself holds. */
  limits: sendLimits.optional(),
  /** Fewer mails a day at first, where nobody knows the account or its domain yet. */
  warm_up: warmUp.optional(),
  delivery_reports: deliveryReports.default('failure_delay'),
  /** For so long a mail that a person approved can be taken back before it leaves. */
  undo_seconds: z.number().int().min(0).max(3600).default(0),
  /** Where reports on its mail come back to, each mail to an address of its own: `bounces+{token}@example.org`. */
  bounce_address: bounceAddress.optional(),
  links: linkSettings.prefault({}),
  node_group: z.string().max(63).optional(),
});

export const accountInput = settings.extend({ auth: accountAuth });
export type AccountInput = z.infer<typeof accountInput>;

/** A JSON merge patch (RFC 7396): what is absent stays as it is. The merged whole is validated as `accountSettings`. */
export const accountPatch = z.looseObject({ auth: accountAuth.optional() });
export type AccountPatch = z.infer<typeof accountPatch>;

/** What the ledger keeps of an account outside the vault. */
export const accountSettings = settings;
export type AccountSettings = z.infer<typeof accountSettings>;

export const watchState = z.enum([
  'connecting',
  'idle',
  'polling',
  'backing-off',
  'needs-sign-in',
  'stopped',
]);
export type WatchState = z.infer<typeof watchState>;

/** How new mail is found: the server tells (`idle`), the mailbox is looked at (`poll`), or its STATUS is (`status`). */
export const watchMode = z.enum(['idle', 'poll', 'status']);
export type WatchMode = z.infer<typeof watchMode>;

/** What the canary found: mail that waits too long, or a watcher that was not heard for too long. */
export const watchAlarm = z.enum(['waiting', 'quiet']);
export type WatchAlarm = z.infer<typeof watchAlarm>;

/** All of it since watching of the mailbox began: with the process, or with the last change of the account. */
export const watchStatus = z.object({
  state: watchState,
  /** When the state was entered, in epoch milliseconds. */
  since: z.number().int(),
  mode: watchMode,
  /** When the server was last heard, in epoch milliseconds; null before the first time. */
  last_alive_at: z.number().int().nullable(),
  /** When the canary last saw over another connection that nothing waits too long; null before the first time. */
  checked_at: z.number().int().nullable(),
  /** What is wrong although the state does not say so; it is being mended. */
  alarm: watchAlarm.nullable(),
  /** When new mail was last taken in, in epoch milliseconds; null before the first time. */
  last_message_at: z.number().int().nullable(),
  /** Messages on the server above the checkpoint, at the last look. */
  waiting: z.number().int(),
  /** For how long the oldest of them has been known to wait, in milliseconds; 0 where none does. */
  lag_ms: z.number().int(),
  /** New messages that were taken in. */
  received: z.number().int(),
  /** Of what was in the mailbox before: how many messages were read, of how many (null before they are counted); null: all. */
  backfill: z.object({ done: z.number().int(), total: z.number().int().nullable() }).nullable(),
  reconnects: z.number().int(),
  /** When the next try to connect is due, in epoch milliseconds; null where none is awaited. */
  next_try_at: z.number().int().nullable(),
  last_error: z.string().nullable(),
});
export type WatchStatus = z.infer<typeof watchStatus>;

export const accountView = settings.extend({
  id: z.string(),
  auth: accountAuthView,
  /** The worst of the account's mailboxes, then each of them. */
  status: watchStatus,
  mailboxes: z.record(z.string(), watchStatus),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type AccountView = z.infer<typeof accountView>;
