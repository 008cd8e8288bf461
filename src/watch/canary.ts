// The canary: now and then it asks the server over another connection than the watcher's whether mail waits, and it
// listens for watchers that were not heard for too long. What it finds it tells, and mends: a sweep first, then a new
// watcher. Accounts that say themselves what is wrong with them (backing off, needing a sign-in) are not knocked at.
import type { Bus } from '../cluster/bus.ts';
import { withSelected } from '../imap/ask.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { uidsFrom } from '../imap/fetch.ts';
import type { ImapPool } from '../imap/pool.ts';
import { mailboxCounts } from '../imap/status.ts';
import { type Clock, pause } from '../kernel/clock.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { Alarm } from './alarm.ts';
import { storedCheckpoint } from './checkpoints.ts';
import { afterLook, afterPosition, isLate, type Lag, type Position } from './lag.ts';
import type { WatchedMailbox } from './mailbox-status.ts';
import { quietTooLong } from './quiet.ts';
import type { Watchers } from './watchers.ts';

export const CHECK_INTERVAL_MS = 5 * 60_000;
const THRESHOLD_MS = 2 * 60_000; // twice the usual sweep: by then two ways to find a mail have failed
const TICK_MS = 5_000;
const MEND_AGAIN_MS = 30_000; // a sweep has had its time; what it did not mend, a new watcher may
const MAX_CHECKS = 16; // at once: a thousand accounts are three a second, each some milliseconds of work
const CHECK_LIMIT_MS = 10_000; // then the next account has its turn, whatever becomes of this one
/** Nobody else wants a connection that is needed for a second in five minutes. */
const BRIEFLY = { keepMs: 0 };
const FAILURES_TOLD = 3; // each third failure in a row: by then nobody knows how this mailbox is
const STOP_LIMIT_MS = 1_000;

export interface CanaryParts {
  store: Store;
  clock: Clock;
  bus: Bus;
  log: Logger;
  imap: Pick<ImapPool, 'use'>;
  watchers: Pick<Watchers, 'watched' | 'renew'>;
  /** How often each account is looked at. */
  intervalMs?: number;
  /** For how long mail may wait. */
  thresholdMs?: number;
  tickMs?: number;
  mendAgainMs?: number;
  checkLimitMs?: number;
}

/** What is remembered of one mailbox between looks. */
interface Memory {
  lag: Lag | null;
  /** UIDs up to here were looked for and are not there any more: UIDNEXT alone does not tell that. */
  gone: { uidValidity: string; upTo: number } | null;
  readonly alarm: Alarm;
  /** The last tick that found it watched. */
  seenAt: number;
}

interface AccountMemory {
  /** When to ask the server again. */
  lookAt: number;
  mailboxes: Map<string, Memory>;
  failures: number;
  seenAt: number;
}

export class Canary implements Part {
  readonly name = 'canary';
  readonly #parts: Required<CanaryParts>;
  readonly #accounts = new Map<string, AccountMemory>();
  /** Looks under way, also those that were given up waiting for. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #due = new Set<string>();
  #slots = MAX_CHECKS;
  readonly #outcomes = { ok: 0, failed: 0 };
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #tickedAt: number;
  /** Since when this process has been awake: a machine that slept heard nobody, and that is no watcher's fault. */
  #awakeSince: number;

