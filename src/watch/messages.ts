// Messages as people and agents read them: rows of the ledger, with text and attachments fetched when asked for.
import { Readable } from 'node:stream';
import type { ExpressionBuilder, Selectable } from 'kysely';
import type {
  AttachmentView,
  MailMetadata,
  MessageDetail,
  MessageView,
  UnpackedFile,
} from '../contracts/mail.ts';
import { readParts, streamPart } from '../imap/operations.ts';
import { notFound } from '../kernel/errors.ts';
import { unpackFile } from '../mail/parse.ts';
import {
  attachmentName,
  attachmentsOf,
  decodedSizeOf,
  isInline,
  isTnef,
  MAX_TNEF_OCTETS,
} from '../mail/structure.ts';
import { decodeTransferStream } from '../mail/transfer-stream.ts';
import { storedTrust } from '../mail/trust.ts';
import type { Database, MessagesTable } from '../store/schema.ts';
import { type MessageSearch, searchMessages } from './search-messages.ts';
import { atAnyPlace, type TextParts, textOf } from './text.ts';

export interface MessageFilter {
  account?: string | undefined;
  thread?: string | undefined;
  limit: number;
  /** Only messages that came into the ledger before this id: pages go from the newest to the oldest. */
  before?: string | undefined;
}

type Row = Selectable<MessagesTable> & {
  mailbox: string;
  uid: number;
  flags: string | null;
  gone_at: number | null;
};
type Decisions = Map<string, MessageView['decisions']>;

export class Messages {
  readonly #parts: TextParts;

  constructor(parts: TextParts) {
    this.#parts = parts;
  }

  async list(filter: MessageFilter): Promise<MessageView[]> {
    let query = this.#rows().orderBy('messages.id', 'desc').limit(filter.limit);
    if (filter.account !== undefined) query = query.where('messages.account_id', '=', filter.account);
    if (filter.thread !== undefined) query = query.where('messages.thread_id', '=', filter.thread);
    if (filter.before !== undefined) query = query.where('messages.id', '<', filter.before);
    const rows = await query.execute();
    const decisions = await this.#decisions(rows.map(({ id }) => id));
    return rows.map((row) => viewOf(row, decisions));
  }

