// Sends one submission over SMTP: checks once more that it is what was approved, tries once, and writes down how that
// ended. Trying again is the outbox's matter, so the job ends with the attempt; it is repeated only when the ledger fails.
import type { Account } from '../accounts/accounts.ts';
import { digestOf } from '../drafts/composer.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Store } from '../store/store.ts';
import type { Cadence, Hold, Reservation } from './cadence.ts';
import { type SignMail, topLines } from './dkim.ts';
import type { HeldBack } from './held-back.ts';
import { waitsForItsTime, waitsForResume } from './held-mail.ts';
import { type Piece, storedMail } from './mail-content.ts';
import type { Attempt, Outbox, Outcome } from './outbox.ts';
import { loadToSend, type ToSend } from './outgoing.ts';
import type { AccountSource, SmtpPool } from './pool.ts';
import type { Delivery, SmtpConnection } from './smtp.ts';
import { withoutSuppressed } from './suppressed-recipients.ts';

export interface SenderParts {
  store: Store;
  outbox: Outbox;
  clock: Clock;
  accounts: AccountSource;
  blobs: Pick<Blobs, 'find'>;
  pool: SmtpPool;
  /** Signs by DKIM; without it mail leaves unsigned. */
  sign?: SignMail;
  cadence: Pick<Cadence, 'reserve'>;
  heldBack: Pick<HeldBack, 'hold'>;
  log: Logger;
  /** From 0 to 1, for the jitter of retries. */
  random?: () => number;
}

const LOOK_AGAIN_MS = 1_000; // what is counted by then says when there is room

interface Checked {
  account: Account;
  mail: Piece;
}

/** How an attempt ended. */
interface Ended {
  outcomes: Outcome[];
  connected: boolean;
}

export class Sender {
  readonly #parts: SenderParts;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** The job `submission.send`. @throws PosternError `lease_lost`, and what the ledger throws */
  async send(id: string, context: JobContext): Promise<void> {
    const { outbox, store } = this.#parts;
    let outgoing = await loadToSend(store.db, id, this.#parts.clock.now());
    const { row } = outgoing;
    if (await waitsForItsTime(this.#parts, row, context)) return;
    if (await waitsForResume(this.#parts, outgoing, context)) return;
    // `sending`: the process that sent it has died. Before any content left it is safe to send again.
    if (row.state === 'sending' && row.data_begun_at !== null) {
      await store.write(async (tx) => {
        await outbox.loseTrack(tx, outgoing);
        await context.finish(tx);
      });
      return;
    }
    if (row.state !== 'queued' && row.state !== 'sending') return;
    const left = await withoutSuppressed(this.#parts, outgoing, context);
    if (left === null) return;
    outgoing = left;
    const checked = await this.#check(outgoing);
    if (typeof checked === 'string') {
      this.#parts.log.warn({ submission: id, account: row.account_id }, `mail not sent: ${checked}`);
      await store.write(async (tx) => {
        await outbox.fail(tx, outgoing, checked);
        await context.finish(tx);
      });
      return;
    }
    const room = await this.#roomFor(outgoing, checked.account);
    if ('until' in room) return this.#parts.heldBack.hold(row, room, context);
    const { count } = room;
    try {
      const number = row.attempts + 1;
      const attempt: Attempt = { submission: row, number, signature: null, count, begun: false };
      const ended = await this.#attempt(outgoing, checked, attempt, context.signal);
      const files = checked.account.settings.sent_copy === 'append';
      await this.#conclude(attempt, ended, files, context);
    } catch (error) {
      if (codeOf(error) === 'limit_reached') return this.#lookAgain(context);
      // Somebody cancelled it before its content began: then nothing of it has left, and nothing is to be written.
      if (codeOf(error) !== 'lease_lost' || (await outbox.load(id)).row.state !== 'cancelled') throw error;
      await store.write((tx) => context.finish(tx));
    } finally {
      room.release();
    }
  }

  /** Another node took the last room while this one had the server on the line: the attempt does not count. */
  #lookAgain(context: JobContext): Promise<void> {
    const { store, clock } = this.#parts;
    return store.write((tx) => context.putOff(tx, clock.now() + LOOK_AGAIN_MS));
  }

  /** What is not to be tried at all takes no room. */
  async #roomFor(
    { row, recipients }: ToSend,
    { settings, ...account }: Account,
  ): Promise<Reservation | Hold> {
    if (!settings.active) return { release: () => undefined };
    const to = recipients.filter(({ state }) => state === 'queued').map(({ address }) => address);
    return this.#parts.cadence.reserve({ ...account, settings }, row.priority === 'bulk', to);
  }

  /** The account and the mail to send, or why this may not be sent at all. */
  async #check({ row, envelope, recipients, draft }: ToSend): Promise<Checked | string> {
    const { accounts, blobs } = this.#parts;
    const account = await orNull(accounts.get(row.account_id));
    if (!account) return 'The account was removed.';
    const blob = await orNull(blobs.find(row.raw_object_id));
    const stored = blob && (blob.bytes ?? (await orNull(blob.open())));
    if (!stored) return 'content_missing: the bytes of the mail are not there any more.';
    // Law 3: what leaves is what was approved. The rows that say to whom are held against it as well.
    const approved = draft?.state === 'approved' && draft.digest === row.digest;
    const sameRecipients =
      recipients.length === envelope.to.length &&
      recipients.every(({ address }, index) => address === envelope.to[index]);
    const isSame = approved && sameRecipients && (await digestOf(envelope, stored)) === row.digest;
    if (!Buffer.isBuffer(stored)) stored.destroy();
    if (!isSame) return 'digest_mismatch: this is not the mail that was approved.';
    const limit = account.settings.max_message_bytes;
    if (blob.size > limit)
      return `message_too_large: the mail has ${blob.size} bytes, and the account allows ${limit}.`;
    // The very bytes whose digest was taken; what is too large to hold is held against it once more as it leaves.
    const mail = blob.bytes ?? storedMail(blob, envelope, row.digest);
    return { account, mail };
  }

  /** Tries once. Null: it was stopped before any content left. */
  async #attempt(
    { row, envelope, recipients }: ToSend,
    { account, mail }: Checked,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<Ended | null> {
    const { outbox, sign } = this.#parts;
    const to = recipients.filter(({ state }) => state === 'queued').map(({ address }) => address);
    if (!account.settings.active) return noConnection(to, 'account_off', 'The account is switched off.');
    try {
      attempt.signature = (await sign?.(account, row.dated_at, mail)) ?? null;
      const top = topLines(attempt.signature, row.dated_at);
      const content = Buffer.isBuffer(mail) ? [Buffer.concat([top, mail])] : [top, mail];
      const { delivery_reports: wish } = account.settings;
      const reports = wish === 'off' ? undefined : { id: row.id, reports: wish };
      const send = (connection: SmtpConnection) =>
        connection.send(
          { from: envelope.from, to, reports },
          content,
          (refused) => outbox.begin(attempt, refused),
          signal,
        );
      const { recipients: all, response } = await this.#deliver(account, send, {
        signal,
        isUrgent: row.priority !== 'bulk',
      });
      if (all.every(({ failure }) => failure?.code === 'stopping')) return null;
      const lost = all.every(
        ({ failure }) => failure?.kind === 'temporary' && !['deferred', 'closing'].includes(failure.code),
      );
      return { outcomes: all.map((each) => ({ ...each, response })), connected: !lost };
    } catch (error) {
      if (!(error instanceof PosternError) || !isOfConnection(error)) throw error;
      if (error.code === 'stopping') return null;
      return noConnection(to, error.code, error.hint ? `${error.message} ${error.hint}` : error.message);
    }
  }

  /** A connection that was used before may be dead without a sign, or hold an answer too many: only then another is tried at once. */
  async #deliver(
    account: Account,
    send: (connection: SmtpConnection) => Promise<Delivery>,
    use: { signal: AbortSignal; isUrgent: boolean },
  ): Promise<Delivery> {
    const { pool } = this.#parts;
    let reused = false;
    const delivery = await pool.use(
      account,
      (connection) => {
        reused = connection.mails > 0;
        return send(connection);
      },
      use,
    );
    const wasDead = delivery.recipients.every(
      ({ failure }) =>
        failure?.kind === 'temporary' && ['connection_lost', 'closing', 'out_of_step'].includes(failure.code),
    );
    return reused && wasDead ? pool.use(account, send, { ...use, fresh: true }) : delivery;
  }

