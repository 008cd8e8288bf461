// What is told, and done, about a mailbox whose watcher does not get on: an event and a line in the log when it begins
// and when it ends; a sweep at first, then a new watcher.
import type { Bus } from '../cluster/bus.ts';
import type { WatchAlarm } from '../contracts/account.ts';
import type { Logger } from '../kernel/logger.ts';
import type { WatchedMailbox } from './mailbox-status.ts';
import type { Watchers } from './watchers.ts';

const RENEW_AGAIN_MS = 5 * 60_000; // a server that lies for good is not signed in to more often than this

export interface AlarmParts {
  bus: Bus;
  log: Logger;
  watchers: Pick<Watchers, 'renew'>;
  /** What a sweep did not mend after this long, a new watcher may. */
  mendAgainMs: number;
}

const TOLD: Record<WatchAlarm, string> = {
  waiting: 'mail waits on the server and the watcher does not take it: it is made to look again',
  quiet: 'a watcher was not heard for too long: it is made to look again',
};

/** Of one mailbox. */
export class Alarm {
  readonly #parts: AlarmParts;
  #trouble: { reason: WatchAlarm; since: number; mendAt: number; mended: number } | null = null;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
  }

  /** To be called again as long as it lasts. */
  raise(watched: WatchedMailbox, reason: WatchAlarm, since: number, now: number): void {
    const { bus, log, watchers, mendAgainMs } = this.#parts;
    const { account, mailbox } = watched;
    const place = { account: account.settings.label, mailbox };
    if (!this.#trouble) {
      this.#trouble = { reason, since, mendAt: now, mended: 0 };
      const { waiting } = watched.health.view();
      const data = { reason, waiting, lag_ms: now - since };
      bus.publish('watch.lagging', { account_id: account.id, mailbox, ...data });
      log.warn({ ...place, ...data }, TOLD[reason]);
    }
    const trouble = this.#trouble;
    this.show(watched);
    if (now < trouble.mendAt) return;
    if (trouble.mended === 0) watched.sweep();
    else {
      log.warn(place, 'that did not help: watching the account begins anew');
      watchers.renew(account.id);
    }
    trouble.mendAt = now + (trouble.mended === 0 ? mendAgainMs : RENEW_AGAIN_MS);
    trouble.mended++;
  }

  /** To be called when there is no such trouble; what another reason raised stays. */
  clear(watched: WatchedMailbox, reason: WatchAlarm, now: number): void {
    if (this.#trouble?.reason !== reason) return;
    const { account, mailbox } = watched;
    const data = { reason, lag_ms: now - this.#trouble.since };
    this.#trouble = null;
    this.show(watched);
    this.#parts.bus.publish('watch.recovered', { account_id: account.id, mailbox, ...data });
    this.#parts.log.info({ account: account.settings.label, mailbox, ...data }, 'the watcher gets on again');
  }

  /** Lets the status tell of it: a new watcher has a new one. */
  show({ health }: WatchedMailbox): void {
    health.alarmed(this.#trouble?.reason ?? null);
  }
}