  /** Those that hold all words of the query, the newest first, and where to go on. */
  async search(
    search: MessageSearch,
    signal: AbortSignal,
  ): Promise<{ data: MessageView[]; next: string | null }> {
    const { ids, next } = await searchMessages(this.#parts.store, search, signal);
    if (ids.length === 0) return { data: [], next };
    const rows = await this.#rows().where('messages.id', 'in', ids).orderBy('messages.id', 'desc').execute();
    const decisions = await this.#decisions(ids);
    return { data: rows.map((row) => viewOf(row, decisions)), next };
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<MessageView> {
    return viewOf(await this.#row(id), await this.#decisions([id]));
  }

  /** With headers and text, which is fetched over IMAP the first time. @throws PosternError `message_gone` */
  async detail(id: string): Promise<MessageDetail> {
    const row = await this.#row(id);
    const metadata = JSON.parse(row.metadata) as MailMetadata;
    const content = await textOf(this.#parts, { id, accountId: row.account_id, metadata });
    const decisions = await this.#decisions([id]);
    const { unpacked, ...text } = content;
    const view = viewOf(row, decisions, metadata);
    const attachments = [...view.attachments, ...unpackedViews(id, unpacked)];
    return { ...view, attachments, headers: metadata.headers, ...text };
  }

  /** Streams an attachment, decoded, into `consume`. @throws PosternError `not_found`, `message_gone` */
  async attachment<T>(
    messageId: string,
    attachmentId: string,
    consume: (file: AttachmentView, stream: Readable) => Promise<T>,
  ): Promise<T> {
    const row = await this.#row(messageId);
    const metadata = JSON.parse(row.metadata) as MailMetadata;
    const at = attachmentViews(messageId, metadata).findIndex((view) => view.id === attachmentId);
    const part = attachmentsOf(metadata.parts)[at];
    const view = attachmentViews(messageId, metadata)[at];
    if (!part || !view) return this.#unpacked(row, metadata, attachmentId, consume);
    return atAnyPlace(this.#parts, { id: messageId, accountId: row.account_id }, (connection, place) =>
      streamPart(connection, place, part, decodeTransferStream, (stream) => consume(view, stream)),
    );
  }

  /** A file inside of a winmail.dat, which is read and opened as a whole. */
  async #unpacked<T>(
    { id, account_id: accountId }: Row,
    metadata: MailMetadata,
    attachmentId: string,
    consume: (file: AttachmentView, stream: Readable) => Promise<T>,
  ): Promise<T> {
    const part = metadata.parts.find(
      (one) => isTnef(one) && attachmentId.startsWith(`${partId(id, one.path)}-t`),
    );
    if (!part) throw notFound('attachment', attachmentId);
    const { unpacked } = await textOf(this.#parts, { id, accountId, metadata });
    const index = unpackedViews(id, unpacked).findIndex((one) => one.id === attachmentId);
    const view = unpackedViews(id, unpacked)[index];
    if (!view) throw notFound('attachment', attachmentId);
    const [found] = await atAnyPlace(this.#parts, { id, accountId }, (connection, place) =>
      readParts(connection, place, [part], MAX_TNEF_OCTETS),
    );
    const octets = found ? await unpackFile(part, found.bytes, index) : null;
    if (!octets) throw notFound('attachment', attachmentId);
    return consume(view, Readable.from([octets]));
  }

  async #row(id: string): Promise<Row> {
    const row = await this.#rows().where('messages.id', '=', id).executeTakeFirst();
    if (!row) throw notFound('message', id);
    return row;
  }

  /** What the rules made of messages, by message. */
  async #decisions(ids: readonly string[]): Promise<Decisions> {
    if (ids.length === 0) return new Map();
    const rows = await this.#parts.store.db
      .selectFrom('decisions')
      .selectAll()
      .where('message_id', 'in', ids)
      .orderBy('created_at')
      .orderBy('rule')
      .execute();
    const found: Decisions = new Map();
    for (const { message_id: id, rule, actions, suppressed, created_at: at } of rows) {
      const decision = { rule, actions: JSON.parse(actions) as Record<string, unknown>[], suppressed, at };
      found.set(id, [...(found.get(id) ?? []), decision]);
    }
    return found;
  }

  /** With the place where the message lies, or the last one from which it went. */
  #rows() {
    return this.#parts.store.db
      .selectFrom('messages')
      .selectAll('messages')
      .select((eb) => [
        eb.fn.coalesce(placed(eb, 'mailbox'), eb.val('')).as('mailbox'),
        eb.fn.coalesce(placed(eb, 'uid'), eb.val(0)).as('uid'),
        placed(eb, 'flags').as('flags'),
        placed(eb, 'gone_at').as('gone_at'),
      ]);
  }
}

const placed = <C extends 'mailbox' | 'uid' | 'flags' | 'gone_at'>(
  eb: ExpressionBuilder<Database, 'messages'>,
  column: C,
) =>
  eb
    .selectFrom('locations')
    .select(column)
    .whereRef('locations.message_id', '=', 'messages.id')
    .orderBy((of) => of('gone_at', 'is not', null))
    .orderBy('uid', 'desc')
    .limit(1);

const partId = (messageId: string, path: string): string =>
  `att_${messageId.slice('msg_'.length)}_${path.replaceAll('.', '-')}`;

/** The same of files inside of a winmail.dat: they are known once the text was read. */
export const unpackedViews = (messageId: string, files: readonly UnpackedFile[]): AttachmentView[] =>
  files.map(({ path, ...file }) => ({ id: partId(messageId, path), ...file, inline: false }));

/** Ids of attachments name the message and the MIME part, so that they need no table. */
export function attachmentViews(messageId: string, metadata: MailMetadata): AttachmentView[] {
  return attachmentsOf(metadata.parts).map((part) => ({
    id: partId(messageId, part.path),
    filename: attachmentName(part),
    content_type: part.type,
    size: decodedSizeOf(part),
    content_id: part.content_id,
    inline: isInline(part),
  }));
}

function viewOf(
  row: Row,
  decisions: Decisions,
  metadata = JSON.parse(row.metadata) as MailMetadata,
): MessageView {
  return {
    id: row.id,
    account_id: row.account_id,
    thread_id: row.thread_id,
    mailbox: row.mailbox,
    uid: row.uid,
    flags: row.flags === null ? [] : (JSON.parse(row.flags) as string[]),
    gone: row.gone_at !== null,
    message_id: row.message_id,
    from: metadata.from,
    reply_to: metadata.reply_to,
    to: metadata.to,
    cc: metadata.cc,
    subject: row.subject,
    date: new Date(row.date).toISOString(),
    size: row.size,
    kind: row.kind as MessageView['kind'],
    trust: storedTrust(row.trust),
    attachments: attachmentViews(row.id, metadata),
    decisions: decisions.get(row.id) ?? [],
  };
}
