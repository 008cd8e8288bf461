// Proves who sent a message, once: its octets are streamed from the IMAP server, its signatures are checked, and what
// was found is kept in the ledger. Only where something hangs on it, for it needs the whole message and the DNS, which
// may be slow or hang: always as a job or a part of one, never while a mailbox is read, so that no other mail waits.
import type { Accounts } from '../accounts/accounts.ts';
import type { MailMetadata, Trust } from '../contracts/mail.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { Place } from '../imap/operations.ts';
import { streamMessage } from '../imap/read-message.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { fingerprintOf, fingerprintOfWay, wayOf } from '../mail/fingerprint.ts';
import { metadataOf } from '../mail/metadata.ts';
import type { Authenticity } from '../mail/trust/authenticate.ts';
import { checkedTrust, uncheckedTrust, unprovable } from '../mail/trust/level.ts';
import { MailShape } from '../mail/trust/mail-shape.ts';
import type { ProofThread } from '../mail/trust/proof-thread.ts';
import { storedTrust } from '../mail/trust.ts';
import { doubtfulOwn } from './own-mail.ts';
import { atAnyPlace, type TextParts } from './text.ts';

const LONGEST_BACK_MS = 7 * 24 * 3_600_000; // a mail may be found days after it came; one that is imported may say any date
const MOST_IN_THREAD = 20; // an agent is shown as many of a thread

export interface ProofParts extends TextParts {
  accounts: Pick<Accounts, 'get'>;
  thread: Pick<ProofThread, 'begin'>;
  clock: Clock;
  log: Logger;
}

export interface ProveOptions {
  /** Where something cannot be asked now: whether that is the end of it, or an error that is worth another try. */
  isLast: boolean;
  signal: AbortSignal;
}

interface Subject {
  id: string;
  accountId: string;
  arrivedAt: number;
  fingerprint: string;
  trust: Trust;
  metadata: MailMetadata;
}

export class Proofs {
  readonly #parts: ProofParts;

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /**
   * What can be known of who sent a message. What was found before is not looked for again.
   * @throws PosternError `proof_pending` where the DNS failed and it is not the last try, and those of connecting
   */
  async prove(messageId: string, options: ProveOptions): Promise<Trust> {
    const { store } = this.#parts;
    const row = await store.db
      .selectFrom('messages')
      .select(['id', 'account_id', 'arrived_at', 'fingerprint', 'trust', 'metadata'])
      .where('id', '=', messageId)
      .executeTakeFirst();
    if (!row) throw new PosternError('message_gone', `The message ${messageId} is not in the ledger.`);
    const subject = {
      id: row.id,
      accountId: row.account_id,
      arrivedAt: row.arrived_at,
      fingerprint: row.fingerprint,
      trust: storedTrust(row.trust),
      metadata: JSON.parse(row.metadata) as MailMetadata,
    };
    if (subject.trust.checked || unprovable(subject.metadata) !== null) return subject.trust;
    const trust = await this.#check(subject, options);
    await store.write(async (tx) => {
      await tx
        .updateTable('messages')
        .set({ trust: JSON.stringify(trust) })
        .where('id', '=', messageId)
        .execute();
    });
    return trust;
  }

  /** Proves the mails of a thread that are not: as long as each of them can be proved. */
  async proveThread(threadId: string, options: ProveOptions): Promise<void> {
    const rows = await this.#parts.store.db
      .selectFrom('messages')
      .select(['id', 'trust'])
      .where('thread_id', '=', threadId)
      .where('kind', '<>', 'own')
      .orderBy('date', 'desc')
      .limit(MOST_IN_THREAD)
      .execute();
    const doubtful = (await doubtfulOwn(this.#parts.store.db, threadId)).slice(0, MOST_IN_THREAD);
    for (const row of [...rows, ...doubtful]) {
      const trust = typeof row.trust === 'string' ? storedTrust(row.trust) : row.trust;
      if (trust.level !== 'unverified') continue;
      if ((await this.prove(row.id, options)).level === 'unverified') return;
    }
  }

  async #check(subject: Subject, { isLast, signal }: ProveOptions): Promise<Trust> {
    const { trust, metadata } = subject;
    const { settings } = await this.#parts.accounts.get(subject.accountId);
    try {
      const found = await this.#authenticate(subject, settings.max_message_bytes, signal);
      if (!found.temporary) return checkedTrust(trust, found, metadata);
      if (isLast) return uncheckedTrust(trust, found.reason, false);
      throw new PosternError('proof_pending', `It is not known who sent the mail: ${found.reason}.`, {
        retry: 'later',
      });
    } catch (error) {
      const isFinal = isLast || retryOf(error) === 'never';
      if (!(error instanceof PosternError) || !isFinal || signal.aborted) throw error;
      this.#parts.log.info(
        { message: subject.id, code: codeOf(error) },
        `the signatures of a mail were not checked: ${explain(error)}`,
      );
      return uncheckedTrust(trust, error.message.replace(/\.$/, ''), retryOf(error) === 'never');
    }
  }

  async #authenticate(subject: Subject, maxBytes: number, signal: AbortSignal): Promise<Authenticity> {
    const { thread, clock } = this.#parts;
    const at = Math.max(Math.min(subject.arrivedAt, clock.now()), clock.now() - LONGEST_BACK_MS);
    return atAnyPlace(this.#parts, subject, async (connection, place) => {
      const proof = await thread.begin(at);
      try {
        const headers = await this.#stream(connection, place, maxBytes, signal, proof.write);
        this.#demandSame(subject, headers, place);
        return { end: proof.end, close: proof.close };
      } catch (error) {
        proof.close();
        throw goneOf(error, place);
      }
    }).then(async ({ end, close }) => {
      // Its records are looked up once the connection is free for others.
      try {
        return await end();
      } finally {
        close();
      }
    });
  }

  /** @returns the header block */
  async #stream(
    connection: ImapConnection,
    place: Place,
    maxBytes: number,
    signal: AbortSignal,
    write: (octets: Buffer) => Promise<void>,
  ): Promise<Buffer> {
    const shape = new MailShape();
    await streamMessage(connection, place, maxBytes, signal, async (stream) => {
      for await (const piece of stream as AsyncIterable<Buffer>) {
        shape.add(piece);
        await write(piece);
      }
    });
    return shape.headers();
  }

  /** What is proved has to be what was taken in, and what rules and agents look at. */
  #demandSame({ fingerprint, metadata, arrivedAt }: Subject, headers: Buffer, { mailbox }: Place): void {
    const read = metadataOf({ headers, bodyStructure: undefined, size: metadata.size });
    const way = wayOf(metadata);
    const found = fingerprintOf(read, arrivedAt);
    const isSame = found === fingerprint || fingerprintOfWay(found, way) === fingerprint;
    if (isSame && wayOf(read) === way) return;
    throw new PosternError('message_changed', `The message in ${mailbox} is not the one that was taken in.`);
  }
}

/** Elsewhere the message may still be: the next of its places is looked at. */
function goneOf(error: unknown, { mailbox }: Place): unknown {
  if (!['uid_validity_changed', 'mailbox_missing'].includes(codeOf(error))) return error;
  return new PosternError('message_gone', `The message is no longer in ${mailbox}.`, { cause: error });
}
