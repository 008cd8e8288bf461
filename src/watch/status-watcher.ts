// Watches many mailboxes of an account on one connection: asks at an interval for the STATUS of all, and opens those in
// which something moved. In between it reads history. Where the interval is long it hangs up meanwhile.
import type { Account, Credentials } from '../accounts/accounts.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type MailboxFigures, statusRound } from '../imap/status-round.ts';
import { monotonicMs, pause } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Backoff } from './backoff.ts';
import { needsPerson, tellInterruption } from './interruption.ts';
import { MailboxReader } from './mailbox-reader.ts';
import type { MailboxStatus } from './mailbox-status.ts';
import type { WatcherParts } from './mailbox-watcher.ts';
import { endedWithToken, hasNewerToken, RENEW_AGAIN_MS, renewAt } from './renewal.ts';

const HANG_UP_FROM_MS = 5 * 60_000; // signing in again is cheaper for both sides than a line that is kept that long

/** A mailbox, and what is remembered of it between rounds. */
interface Seat {
  readonly mailbox: string;
  readonly health: MailboxStatus;
  readonly log: Logger;
  readonly backoff: Backoff;
  /** What the server said before the last visit; null: it is to be visited. */
  seen: MailboxFigures | null;
  /** When to ask for its STATUS, by the monotonic clock. */
  lookAt: number;
  /** When there is more to do in it than to take new mail, by the monotonic clock. */
  workAt: number;
}

export interface SharedMailbox {
  mailbox: string;
  health: MailboxStatus;
}

export class StatusWatcher {
  readonly #account: Account;
  readonly #parts: WatcherParts;
  readonly #log: Logger;
  readonly #intervalMs: number;
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff();
  #seats = new Map<string, Seat>();
  /** When all are looked at together. */
  #roundAt = 0;
  /** The mailbox that is selected now, and who reads it. */
  #open: { seat: Seat; reader: MailboxReader } | null = null;
  #connection: ImapConnection | null = null;
  #loop: Promise<void> | undefined;
  #woken = false;
  #wake: () => void = () => undefined;
  #cutsWithToken = false;

  constructor(account: Account, parts: WatcherParts) {
    this.#account = account;
    this.#parts = parts;
    this.#log = parts.log.child({ account: account.settings.label });
    this.#intervalMs = durationMs(account.settings.watch.interval);
  }

