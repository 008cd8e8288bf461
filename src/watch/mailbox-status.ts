// What is known of one watched mailbox: told by its watcher, completed by the canary, shown over every door. It lives as
// long as its watcher, and begins anew with the process and with every change of the account: what was before tells
// nothing of the watcher that is at work now.
import type { Account } from '../accounts/accounts.ts';
import type { WatchAlarm, WatchMode, WatchState, WatchStatus } from '../contracts/account.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain } from '../kernel/errors.ts';

/** One watched mailbox, as whoever looks after the watchers sees it. */
export interface WatchedMailbox {
  readonly account: Account;
  readonly mailbox: string;
  readonly health: MailboxStatus;
  /** How often its watcher speaks to the server, whatever happens. */
  readonly sweepMs: number;
  /** Looks for new mail now, and connects now if it was waiting to. */
  sweep(): void;
}

/** What another connection saw: so many messages above the checkpoint, known to wait since then. */
export interface SeenWaiting {
  count: number;
  since: number;
}

export class MailboxStatus {
  readonly #clock: Clock;
  readonly #onState: (status: WatchStatus) => void;
  readonly #facts: Omit<WatchStatus, 'lag_ms'>;
  /** Since when the watcher itself has known that something waits; null: nothing does. */
  #waitsSince: number | null = null;
  #seen: SeenWaiting | null = null;

  /** @param onState told of every state that is entered */
  constructor(clock: Clock, mode: WatchMode, onState: (status: WatchStatus) => void) {
    this.#clock = clock;
    this.#onState = onState;
    this.#facts = {
      state: 'connecting',
      since: clock.now(),
      mode,
      last_alive_at: null,
      checked_at: null,
      alarm: null,
      last_message_at: null,
      waiting: 0,
      received: 0,
      backfill: null,
      reconnects: 0,
      next_try_at: null,
      last_error: null,
    };
  }

  get state(): WatchState {
    return this.#facts.state;
  }

  view(): WatchStatus {
    const sinces = [this.#waitsSince, this.#seen?.since ?? null].filter((since) => since !== null);
    return {
      ...this.#facts,
      waiting: Math.max(this.#facts.waiting, this.#seen?.count ?? 0),
      lag_ms: sinces.length === 0 ? 0 : Math.max(this.#clock.now() - Math.min(...sinces), 0),
    };
  }

  /** A state with its time. The same state again is no news. */
  enter(state: WatchState): void {
    if (this.#facts.state === state && this.#facts.last_alive_at !== null) return;
    this.#facts.state = state;
    this.#facts.since = this.#clock.now();
    if (state !== 'backing-off' && state !== 'needs-sign-in') this.#facts.next_try_at = null;
    this.#onState(this.view());
  }

  /** How new mail is found from now on. */
  watchesBy(mode: WatchMode): void {
    this.#facts.mode = mode;
    this.#facts.last_error = null;
    this.enter(mode === 'idle' ? 'idle' : 'polling');
  }

  /** The server was heard. */
  alive(): void {
    this.#facts.last_alive_at = this.#clock.now();
  }

  /** The server was heard: so many messages still wait there, and so many new ones were just taken in. */
  progress(waiting: number, received = 0): void {
    this.alive();
    this.#facts.waiting = waiting;
    if (waiting === 0) this.#waitsSince = null;
    else this.#waitsSince ??= this.#clock.now();
    if (received === 0) return;
    this.#facts.received += received;
    this.#facts.last_message_at = this.#clock.now();
  }

  /** The server was heard: so much of what was in the mailbox before has been read; null: all of it. */
  backfilled(backfill: WatchStatus['backfill']): void {
    this.alive();
    if (backfill === null && this.#facts.backfill === null) return;
    this.#facts.backfill = backfill;
    this.#onState(this.view());
  }

  /** Watching broke off, and goes on after `waitMs`. */
  interrupted(error: unknown, waitMs: number, needsPerson: boolean): void {
    this.#facts.last_error = explain(error);
    this.#facts.reconnects++;
    this.#facts.next_try_at = this.#clock.now() + waitMs;
    this.enter(needsPerson ? 'needs-sign-in' : 'backing-off');
  }

  /**
   * What the canary saw over another connection.
   * @param seen null: nothing waits
   * @param late it has waited for too long
   */
  checked(seen: SeenWaiting | null, late: boolean): void {
    this.#seen = seen;
    if (!late) this.#facts.checked_at = this.#clock.now();
  }

  /** What the canary makes of it. */
  alarmed(alarm: WatchAlarm | null): void {
    this.#facts.alarm = alarm;
  }
}
