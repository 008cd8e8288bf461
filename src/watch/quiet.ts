// Whether a watcher was not heard for longer than its own state allows. Pure.
import type { WatchedMailbox } from './mailbox-status.ts';

const SPARE_MS = 60_000; // a busy machine, a long transaction
const LONGEST_CONNECT_MS = 10 * 60_000; // sign-in, SELECT and the search for the last UID have five-minute limits

/**
 * Since when it has been quiet, where that is too long; else null.
 * @param awakeSince since when this process has been able to hear anybody
 */
export function quietTooLong(
  { account, health, sweepMs }: Pick<WatchedMailbox, 'account' | 'health' | 'sweepMs'>,
  awakeSince: number,
  now: number,
): number | null {
  const { state, since, last_alive_at: alive, next_try_at: nextTry } = health.view();
  const commands = 2 * account.settings.timeout_ms; // a sweep is two of them
  const heard = Math.max(alive ?? 0, since, awakeSince);
  switch (state) {
    case 'idle':
    case 'polling':
      return now - heard > sweepMs + commands + SPARE_MS ? heard : null;
    case 'connecting':
      return now - heard > LONGEST_CONNECT_MS + commands + SPARE_MS ? heard : null;
    case 'backing-off':
    case 'needs-sign-in': {
      const due = Math.max(nextTry ?? now, awakeSince);
      return now - due > SPARE_MS ? due : null;
    }
    case 'stopped':
      return null;
  }
}
