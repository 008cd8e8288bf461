// Takes fetched messages into the ledger: row, place, thread, decisions, jobs and checkpoint in one transaction.
import { setImmediate as turn } from 'node:timers/promises';
import type { Account } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { MailContent } from '../contracts/mail.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { reportPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { wayOf } from '../mail/fingerprint.ts';
import { kindOf } from '../mail/kind.ts';
import { mayBeReport } from '../mail/report-candidate.ts';
import { threadKeys } from '../mail/thread-keys.ts';
import { trustOf } from '../mail/trust.ts';
import { isLedgerFault } from '../store/ledger-fault.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import type { Decider, Decision, TextReader } from './arrival.ts';
import { advance, type Checkpoint } from './checkpoints.ts';
import { type Correspondents, noteSentMail } from './correspondents.ts';
import { isHistory, isOlder } from './history.ts';
import { joinThreads } from './join-threads.ts';
import { knownMessages, knownThreads, knownWays, ownMessageIds } from './ledger-lookups.ts';
import { insertArrivals, insertContent, insertPlaces, type NewArrival } from './ledger-writes.ts';
import { firstOfEach, type Read, readOne, toldApart } from './read-mail.ts';

const AT_ONE_GO = 50; // more mails take some milliseconds for each step: others have their turn in between
const INGEST_ATTEMPTS = 3; // a message that cannot be understood three times will not be understood

export interface IngestParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  log: Logger;
  decider: Decider;
  /** Whom each account has written to; where absent, nobody is known. */
  correspondents?: Pick<Correspondents, 'of'>;
}

export interface Taken {
  /** Messages that were new to the ledger. */
  added: number;
  /** Messages that were known and were found at another place. */
  recognised: number;
}

export class Ingest {
  readonly #parts: IngestParts;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Where what was written down is told on. */
  get bus(): Bus {
    return this.#parts.bus;
  }

