// How long to wait before the next try to connect, by what went wrong. One account's delays never touch another's.
import { codeOf, retryOf } from '../kernel/errors.ts';

const STEADY_MS = 5 * 60_000; // only a connection that lived this long was a good one: else accept-then-drop servers
// would be signed in to many times a second
const THROUGH_MS = 10_000; // a connection that lived this long shows that the way to the server is open again

interface Schedule {
  firstMs: number;
  factor: number;
  longestMs: number;
}

const REFUSED: Schedule = { firstMs: 2_000, factor: 2, longestMs: 10 * 60_000 };
const DROPPED: Schedule = { firstMs: 1_000, factor: 1.5, longestMs: 30_000 };
const THROTTLED: Schedule = { firstMs: 60_000, factor: 2, longestMs: 30 * 60_000 };
// A rejected password is tried again seldom: providers lock accounts that knock, and a person has to act anyway.
const REJECTED: Schedule = { firstMs: 60_000, factor: 4, longestMs: 60 * 60_000 };

const SCHEDULES: Record<string, Schedule> = {
  connection_refused: REFUSED,
  unreachable: REFUSED,
  dns: REFUSED,
  certificate_invalid: REFUSED,
  tls_refused: REFUSED,
  mailbox_missing: REFUSED,
  throttled: THROTTLED,
  connection_limit: THROTTLED,
  wrong_password: REJECTED,
  token_refused: REJECTED,
  oauth_sign_in_needed: REJECTED,
  secret_missing: REJECTED,
  secret_unreadable: REJECTED,
};

export class Backoff {
  readonly #failures = new Map<Schedule, number>();

  /** Milliseconds to wait after `error`, which ended a connection that had been good for `livedMs` (0: never was). */
  next(error: unknown, livedMs: number, random: () => number = Math.random): number {
    const schedule = SCHEDULES[codeOf(error)] ?? DROPPED;
    // Each schedule counts for itself: a server that fails now in one way and now in another waits longer all the same.
    if (livedMs >= STEADY_MS) this.#failures.clear();
    if (livedMs >= THROUGH_MS) this.#failures.delete(REFUSED);
    const failures = this.#failures.get(schedule) ?? 0;
    this.#failures.set(schedule, failures + 1);
    const own = schedule.firstMs * schedule.factor ** failures;
    const retry = retryOf(error);
    const asked = typeof retry === 'object' ? retry.afterMs : 0; // the server said how long, within reason
    const wait = Math.min(Math.max(own, asked), schedule.longestMs);
    return Math.round(wait * (0.8 + 0.4 * random()));
  }
}
