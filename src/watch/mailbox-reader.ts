// Reads one mailbox on a connection that somebody else keeps: attaches to it, takes what lies above its checkpoint, and in
// between reads its history and follows what other clients change.
import type { Account } from '../accounts/accounts.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { examine } from '../imap/examine.ts';
import { uidsFrom } from '../imap/fetch.ts';
import { nextUid } from '../imap/next-uid.ts';
import { type Clock, monotonicMs } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { BackfillReader } from './backfill.ts';
import { MailboxChanges } from './changes.ts';
import { attach, type Backfill, type Checkpoint } from './checkpoints.ts';
import { beginningOf } from './history.ts';
import type { Ingest } from './ingest.ts';
import { takeRange } from './take-range.ts';

export interface ReaderParts {
  store: Store;
  clock: Clock;
  log: Logger;
  ingest: Ingest;
  signal: AbortSignal;
  /** The server was heard; this many messages still wait there, and this many new ones were just taken in. */
  onProgress: (waiting: number, received: number) => void;
  /** The server was heard; so much of the history has been read, null: all of it. */
  onBackfill: (progress: Pick<Backfill, 'done' | 'total'> | null) => void;
  /** `dueAt` came closer. */
  onDue: () => void;
}

export class MailboxReader {
  readonly #account: Account;
  readonly #mailbox: string;
  readonly #connection: ImapConnection;
  readonly #parts: ReaderParts;
  #checkpoint: Checkpoint | undefined;
  #changes: MailboxChanges | undefined;
  #backfill: BackfillReader | null = null;
  #waiting = 0;
  /** The SELECT told that there is nothing above the checkpoint: the first look for new mail need not ask. */
  #knowsAll = false;
  readonly #onExists = (): void => {
    this.#knowsAll = false;
  };

  constructor(account: Account, mailbox: string, connection: ImapConnection, parts: ReaderParts) {
    this.#account = account;
    this.#mailbox = mailbox;
    this.#connection = connection;
    this.#parts = parts;
  }

  get checkpoint(): Checkpoint {
    if (!this.#checkpoint) throw new Error('attach comes first');
    return this.#checkpoint;
  }

  /** Selects the mailbox, and finds or makes its checkpoint. It comes first, and again after another was selected. */
  async attach(): Promise<void> {
    this.#changes?.close();
    this.#listen();
    try {
      await this.#attach();
    } catch (error) {
      this.#knewAll(); // the connection may serve others yet
      throw error;
    }
  }

  async #attach(): Promise<void> {
    const connection = this.#connection;
    const { store, clock, log, signal } = this.#parts;
    const selected = await examine(connection, this.#mailbox, signal);
    if (selected.uidValidity === undefined) {
      throw new PosternError(
        'imap_refused',
        `The server does not tell how ${this.#mailbox} is numbered (UIDVALIDITY).`,
        { retry: 'later' },
      );
    }
    const next = selected.uidNext
      ? { uid: selected.uidNext, told: true }
      : await nextUid(connection, this.#mailbox, signal);
    const { checkpoint, backfill, modseq, renumbered } = await attach(
      store,
      clock,
      {
        accountId: this.#account.id,
        mailbox: this.#mailbox,
        from: beginningOf(this.#account.settings.watch, clock.now()),
      },
      {
        uidValidity: String(selected.uidValidity),
        uidNext: next.uid,
        toldUidNext: next.told,
        exists: selected.exists,
      },
    );
    this.#checkpoint = checkpoint;
    const parts = { ...this.#parts, account: this.#account, connection };
    this.#changes = new MailboxChanges(checkpoint, modseq, { ...parts, bus: parts.ingest.bus });
    this.#backfill =
      backfill &&
      new BackfillReader(checkpoint, backfill, selected.exists, { ...parts, onProgress: parts.onBackfill });
    this.#parts.onBackfill(this.#backfill?.progress ?? null);
    this.#tell(Math.max(next.uid - 1 - checkpoint.lastUid, 0));
    this.#knowsAll &&= next.told && next.uid - 1 <= checkpoint.lastUid;
    if (renumbered)
      log.warn(
        { uid_validity: checkpoint.uidValidity },
        'the server renumbered the mailbox; it is read again',
      );
  }

  /** The server may have forgotten to tell: asks, whether or not IDLE said anything. Proves that the line is alive. */
  async sweep(): Promise<void> {
    const connection = this.#connection;
    const checkpoint = this.checkpoint;
    await this.#noop();
    const uids = await connection.run(
      'sweep',
      () => uidsFrom(connection, checkpoint.lastUid + 1),
      this.#parts.signal,
    );
    this.#tell(uids.length);
    if (uids.length > 0) this.#knowsAll = false;
    if (uids.length > 0) await this.takeNew();
  }

  /** Fetches everything above the checkpoint, and commits it batch by batch. */
  async takeNew(): Promise<void> {
    const checkpoint = this.checkpoint;
    if (this.#knewAll()) return;
    const parts = { ...this.#parts, account: this.#account, connection: this.#connection };
    await takeRange(parts, checkpoint, { from: checkpoint.lastUid + 1, to: '*' }, (messages, added) =>
      this.#tell(Math.max(this.#waiting - messages, 0), added),
    );
    this.#tell(0);
  }

  /** When `work` is to be called next, by the monotonic clock (`monotonicMs`). */
  get dueAt(): number {
    return this.#backfill ? 0 : (this.#changes?.dueAt ?? Number.POSITIVE_INFINITY);
  }

  /** One step of what is not new mail, of a second or so: what other clients changed, or a slice of the history. */
  async work(): Promise<void> {
    this.#knewAll();
    const changes = this.#changes;
    if (changes && changes.dueAt <= monotonicMs()) return changes.take();
    if (!this.#backfill) return;
    if (await this.#backfill.slice()) {
      const { done } = this.#backfill.progress;
      this.#backfill = null;
      this.#parts.onBackfill(null);
      this.#parts.log.info({ messages: done }, 'the history of the mailbox is read');
    }
    await this.#noop(); // the server tells of new mail now
  }

  /** From the SELECT to the first look for new mail: where it told of none, and no EXISTS since, there is none. */
  #listen(): void {
    const { client } = this.#connection;
    client.off('exists', this.#onExists);
    this.#knowsAll = true;
    client.on('exists', this.#onExists);
  }

  /** The end of that, and what it gave. */
  #knewAll(): boolean {
    this.#connection.client.off('exists', this.#onExists);
    const knowsAll = this.#knowsAll;
    this.#knowsAll = false;
    return knowsAll;
  }

  async #noop(): Promise<void> {
    const connection = this.#connection;
    await connection.run('noop', () => connection.client.noop(), this.#parts.signal);
  }

  #tell(waiting: number, received = 0): void {
    this.#waiting = waiting;
    this.#parts.onProgress(waiting, received);
  }
}