  /**
   * @param advanceTo the UID up to which the mailbox is done when this batch is; null leaves the checkpoint
   * @param readText reads text on the same connection, or null where the connection is busy with the fetch
   */
  async take(
    account: Account,
    checkpoint: Checkpoint,
    batch: readonly FetchedMessage[],
    advanceTo: number | null,
    readText: TextReader | null,
  ): Promise<Taken> {
    try {
      return await this.#takeBatch(account, checkpoint, batch, advanceTo, readText);
    } catch (error) {
      if (isLedgerFault(error)) throw error; // no mail of it is to blame
      const text = explain(error);
      this.#parts.log.warn(
        { messages: batch.length, error: text },
        'a batch failed: its mails are taken one by one',
      );
      return this.#takeEach(account, checkpoint, batch, advanceTo, readText);
    }
  }

  /**
   * Takes the messages of a batch in transactions of their own, and puts aside the one that fails. Where the ledger is
   * at fault, putting aside fails too, and nothing is passed over.
   */
  async #takeEach(
    account: Account,
    checkpoint: Checkpoint,
    batch: readonly FetchedMessage[],
    advanceTo: number | null,
    readText: TextReader | null,
  ): Promise<Taken> {
    const { store, clock, log } = this.#parts;
    const total: Taken = { added: 0, recognised: 0 };
    for (const message of [...batch].sort((a, b) => a.uid - b.uid)) {
      const upTo = advanceTo === null ? null : message.uid;
      try {
        const taken = await this.#takeBatch(account, checkpoint, [message], upTo, readText);
        total.added += taken.added;
        total.recognised += taken.recognised;
      } catch (error) {
        if (isLedgerFault(error)) throw error;
        await store.write(async (tx) => {
          await this.#putAside(tx, checkpoint, message.uid);
          if (upTo !== null) await advance(tx, checkpoint, upTo, clock.now(), 1);
        });
        log.error(
          {
            uid: message.uid,
            mailbox: checkpoint.mailbox,
            error: error instanceof Error ? error.stack : String(error),
          },
          'a message could not be taken in: it is put aside',
        );
      }
    }
    if (advanceTo !== null) await store.write((tx) => advance(tx, checkpoint, advanceTo, clock.now()));
    return total;
  }

  async #putAside(tx: Tx, { accountId, mailbox, uidValidity }: Checkpoint, uid: number): Promise<void> {
    const payload = { account_id: accountId, mailbox, uid_validity: uidValidity, uid };
    await this.#parts.jobs.enqueue(tx, 'message.ingest', payload, { maxAttempts: INGEST_ATTEMPTS });
  }

  async #takeBatch(
    account: Account,
    checkpoint: Checkpoint,
    batch: readonly FetchedMessage[],
    advanceTo: number | null,
    readText: TextReader | null,
  ): Promise<Taken> {
    const { store, jobs, clock, bus, decider } = this.#parts;
    const now = clock.now();
    const pause = batch.length > AT_ONE_GO ? turn : async () => undefined;
    const { read, failed } = this.#readAll(checkpoint, batch);
    await pause();
    const knownOf = (some: readonly Read[], db: Reader = store.db) =>
      knownMessages(
        db,
        account.id,
        some.map((one) => one.fingerprint),
      );
    const known = await knownOf(read);
    const apart = toldApart(read, await knownWays(store.db, account.id, [...known.keys()]));
    for (const [fingerprint, id] of await knownOf(apart)) known.set(fingerprint, id);
    const fresh = firstOfEach(
      read.filter((one) => !known.has(one.fingerprint) && !isHistory(one, checkpoint)),
    );
    const arrivals = await this.#understand(account, checkpoint.mailbox, fresh, now);
    await pause();
    const decisions = new Map<NewArrival, Decision>();
    const contents = new Map<NewArrival, MailContent>();
    for (const arrival of arrivals) {
      const decision = decider.decide(arrival);
      if (!decision) continue;
      decisions.set(arrival, decision);
      const content = decision.wantsText && readText ? await readText(arrival.uid, arrival.metadata) : null;
      if (!content) continue;
      contents.set(arrival, content);
      if (!decision.hangsOnText) continue;
      const again = decider.decide(arrival, content);
      if (again) decisions.set(arrival, again);
      else decisions.delete(arrival);
    }
    await pause();

    return store.write(async (tx) => {
      for (const arrival of await joinThreads(tx, account, arrivals)) {
        const decision = decider.decide(arrival, contents.get(arrival)); // a rule may ask for replies, or for new threads
        if (decision) decisions.set(arrival, decision);
        else decisions.delete(arrival);
      }
      // Another watcher of the same account may have been faster; what it took in is not new any more.
      const inserted = await insertArrivals(tx, arrivals, now);
      for (const arrival of inserted) known.set(arrival.fingerprint, arrival.id);
      await noteSentMail(tx, inserted, now);
      if (inserted.length < arrivals.length) {
        for (const [fingerprint, id] of await knownOf(fresh, tx)) known.set(fingerprint, id);
        // One that only has the same fingerprint is taken once more: then it is told apart.
        const ways = await knownWays(
          tx,
          account.id,
          fresh.map((one) => one.fingerprint),
        );
        for (const one of fresh) {
          if (ways.get(one.fingerprint) === wayOf(one.metadata)) continue;
          known.delete(one.fingerprint);
          failed.push(one.message.uid);
        }
      }
      const places = read.flatMap((one) => {
        const messageId = known.get(one.fingerprint);
        return messageId === undefined ? [] : [{ uid: one.message.uid, messageId, flags: one.message.flags }];
      });
      await insertPlaces(tx, checkpoint, places);
      for (const arrival of inserted) {
        if (mayBeReport(arrival.kind, arrival.metadata)) {
          await jobs.enqueue(tx, 'report.read', { message_id: arrival.id }, { pool: reportPool(account.id) });
        }
        const decision = decisions.get(arrival);
        if (!decision) continue;
        const content = contents.get(arrival) ?? null;
        if (content) await insertContent(tx, arrival.id, content);
        await decider.record(tx, arrival, decision, content);
      }
      for (const uid of failed) await this.#putAside(tx, checkpoint, uid);
      if (advanceTo !== null) await advance(tx, checkpoint, advanceTo, now, batch.length);
      afterCommit(tx, () => {
        for (const arrival of inserted) {
          bus.publish('message.received', {
            message_id: arrival.id,
            account_id: account.id,
            thread_id: arrival.threadId,
          });
        }
      });
      return { added: inserted.length, recognised: places.length - inserted.length };
    });
  }

  /** Takes in one message that failed before. @throws what makes it hard to understand */
  async takeOne(account: Account, checkpoint: Checkpoint, message: FetchedMessage): Promise<void> {
    readOne(message);
    await this.#takeBatch(account, checkpoint, [message], null, null);
  }

  /** One message that cannot be understood must not hold up the others: it is put aside as a job of its own. */
  #readAll(checkpoint: Checkpoint, batch: readonly FetchedMessage[]): { read: Read[]; failed: number[] } {
    const read: Read[] = [];
    const failed: number[] = [];
    for (const message of batch) {
      try {
        read.push(readOne(message));
      } catch (error) {
        if (isOlder(message, checkpoint)) continue;
        failed.push(message.uid);
        this.#parts.log.error(
          { uid: message.uid, error: explain(error) },
          'a message could not be understood',
        );
      }
    }
    return { read, failed };
  }

  async #understand(
    account: Account,
    mailbox: string,
    fresh: readonly Read[],
    now: number,
  ): Promise<NewArrival[]> {
    if (fresh.length === 0) return [];
    const { store } = this.#parts;
    const references = fresh.map((one) => threadKeys(one.metadata, one.message.threadId));
    const ownIds = fresh.flatMap((one) => one.metadata.message_id ?? []);
    const threads = await knownThreads(store.db, account.id, [...ownIds, ...references.flat()]);
    const sentByUs = await ownMessageIds(store.db, ownIds);
    const people = (await this.#parts.correspondents?.of(account)) ?? null;
    const own = { addresses: [account.settings.address], isOwnMessageId: (id: string) => sentByUs.has(id) };

    return fresh.map((one, at) => {
      const { message_id: messageId } = one.metadata;
      const related = references[at] ?? [];
      const knownAs = [...(messageId ? [messageId] : []), ...related];
      const found = knownAs.map((id) => threads.get(id)).find((id) => id !== undefined);
      const threadId = found ?? newId('thr', now);
      for (const id of knownAs) if (!threads.has(id)) threads.set(id, threadId);
      const { kind, reason } = kindOf(one.metadata, own);
      return {
        id: newId('msg', now),
        uid: one.message.uid,
        fingerprint: one.fingerprint,
        references: knownAs,
        account,
        mailbox,
        threadId,
        isReply: found !== undefined,
        kind,
        kindReason: reason,
        trust: trustOf(one.metadata, account.settings.authserv_id ?? null, people),
        flags: one.message.flags,
        arrivedAt: one.message.internalDate,
        metadata: one.metadata,
      } satisfies NewArrival;
    });
  }
}
