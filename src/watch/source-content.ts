// What a consumer gets of a message beside its metadata: nothing, its text, its bytes, or an event made of it, each up to a
// limit.
import type { MailContent, MailMetadata } from '../contracts/mail.ts';
import { ask, withSelected } from '../imap/ask.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type FetchedMessage, fetchParts } from '../imap/fetch.ts';
import type { Place } from '../imap/operations.ts';
import { type MailboxState, readUids } from '../imap/read-range.ts';
import { codeOf } from '../kernel/errors.ts';
import { decodeBodies } from '../mail/parse.ts';
import { readPartsOf } from '../mail/structure.ts';

const GROUP_RAW_BYTES = 4 * 1024 * 1024; // of bytes that are held at once; and one message at the least

/** A message written down as an event, to be read while it is the consumer's turn. */
export interface WrittenEvent {
  readonly bytes: number;
  /** Each piece is there only until the next is asked for. */
  open(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export interface FoundMessage {
  message: FetchedMessage;
  metadata: MailMetadata;
}

/** @throws PosternError `message_gone`, and those of reading */
export type WriteEvent = (
  connection: ImapConnection,
  place: Place,
  found: FoundMessage,
  signal: AbortSignal,
) => Promise<WrittenEvent>;

export interface ContentOptions {
  content: 'metadata' | 'text' | 'raw' | 'event';
  /** Makes the events, where the content is one. */
  writeEvent?: WriteEvent;
  /** Octets of each text part or of the raw message. */
  maxBodyBytes: number;
}

interface Content {
  text: MailContent | null;
  raw: Buffer | null;
  event: WrittenEvent | null;
  truncated: boolean;
}

export type SourceMessage = FoundMessage & Content;

/** Octets of the content, roughly. */
export const contentBytes = ({ raw, text, event }: Content): number =>
  (raw?.length ?? 0) + (text ? text.text.length + (text.html?.length ?? 0) : 0) + (event?.bytes ?? 0);

const NO_CONTENT: Content = { text: null, raw: null, event: null, truncated: false };
/** Failures that lie in the mail: whoever waits for them to pass waits for ever, and all mail behind it too. */
const UNREADABLE = new Set(['mail_too_complex', 'mail_too_large']);
/** A server that gives less than it announces may be interrupted; one that does it so often will go on to. */
const CUT_SHORT_AT_MOST = 3;

type Use = <T>(work: (connection: ImapConnection) => Promise<T>) => Promise<T>;

export class SourceContent {
  readonly #use: Use;
  readonly #options: ContentOptions;
  readonly #signal: AbortSignal;
  /** The message that came cut short last, and how often in a row. */
  #cut = { uid: 0, times: 0 };

  constructor(use: Use, options: ContentOptions, signal: AbortSignal) {
    this.#use = use;
    this.#options = options;
    this.#signal = signal;
  }

  /** UIDs whose bytes are read in one command; without bytes, all at once. */
  *groups(uids: readonly number[], sizeOf: (uid: number) => number): Generator<number[]> {
    let group: number[] = [];
    let bytes = 0;
    for (const uid of uids) {
      const size = this.#options.content === 'raw' ? Math.min(sizeOf(uid), this.#options.maxBodyBytes) : 0;
      if (group.length > 0 && bytes + size > GROUP_RAW_BYTES) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(uid);
      bytes += size;
    }
    if (group.length > 0) yield group;
  }

  async raws(state: MailboxState, uids: readonly number[]): Promise<Map<number, Buffer>> {
    if (this.#options.content !== 'raw') return new Map();
    const { messages } = await this.#use((connection) =>
      readUids(connection, state, uids, this.#options.maxBodyBytes, this.#signal),
    );
    return new Map(messages.map(({ message, raw }) => [message.uid, raw ?? Buffer.alloc(0)]));
  }

  /** Null where the message is gone; `unreadable` where the mail itself is why its content cannot be had. */
  async of(
    state: MailboxState,
    found: FoundMessage,
    raws: ReadonlyMap<number, Buffer>,
  ): Promise<Content | 'unreadable' | null> {
    const { content, maxBodyBytes, writeEvent } = this.#options;
    if (content === 'metadata') return NO_CONTENT;
    const { message } = found;
    if (content === 'raw') {
      const raw = raws.get(message.uid);
      if (!raw) return null;
      return { ...NO_CONTENT, raw, truncated: raw.length >= maxBodyBytes && message.size > raw.length };
    }
    try {
      if (content === 'text' || !writeEvent) return await this.#text(state, found);
      const place = { mailbox: state.mailbox, uidValidity: state.uidValidity, uid: message.uid };
      const event = await this.#use((connection) => writeEvent(connection, place, found, this.#signal));
      return { ...NO_CONTENT, event };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'message_gone') return null;
      if (UNREADABLE.has(code)) return 'unreadable';
      if (code === 'mail_cut_short' && this.#isCutAgain(message.uid)) return 'unreadable';
      throw error;
    }
  }

  async #text({ mailbox, uidValidity }: MailboxState, found: FoundMessage): Promise<Content | null> {
    const selecting = { write: false, uidValidity, signal: this.#signal };
    const parts = await this.#use((connection) =>
      withSelected(connection, mailbox, selecting, () =>
        ask(connection, 'fetch the text', () =>
          fetchParts(
            connection,
            found.message.uid,
            readPartsOf(found.metadata.parts),
            this.#options.maxBodyBytes,
          ),
        ),
      ),
    );
    if (parts === null) return null;
    const text = await decodeBodies(parts, found.metadata);
    return { ...NO_CONTENT, text, truncated: text.truncated };
  }

  #isCutAgain(uid: number): boolean {
    this.#cut = { uid, times: this.#cut.uid === uid ? this.#cut.times + 1 : 1 };
    return this.#cut.times >= CUT_SHORT_AT_MOST;
  }
}