  constructor(parts: CanaryParts) {
    this.#parts = {
      intervalMs: CHECK_INTERVAL_MS,
      thresholdMs: THRESHOLD_MS,
      tickMs: TICK_MS,
      mendAgainMs: MEND_AGAIN_MS,
      checkLimitMs: CHECK_LIMIT_MS,
      ...parts,
    };
    this.#awakeSince = this.#tickedAt = parts.clock.now();
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), this.#parts.tickMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#due.clear();
    this.#stopped.abort(new PosternError('stopping', 'Postern is stopping.', { retry: 'later' }));
    await Promise.race([this.idle(), pause(STOP_LIMIT_MS)]); // what still hangs ends with its connection
  }

  /** Looks since the start, by how they ended. */
  checks(): Readonly<Record<'ok' | 'failed', number>> {
    return { ...this.#outcomes };
  }

  /** What the timer does: listens to all watchers, and has those accounts looked at whose time has come. */
  tick(): void {
    const { clock, intervalMs, tickMs } = this.#parts;
    const now = clock.now();
    const slept = now - this.#tickedAt > 3 * tickMs + 1_000 || now < this.#tickedAt;
    if (slept) this.#awakeSince = now;
    this.#tickedAt = now;
    for (const watched of this.#parts.watchers.watched()) {
      const { id } = watched.account;
      const account = this.#memoryOf(id, now);
      const memory = this.#mailboxOf(account, watched.mailbox);
      account.seenAt = memory.seenAt = now;
      if (account.lookAt > now + intervalMs * 2) account.lookAt = now; // the clock was set back
      this.#listen(watched, memory, now);
      const asks = memory.lag !== null || account.lookAt <= now;
      if (asks && isWatching(watched) && !this.#running.has(id)) this.#due.add(id);
    }
    for (const [id, account] of this.#accounts) {
      if (account.seenAt !== now) this.#accounts.delete(id);
      for (const [mailbox, { seenAt }] of account.mailboxes)
        if (seenAt !== now) account.mailboxes.delete(mailbox);
    }
    this.#pump();
  }

  /** Fulfils when no look is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #memoryOf(id: string, now: number): AccountMemory {
    const known = this.#accounts.get(id);
    if (known) return known;
    // Spread over the interval by chance, so that accounts that were added together are not looked at together.
    const lookAt = now + Math.random() * this.#parts.intervalMs;
    const made: AccountMemory = { lookAt, mailboxes: new Map(), failures: 0, seenAt: now };
    this.#accounts.set(id, made);
    return made;
  }

  #mailboxOf(account: AccountMemory, mailbox: string): Memory {
    const known = account.mailboxes.get(mailbox);
    if (known) return known;
    const made: Memory = { lag: null, gone: null, alarm: new Alarm(this.#parts), seenAt: 0 };
    account.mailboxes.set(mailbox, made);
    return made;
  }

  #pump(): void {
    while (this.#slots > 0) {
      const [id] = this.#due;
      if (id === undefined) return;
      this.#due.delete(id);
      this.#slots--;
      const free = Promise.withResolvers<void>();
      const check = this.#check(id).finally(() => this.#running.delete(id));
      this.#running.set(id, check);
      const limit = setTimeout(free.resolve, this.#parts.checkLimitMs);
      void Promise.race([check, free.promise]).then(() => {
        clearTimeout(limit);
        this.#slots++;
        this.#pump();
      });
    }
  }

  async #check(id: string): Promise<void> {
    const account = this.#accounts.get(id);
    const watched = [...this.#parts.watchers.watched()].filter(
      (one) => one.account.id === id && isWatching(one),
    );
    if (!account || watched.length === 0) return;
    const { clock, intervalMs, imap, log } = this.#parts;
    let refused: unknown;
    try {
      for (const one of watched) await this.#compare(one, this.#mailboxOf(account, one.mailbox));
      if (clock.now() < account.lookAt) return;
      account.lookAt = clock.now() + intervalMs;
      await imap.use(
        id,
        async (connection) => {
          for (const one of watched) {
            const look = this.#look(connection, one, account, this.#mailboxOf(account, one.mailbox));
            await look.catch((error: unknown) => {
              if (!connection.usable) throw error;
              refused = error; // one mailbox only: the others are looked at all the same
            });
          }
        },
        BRIEFLY,
      );
      if (refused) throw refused;
      account.failures = 0;
      this.#outcomes.ok++;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#outcomes.failed++;
      account.failures++;
      const label = watched[0]?.account.settings.label;
      const fields = { account: label, code: codeOf(error), failures: account.failures };
      const message = `the canary could not look: ${explain(error)}`;
      if (account.failures % FAILURES_TOLD === 0) log.warn(fields, message);
      else log.debug(fields, message);
    }
  }

  /** Whether what was seen to wait was taken in meanwhile: the server need not be asked for that. */
  async #compare(watched: WatchedMailbox, memory: Memory): Promise<void> {
    if (!memory.lag) return;
    const position = await this.#position(watched);
    const now = this.#parts.clock.now();
    memory.lag = position && afterPosition(memory.lag, position, now);
    if (memory.lag) return memory.alarm.show(watched);
    watched.health.checked(null, false);
    memory.alarm.clear(watched, 'waiting', now);
  }

  async #look(
    connection: ImapConnection,
    watched: WatchedMailbox,
    account: AccountMemory,
    memory: Memory,
  ): Promise<void> {
    const { clock, thresholdMs, mendAgainMs } = this.#parts;
    const counts = await mailboxCounts(connection, watched.mailbox, this.#stopped.signal);
    const position = await this.#position(watched);
    if (!counts || !position) return;
    const { gone } = memory;
    const nothingLeft = gone?.uidValidity === counts.uidValidity && counts.uidNext - 1 <= gone.upTo;
    memory.lag = nothingLeft ? null : afterLook(memory.lag, counts, position, clock.now());
    const waiting = memory.lag ? await this.#count(connection, watched, memory.lag, position) : 0;
    if (memory.lag && waiting === 0) {
      memory.gone = { uidValidity: memory.lag.uidValidity, upTo: memory.lag.upTo };
      memory.lag = null;
    }
    const { lag } = memory;
    const now = clock.now();
    if (!lag) {
      watched.health.checked(null, false);
      memory.alarm.clear(watched, 'waiting', now);
      return;
    }
    const late = isLate(lag, now, thresholdMs);
    account.lookAt = Math.min(account.lookAt, now + (late ? mendAgainMs : thresholdMs));
    watched.health.checked({ count: waiting, since: lag.since }, late);
    if (late) memory.alarm.raise(watched, 'waiting', lag.since, now);
  }

  /** How many of the messages that STATUS promised are really there: some may have been deleted or moved on. */
  async #count(
    connection: ImapConnection,
    { mailbox }: WatchedMailbox,
    lag: Lag,
    position: Position,
  ): Promise<number> {
    const { signal } = this.#stopped;
    return withSelected(connection, mailbox, { write: false, signal }, async ({ uidValidity, exists }) => {
      if (uidValidity !== position.uidValidity) return Math.max(exists, 1); // all of it, under other numbers
      const uids = await connection.run(
        'look for what waits',
        () => uidsFrom(connection, position.lastUid + 1),
        signal,
      );
      return uids.filter((uid) => uid <= lag.upTo).length;
    });
  }

  async #position({ account, mailbox, health }: WatchedMailbox): Promise<Position | null> {
    const checkpoint = await storedCheckpoint(this.#parts.store.db, account.id, mailbox);
    return checkpoint ? { ...checkpoint, received: health.view().received } : null;
  }

  /** A watcher has to be heard, whether or not there is mail. */
  #listen(watched: WatchedMailbox, memory: Memory, now: number): void {
    const since = quietTooLong(watched, Math.max(this.#awakeSince, 0), now);
    if (since !== null) memory.alarm.raise(watched, 'quiet', since, now);
    else if (watched.health.state !== 'connecting') memory.alarm.clear(watched, 'quiet', now);
  }
}

/** Whether its own state says that all is well: only then is there anything to find out. */
const isWatching = ({ health }: WatchedMailbox): boolean =>
  health.state === 'idle' || health.state === 'polling';