  async #conclude(attempt: Attempt, ended: Ended | null, files: boolean, context: JobContext): Promise<void> {
    const { outbox, clock, log, random = Math.random } = this.#parts;
    const write = (finish: boolean) =>
      outbox.write(async (tx) => {
        if (ended)
          await outbox.conclude(tx, attempt, ended.outcomes, {
            connected: ended.connected,
            files,
            random: random(),
          });
        else if (attempt.begun) await outbox.putBack(tx, attempt);
        else return context.putOff(tx, clock.now()); // as if it had not been taken
        if (finish) await context.finish(tx);
      });
    try {
      await write(true);
    } catch (error) {
      // The job was taken over while the server was thinking. What it answered is still the truth about this attempt.
      if (codeOf(error) !== 'lease_lost' || !ended?.outcomes.some(isSettled)) throw error;
      log.warn(
        { submission: attempt.submission.id, attempt: attempt.number },
        'the job was taken over while its mail was on the way',
      );
      await write(false);
    }
  }
}

const isSettled = ({ failure }: Outcome): boolean => failure === null || failure.kind === 'permanent';

/** Errors of the ledger and lost leases are the job's; all others of ours are about the connection or the sign-in. */
const isOfConnection = (error: PosternError): boolean =>
  !['lease_lost', 'ledger_stuck', 'internal', 'limit_reached'].includes(error.code);

function noConnection(to: readonly string[], code: string, text: string): Ended {
  const failure = { kind: 'temporary', code, text } as const;
  return { outcomes: to.map((address) => ({ address, failure, response: null })), connected: false };
}

/** Null for what is not there. */
async function orNull<T>(loading: Promise<T>): Promise<T | null> {
  try {
    return await loading;
  } catch (error) {
    if (codeOf(error) === 'not_found') return null;
    throw error;
  }
}
