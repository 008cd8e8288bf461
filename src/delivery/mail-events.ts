// The events that the mailbox source hands out: the same as `post` sends, of any message of a mailbox, whether or not a
// watcher has seen it.
import { createHash } from 'node:crypto';
import type { Account } from '../accounts/accounts.ts';
import type { SourceConsumer, SourceOptions } from '../contracts/source.ts';
import { kindOf } from '../mail/kind.ts';
import { storedTrust, trustOf } from '../mail/trust.ts';
import type { Artifacts } from '../objects/artifacts.ts';
import type { Store } from '../store/store.ts';
import { idsAt } from '../watch/places.ts';
import type { WriteEvent } from '../watch/source-content.ts';
import { positionToken, type SourcePosition } from '../watch/source-position.ts';
import { writeEvent } from './event-body.ts';
import type { EventMessage } from './event-subject.ts';
import { Spool } from './spool.ts';

/** Of one event, about: as large as a mail with the largest attachments that `post` sends. */
const LARGEST_EVENT_BYTES = 256 * 1024 * 1024;
const NOBODY = { addresses: [], isOwnMessageId: () => false };

export interface MailEventsParts {
  store: Store;
  artifacts: Pick<Artifacts, 'stage' | 'keep' | 'find'>;
  /** Where large events are put together. */
  folder: string;
}

type WriterOptions = SourceOptions & { max_body_bytes: number; largestEventBytes?: number };

export class MailEvents {
  readonly #parts: MailEventsParts;

  constructor(parts: MailEventsParts) {
    this.#parts = parts;
  }

  /** Writes the events of a consumer. The same position always has the same event id. */
  writer(
    { id: accountId, settings }: Pick<Account, 'id' | 'settings'>,
    consumer: Pick<SourceConsumer, 'id' | 'name'>,
    options: WriterOptions,
  ): WriteEvent {
    const { artifacts, folder } = this.#parts;
    const { max_body_bytes, tags, journal, include_attachments } = options;
    const retentionDays = options.attachment_retention_days ?? null;
    return async (connection, place, { message, metadata }, signal) => {
      const spool = new Spool(folder);
      const { mailbox, uid, uidValidity } = place;
      const subject = {
        eventId: eventIdOf(consumer.id, place),
        account: { id: accountId, label: settings.label, address: settings.address },
        hostname: settings.imap.host,
        tags,
        arrivedAt: message.internalDate,
        about: { source: consumer.name, mailbox, uid, uid_validity: Number(uidValidity) },
        message: {
          trust: trustOf(metadata, settings.authserv_id ?? null),
          ...(await this.#seen(accountId, place)),
          date: metadata.date ?? message.internalDate,
          size: message.size,
          kind: kindOf(metadata, NOBODY).kind,
          metadata,
        },
      };
      try {
        await writeEvent(spool, artifacts, connection, place, subject, {
          limit: Math.min(max_body_bytes, settings.max_message_bytes),
          withContents: include_attachments || retentionDays !== null,
          retentionDays,
          journal,
          largestReadBytes: settings.max_message_bytes,
          largestEventBytes: options.largestEventBytes ?? LARGEST_EVENT_BYTES,
          signal,
        });
        return spool;
      } catch (error) {
        await spool.close();
        throw error;
      }
    };
  }

  /** What the ledger knows of the message, where a watcher has seen it. */
  async #seen(
    accountId: string,
    { mailbox, uid, uidValidity }: SourcePosition,
  ): Promise<Pick<EventMessage, 'id' | 'threadId'> & Partial<Pick<EventMessage, 'trust'>>> {
    const { db } = this.#parts.store;
    const id = (await idsAt(db, { accountId, mailbox, uidValidity }, [uid])).get(uid);
    const row =
      id === undefined
        ? undefined
        : await db
            .selectFrom('messages')
            .select(['id', 'thread_id', 'trust'])
            .where('id', '=', id)
            .executeTakeFirst();
    if (!row) return { id: null, threadId: null };
    return { id: row.id, threadId: row.thread_id, trust: storedTrust(row.trust) };
  }
}

const ID_CHARS = 26; // as other ids have

const eventIdOf = (consumerId: string, position: SourcePosition): string =>
  `evt_${createHash('sha256')
    .update(`${consumerId} ${positionToken(position)}`)
    .digest('hex')
    .slice(0, ID_CHARS)}`;
