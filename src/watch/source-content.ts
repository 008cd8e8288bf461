// What a consumer gets of a message beside its metadata: nothing, its text, or its bytes, each up to a limit.
import type { MailContent, MailMetadata } from '../contracts/mail.ts';
import { ask, withSelected } from '../imap/ask.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type FetchedMessage, fetchParts } from '../imap/fetch.ts';
import { type MailboxState, readUids } from '../imap/read-range.ts';
import { codeOf } from '../kernel/errors.ts';
import { decodeBodies } from '../mail/parse.ts';
import { textPartsOf } from '../mail/structure.ts';

const GROUP_RAW_BYTES = 4 * 1024 * 1024; // of bytes that are held at once; and one message at the least

export interface ContentOptions {
  content: 'metadata' | 'text' | 'raw';
  /** Octets of each text part or of the raw message. */
  maxBodyBytes: number;
}

export interface SourceMessage {
  message: FetchedMessage;
  metadata: MailMetadata;
  text: MailContent | null;
  raw: Buffer | null;
  truncated: boolean;
}

/** Octets of the content, roughly. */
export const contentBytes = ({ raw, text }: Pick<SourceMessage, 'raw' | 'text'>): number =>
  (raw?.length ?? 0) + (text === null ? 0 : text.text.length + (text.html?.length ?? 0));

type Use = <T>(work: (connection: ImapConnection) => Promise<T>) => Promise<T>;

export class SourceContent {
  readonly #use: Use;
  readonly #options: ContentOptions;
  readonly #signal: AbortSignal;

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

  /** Null where the message is gone. */
  async of(
    { mailbox, uidValidity }: MailboxState,
    { message, metadata }: { message: FetchedMessage; metadata: MailMetadata },
    raws: ReadonlyMap<number, Buffer>,
  ): Promise<Pick<SourceMessage, 'text' | 'raw' | 'truncated'> | null> {
    const { content, maxBodyBytes } = this.#options;
    if (content === 'metadata') return { text: null, raw: null, truncated: false };
    if (content === 'raw') {
      const raw = raws.get(message.uid);
      if (!raw) return null;
      return { text: null, raw, truncated: raw.length >= maxBodyBytes && message.size > raw.length };
    }
    const selecting = { write: false, uidValidity, signal: this.#signal };
    try {
      const parts = await this.#use((connection) =>
        withSelected(connection, mailbox, selecting, () =>
          ask(connection, 'fetch the text', () =>
            fetchParts(connection, message.uid, textPartsOf(metadata.parts), maxBodyBytes),
          ),
        ),
      );
      if (parts === null) return null;
      const text = await decodeBodies(parts);
      return { text, raw: null, truncated: text.truncated };
    } catch (error) {
      if (codeOf(error) === 'message_gone') return null;
      throw error;
    }
  }
}
