// How many mails may leave in a minute, an hour and a day: the limits of an account, and when one has room again. Pure: what
// left already comes as counts in buckets, stretches of time that together make up a window which slides.
import type { MailLimits, SendLimits, WarmUp } from '../contracts/sending.ts';

/** A bucket counts to its end as long as a part of it lies in the window: more never leaves than the limit says. */
export const SPANS = {
  minute: { windowMs: 60_000, bucketMs: 5_000 },
  hour: { windowMs: 3_600_000, bucketMs: 120_000 },
  day: { windowMs: 86_400_000, bucketMs: 1_800_000 },
} as const;
export type Span = keyof typeof SPANS;

const DAY_MS = SPANS.day.windowMs;
const BULK_SHARE = 0.9; // broadcasts leave a tenth to mail that somebody waits for

export interface Limit {
  span: Span;
  unit: 'mails' | 'recipients';
  max: number;
  /** When `max` itself grows, epoch milliseconds. */
  growsAt?: number;
  /** `500 mails a day on this account`. */
  text: string;
}

/** What left in the stretch of time from `at` on, epoch milliseconds. */
export interface Bucket {
  at: number;
  mails: number;
  recipients: number;
}

export interface AccountRates {
  limits?: SendLimits | undefined;
  warm_up?: WarmUp | undefined;
}

/** What the provider says of itself. */
export interface ProviderRates {
  messages_per_minute: number | null;
  messages_per_day: number | null;
  recipients_per_day: number | null;
}

/**
 * The limits of an account as a whole.
 * @param startedAt when the warm-up began; null: with this mail
 */
export function accountLimits(
  { limits = {}, warm_up: plan }: AccountRates,
  provider: ProviderRates | null,
  { isBulk, startedAt, now }: { isBulk: boolean; startedAt: number | null; now: number },
): Limit[] {
  const own = {
    per_minute: limits.per_minute === undefined ? provider?.messages_per_minute : limits.per_minute,
    per_hour: limits.per_hour,
    per_day: limits.per_day === undefined ? provider?.messages_per_day : limits.per_day,
  };
  const people =
    limits.recipients_per_day === undefined ? provider?.recipients_per_day : limits.recipients_per_day;
  const found = mailsLimits(own, 'on this account');
  if (people) found.push(limitOf('day', 'recipients', people, 'on this account'));
  const warming = plan && warmingOf(plan, startedAt ?? now, now);
  if (warming) found.push(warming);
  return isBulk ? found.map(sharedBy) : found;
}

/** Those of one domain, such as `example.org`. */
export function domainLimits({ limits = {} }: AccountRates, domain: string): Limit[] {
  const named = limits.domains?.[domain] ?? limits.recipient_domain;
  return named ? mailsLimits(named, `to ${domain}`) : [];
}

/** Those of one address. */
export const recipientLimits = ({ limits = {} }: AccountRates, address: string): Limit[] =>
  limits.recipient ? mailsLimits(limits.recipient, `to ${address}`) : [];

function mailsLimits(limits: { [K in keyof MailLimits]: MailLimits[K] | null }, where: string): Limit[] {
  const { per_minute: minute, per_hour: hour, per_day: day } = limits;
  return [
    ...(minute ? [limitOf('minute', 'mails', minute, where)] : []),
    ...(hour ? [limitOf('hour', 'mails', hour, where)] : []),
    ...(day ? [limitOf('day', 'mails', day, where)] : []),
  ];
}

const limitOf = (span: Span, unit: Limit['unit'], max: number, where: string): Limit => ({
  span,
  unit,
  max,
  text: `${max} ${max === 1 ? unit.slice(0, -1) : unit} ${span === 'hour' ? 'an' : 'a'} ${span} ${where}`,
});

function warmingOf({ start, factor, until }: WarmUp, startedAt: number, now: number): Limit | null {
  const day = Math.max(0, Math.floor((now - startedAt) / DAY_MS));
  const max = Math.floor(start * factor ** day);
  if (max >= until) return null;
  const text = `${max} mails on day ${day + 1} of the warm-up of this account`;
  return { span: 'day', unit: 'mails', max, growsAt: startedAt + (day + 1) * DAY_MS, text };
}

const sharedBy = (limit: Limit): Limit => ({
  ...limit,
  max: Math.max(1, Math.floor(limit.max * BULK_SHARE)),
  text: `${limit.text}, of which broadcasts take nine tenths`,
});

export const bucketAt = (span: Span, now: number): number => now - (now % SPANS[span].bucketMs);

/**
 * Those that count in the window that ends now. Where the clock was set back, those counted just before lie ahead, and count
 * as well; what lies further ahead was counted by a clock that was wrong, and nobody waits until it is that late again.
 */
export function inWindow(span: Span, buckets: readonly Bucket[], now: number): Bucket[] {
  const { windowMs, bucketMs } = SPANS[span];
  return buckets.filter(({ at }) => at + bucketMs > now - windowMs && at <= now + windowMs);
}

/**
 * When there is room for so many more: now, or a time to come. What is more than a limit by itself leaves when nothing else
 * did in the whole window, as else it never would.
 * @param buckets the oldest first
 */
export function roomAt(limit: Limit, buckets: readonly Bucket[], need: number, now: number): number {
  const { span, unit, max, growsAt } = limit;
  const { windowMs, bucketMs } = SPANS[span];
  const counted = inWindow(span, buckets, now);
  let used = counted.reduce((sum, bucket) => sum + bucket[unit], 0);
  if (used === 0 || used + need <= max) return now;
  let at = now;
  for (const bucket of counted) {
    used -= bucket[unit];
    at = bucket.at + bucketMs + windowMs;
    if (used === 0 || used + need <= max) break;
  }
  return growsAt === undefined ? at : Math.min(at, growsAt);
}
