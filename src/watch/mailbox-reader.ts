// Reads one mailbox on a connection that somebody else keeps: attaches to it, and takes what lies above its checkpoint.
import type { Account } from '../accounts/accounts.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type FetchedMessage, fetchChunks, uidsFrom } from '../imap/fetch.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import type { TextReader } from './arrival.ts';
import { attach, type Checkpoint } from './checkpoints.ts';
import type { Ingest } from './ingest.ts';
import { textReader } from './text.ts';

const BATCH_MESSAGES = 250; // one commit: large enough that its flush does not count, small enough to keep little
const TEXT_BATCH_MESSAGES = 20; // text is read on the way in for a trickle of mail, not for a flood
const LAST_UID_LIMIT_MS = 5 * 60_000; // all UIDs of a large mailbox, for servers that do not tell UIDNEXT

export interface ReaderParts {
  store: Store;
  clock: Clock;
  log: Logger;
  ingest: Ingest;
  signal: AbortSignal;
  /** The server was heard; this many messages still wait there, and this many new ones were just taken in. */
  onProgress: (waiting: number, received: number) => void;
}

export class MailboxReader {
  readonly #account: Account;
  readonly #mailbox: string;
  readonly #connection: ImapConnection;
  readonly #parts: ReaderParts;
  #checkpoint: Checkpoint | undefined;
  #waiting = 0;

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

  /** Selects the mailbox, and finds or makes its checkpoint. To be called once, before anything else. */
  async attach(): Promise<void> {
    const connection = this.#connection;
    const selected = await connection.run(
      `select ${this.#mailbox}`,
      () => connection.client.mailboxOpen(this.#mailbox, { readOnly: true }),
      this.#parts.signal,
    );
    const place = {
      accountId: this.#account.id,
      mailbox: this.#mailbox,
      fromZero: this.#account.settings.watch.from_zero,
    };
    const uidNext = selected.uidNext || (await this.#uidNextOf());
    const { checkpoint, renumbered } = await attach(this.#parts.store, this.#parts.clock, place, {
      uidValidity: String(selected.uidValidity),
      uidNext,
      toldUidNext: Boolean(selected.uidNext),
    });
    this.#checkpoint = checkpoint;
    this.#tell(Math.max(uidNext - 1 - checkpoint.lastUid, 0));
    if (renumbered)
      this.#parts.log.warn(
        { uid_validity: checkpoint.uidValidity },
        'the server renumbered the mailbox; it is read again',
      );
  }

  /** For servers that do not tell UIDNEXT: one above the last UID. */
  async #uidNextOf(): Promise<number> {
    const connection = this.#connection;
    const uids = await connection.run(
      'read the last UID',
      () => uidsFrom(connection, 1),
      this.#parts.signal,
      LAST_UID_LIMIT_MS,
    );
    return (uids.at(-1) ?? 0) + 1;
  }

  /** The server may have forgotten to tell: asks, whether or not IDLE said anything. Proves that the line is alive. */
  async sweep(): Promise<void> {
    const connection = this.#connection;
    const checkpoint = this.checkpoint;
    await connection.run('noop', () => connection.client.noop(), this.#parts.signal);
    const uids = await connection.run(
      'sweep',
      () => uidsFrom(connection, checkpoint.lastUid + 1),
      this.#parts.signal,
    );
    this.#tell(uids.length);
    if (uids.length > 0) await this.takeNew();
  }

  /** Fetches everything above the checkpoint, and commits it batch by batch. */
  async takeNew(): Promise<void> {
    const connection = this.#connection;
    const checkpoint = this.checkpoint;
    let batch: FetchedMessage[] = [];
    let ascending = true;
    let highest = checkpoint.lastUid;
    const commit = async (reader: TextReader | null): Promise<void> => {
      const taken = batch;
      batch = [];
      // A server that answers out of order must not move the checkpoint past what it has not yet sent.
      const { added } = await this.#parts.ingest.take(
        this.#account,
        checkpoint,
        taken,
        ascending ? highest : null,
        reader,
      );
      if (ascending) checkpoint.lastUid = highest;
      this.#tell(Math.max(this.#waiting - taken.length, 0), added);
    };
    const answers = fetchChunks(connection, checkpoint.lastUid + 1, '*');
    for await (const chunk of connection.each('fetch new mail', answers, this.#parts.signal)) {
      for (const message of chunk) {
        if (message.uid < highest) ascending = false;
        highest = Math.max(highest, message.uid);
        batch.push(message);
        if (batch.length >= BATCH_MESSAGES) await commit(null);
      }
    }
    if (!connection.usable) throw connection.failure;
    ascending = true; // the whole range was answered
    if (highest > checkpoint.lastUid)
      await commit(batch.length <= TEXT_BATCH_MESSAGES ? textReader(connection, this.#parts.log) : null);
    this.#tell(0);
  }

  #tell(waiting: number, received = 0): void {
    this.#waiting = waiting;
    this.#parts.onProgress(waiting, received);
  }
}
