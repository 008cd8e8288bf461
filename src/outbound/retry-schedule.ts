// When a mail that could not be sent is tried again. The waits are those of mail servers in the field (ZoneMTA).
import { durationMs } from '../kernel/duration.ts';

/** After a refusal for now, such as greylisting: then every four hours. */
const AFTER_REFUSAL_MS = ['5m', '7m', '8m', '25m', '75m', '120m'].map(durationMs);
/** Where the server was not reached at all: sooner at first, since most of that is over in a minute. */
const AFTER_NO_CONNECTION_MS = [...['30s', '1m', '2m'].map(durationMs), ...AFTER_REFUSAL_MS];
const LONGEST_WAIT_MS = durationMs('4h');
const GIVE_UP_AFTER_MS = durationMs('48h');
const JITTER = 0.1; // so that what failed together does not come back together

export interface Attempted {
  /** How many attempts were made, this one included. */
  attempts: number;
  /** When the first of them ended, epoch milliseconds: a mail may have waited for days before. */
  firstAt: number;
  /** Whether the server answered at all. */
  connected: boolean;
}

/** When to try again, in epoch milliseconds; null when it is time to give up. @param random from 0 to 1 */
export function nextAttemptAt(
  { attempts, firstAt, connected }: Attempted,
  now: number,
  random: number,
): number | null {
  const waits = connected ? AFTER_REFUSAL_MS : AFTER_NO_CONNECTION_MS;
  const wait = waits[attempts - 1] ?? LONGEST_WAIT_MS;
  const at = now + Math.round(wait * (1 - JITTER + 2 * JITTER * random));
  return at > firstAt + GIVE_UP_AFTER_MS ? null : at;
}
