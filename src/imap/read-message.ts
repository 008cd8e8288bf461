// Reading one message by its place: what is known of it, its text parts, or its bytes up to a limit. Never marks it as
// seen.
import { Readable } from 'node:stream';
import type { MailPart } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import { ask, withSelected } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { type FetchedMessage, type FetchedPart, fetchedMessage, fetchOf, fetchParts } from './fetch.ts';
import { type FoundPlace, gone, type MessagePlace } from './message-changes.ts';
import { openSection } from './section-stream.ts';

export interface ReadMessage {
  place: FoundPlace;
  message: FetchedMessage;
  parts: FetchedPart[];
  /** The first octets, where they were asked for. */
  raw: Buffer | null;
}

export interface ReadOptions {
  /** Which parts to fetch, once the structure is known. */
  parts?: (message: FetchedMessage) => readonly MailPart[];
  /** Octets of each part. */
  partBytes?: number;
  /** Octets of the whole message; absent: its bytes are not fetched. */
  rawBytes?: number;
  signal?: AbortSignal | undefined;
}

/** @throws PosternError `message_gone`, and those of selecting */
export async function readMessage(
  connection: ImapConnection,
  place: MessagePlace,
  options: ReadOptions,
): Promise<ReadMessage> {
  const { signal, rawBytes } = options;
  const selecting = { write: false, uidValidity: place.uidValidity, signal };
  return withSelected(connection, place.mailbox, selecting, async (selected) => {
    const answer = await ask(
      connection,
      'fetch a message',
      () =>
        fetchOf(
          connection,
          place.uid,
          {
            uid: true,
            flags: true,
            internalDate: true,
            size: true,
            bodyStructure: true,
            headers: true,
            ...(rawBytes === undefined ? {} : { source: { start: 0, maxLength: rawBytes } }),
          },
          (message) => message.headers !== undefined,
        ),
      signal,
    );
    if (!answer) throw gone(place);
    const message = fetchedMessage(answer);
    const wanted = options.parts?.(message) ?? [];
    const parts = await ask(
      connection,
      'fetch the text',
      () => fetchParts(connection, place.uid, wanted, options.partBytes ?? 0),
      signal,
    );
    if (parts === null) throw gone(place);
    return {
      place: { mailbox: selected.path, uidValidity: selected.uidValidity, uid: place.uid },
      message,
      parts,
      raw: rawBytes === undefined ? null : (answer.source ?? Buffer.alloc(0)),
    };
  });
}

/**
 * Streams the whole message as it is into `consume`, never holding it whole.
 * @throws PosternError `message_gone`, `mail_too_large`, `mail_cut_short`, and what `consume` throws
 */
export async function streamMessage<T>(
  connection: ImapConnection,
  place: MessagePlace,
  maxBytes: number,
  signal: AbortSignal,
  consume: (stream: Readable) => Promise<T>,
): Promise<T> {
  const selecting = { write: false, uidValidity: place.uidValidity, signal };
  return withSelected(connection, place.mailbox, selecting, async () => {
    const { uid } = place;
    const answer = await ask(
      connection,
      'look for a message',
      () => fetchOf(connection, uid, { uid: true, size: true }, (message) => message.size !== undefined),
      signal,
    );
    if (!answer) throw gone(place);
    const size = answer.size ?? 0;
    if (size > maxBytes) {
      throw new PosternError(
        'mail_too_large',
        `The message has ${size} octets; the account takes ${maxBytes}.`,
        {
          hint: 'fetch_message gives its beginning; max_message_bytes of the account says how much is taken.',
        },
      );
    }
    const pieces = await openSection(connection, { uid, path: null, size }, signal);
    if (!pieces) throw gone(place);
    const content = Readable.from(pieces, { objectMode: false });
    content.on('error', () => undefined); // also one that comes after `consume` has ended
    try {
      return await consume(content);
    } finally {
      content.destroy();
    }
  });
}