  /** Takes the place of the mailboxes before. What was learnt of those that stay is kept. */
  assign(mailboxes: readonly SharedMailbox[]): void {
    this.#seats = new Map(
      mailboxes.map(({ mailbox, health }) => [
        mailbox,
        this.#seats.get(mailbox) ?? {
          mailbox,
          health,
          log: this.#log.child({ mailbox }),
          backoff: new Backoff(),
          seen: null,
          lookAt: 0,
          workAt: 0,
        },
      ]),
    );
    this.#ring();
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Looks into the mailbox now, and connects now if it was waiting to. */
  sweep(mailbox: string): void {
    const seat = this.#seats.get(mailbox);
    if (!seat) return;
    seat.seen = null;
    seat.lookAt = 0;
    this.#ring();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#ring();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      let connectedAt = 0;
      try {
        for (const { health } of this.#seats.values())
          if (health.state !== 'polling') health.enter('connecting');
        const { connection, credentials } = await this.#parts.connector.open(this.#account, {
          purpose: 'watch',
          signal,
          qresync: true,
        });
        try {
          connectedAt = monotonicMs();
          await this.#watch(connection, credentials);
        } catch (error) {
          this.#cutsWithToken ||= endedWithToken(credentials, explain(error), this.#parts.clock.now());
          throw error;
        } finally {
          this.#connection = this.#open = null;
          await connection.logout();
        }
        while (!signal.aborted && monotonicMs() < this.#nextLook())
          await this.#until(this.#nextLook() - monotonicMs());
      } catch (error) {
        if (signal.aborted) return;
        await this.#rest(error, connectedAt === 0 ? 0 : monotonicMs() - connectedAt);
      }
    }
  }

  async #rest(error: unknown, livedMs: number): Promise<void> {
    this.#woken = false;
    const wait = this.#backoff.next(error, livedMs);
    for (const seat of this.#seats.values()) {
      seat.lookAt = 0;
      seat.health.interrupted(error, wait, needsPerson(error));
    }
    tellInterruption(this.#log, error, wait);
    await this.#until(wait);
  }

  /** Returns when it is time to hang up until the next round, when a newer token is there, or when watching stops. */
  async #watch(connection: ImapConnection, credentials: Credentials): Promise<void> {
    const { clock, accounts } = this.#parts;
    let renewal = renewAt(credentials, this.#cutsWithToken);
    this.#connection = connection;
    void connection.closed.then(() => {
      if (this.#connection === connection) this.#ring();
    });
    while (!this.#stopped.signal.aborted) {
      if (!connection.usable) throw connection.failure;
      const now = monotonicMs();
      const due = [...this.#seats.values()].filter(({ lookAt }) => lookAt <= now);
      const [work] = this.#visited().sort((a, b) => a.workAt - b.workAt);
      if (due.length > 0) {
        await this.#round(connection, due);
      } else if (clock.now() >= renewal) {
        if (await hasNewerToken(accounts, this.#account, credentials, this.#log)) return;
        renewal = clock.now() + RENEW_AGAIN_MS;
      } else if (work && work.workAt <= now) {
        await this.#guarded(connection, work, () => this.#work(connection, work));
      } else if (this.#nextLook() - now >= HANG_UP_FROM_MS / 2) {
        return;
      } else {
        const next = Math.min(this.#nextLook(), work?.workAt ?? Number.POSITIVE_INFINITY);
        await this.#until(Math.min(next - now, renewal - clock.now()));
      }
    }
  }

  /** In the others there is a visit to be made first. */
  #visited(): Seat[] {
    return [...this.#seats.values()].filter(({ seen }) => seen !== null);
  }

  #nextLook(): number {
    return Math.min(...[...this.#seats.values()].map(({ lookAt }) => lookAt));
  }

  /** Asks for the STATUS of these, and visits those in which something moved, or of which the server tells nothing. */
  async #round(connection: ImapConnection, seats: readonly Seat[]): Promise<void> {
    const { signal } = this.#stopped;
    if (connection.client.mailbox)
      await connection.run('leave the mailbox', () => connection.client.mailboxClose(), signal);
    this.#open = null;
    const now = monotonicMs();
    if (now >= this.#roundAt) this.#roundAt = now + this.#intervalMs;
    const asked = seats.map(({ mailbox }) => mailbox);
    const told = await statusRound(connection, asked, signal);
    for (const seat of seats) {
      const figures = told.get(seat.mailbox);
      if (!figures || figures instanceof PosternError) continue;
      if (seat.seen) seat.health.progress(newIn(seat.seen, figures));
      else seat.health.alive();
    }
    for (const seat of seats) {
      const figures = told.get(seat.mailbox);
      seat.lookAt = this.#roundAt;
      await this.#guarded(connection, seat, async () => {
        if (figures instanceof PosternError) throw figures;
        if (figures && hasMoved(seat.seen, figures)) {
          await this.#visit(connection, seat);
          seat.seen = figures;
        }
        seat.health.watchesBy(this.#account.settings.watch.mode === 'poll' ? 'poll' : 'status');
      });
    }
  }

  /** What goes wrong with one mailbox is its own matter, as long as the connection lives. */
  async #guarded(connection: ImapConnection, seat: Seat, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!connection.usable || this.#stopped.signal.aborted) throw error;
      const wait = seat.backoff.next(error, 0);
      seat.seen = null;
      seat.lookAt = monotonicMs() + wait;
      seat.health.interrupted(error, wait, needsPerson(error));
      tellInterruption(seat.log, error, wait);
    }
  }

  async #visit(connection: ImapConnection, seat: Seat): Promise<void> {
    const reader = await this.#select(connection, seat);
    await reader.takeNew();
    // Without CONDSTORE all flags are compared: not with each new mail, but when the hour is over.
    const asks = connection.client.capabilities.has('CONDSTORE') || monotonicMs() >= seat.workAt;
    if (reader.dueAt === 0) seat.workAt = 0;
    else if (asks && reader.dueAt <= monotonicMs()) await this.#work(connection, seat);
  }

  /** One step of it. */
  async #work(connection: ImapConnection, seat: Seat): Promise<void> {
    const open = this.#open;
    const reader = open?.seat === seat ? open.reader : await this.#select(connection, seat);
    await reader.work();
    seat.workAt = reader.dueAt;
  }

  async #select(connection: ImapConnection, seat: Seat): Promise<MailboxReader> {
    const { health, log, mailbox } = seat;
    const reader: MailboxReader = new MailboxReader(this.#account, mailbox, connection, {
      ...this.#parts,
      log,
      signal: this.#stopped.signal,
      onProgress: (waiting, received) => health.progress(waiting, received),
      onBackfill: (progress) => health.backfilled(progress),
      onDue: () => {
        if (this.#open?.reader !== reader) return;
        seat.workAt = Math.min(seat.workAt, reader.dueAt);
        this.#ring();
      },
    });
    this.#open = null;
    await reader.attach();
    this.#open = { seat, reader };
    return reader;
  }

  #ring(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Waits for `ms`, or less when there is something to do. */
  async #until(ms: number): Promise<void> {
    if (!this.#woken && !this.#stopped.signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(Math.max(ms, 0), woken.signal);
      this.#wake = () => undefined;
    }
    this.#woken = false;
  }
}

/** At least so many: what was there before the last visit has been taken in. */
const newIn = (seen: MailboxFigures, now: MailboxFigures): number =>
  seen.uidValidity === now.uidValidity && seen.uidNext !== null && now.uidNext !== null
    ? Math.max(now.uidNext - seen.uidNext, 0)
    : 0;

/** Also where the server does not say what would tell. */
function hasMoved(seen: MailboxFigures | null, now: MailboxFigures): boolean {
  if (seen === null || now.uidNext === null || now.uidValidity === null) return true;
  return (
    seen.uidNext !== now.uidNext ||
    seen.uidValidity !== now.uidValidity ||
    seen.highestModseq !== now.highestModseq
  );
}
