// The flags of messages, and nothing else of them: all in a range, or those that changed since (RFC 7162).
import type { ImapConnection } from './connection.ts';

export type { ExpungeEvent, FlagsEvent } from 'imapflow';

export interface FetchedFlags {
  uid: number;
  flags: string[];
  /** Where the server counts changes. */
  modseq: bigint | undefined;
}

/**
 * The flags of the messages with the UIDs in `range`; with `changedSince`, of those that changed after it, and where the
 * connection has QRESYNC the removals since then come as `expunge` events before. Send no command while iterating.
 */
export async function* fetchFlags(
  connection: ImapConnection,
  range: string,
  changedSince?: bigint,
): AsyncGenerator<FetchedFlags> {
  const options = { uid: true, ...(changedSince === undefined ? {} : { changedSince }) };
  for await (const message of connection.client.fetch(range, { uid: true, flags: true }, options)) {
    if (message.uid === undefined || message.flags === undefined) continue; // told between the answers, without being asked
    yield { uid: message.uid, flags: [...message.flags], modseq: message.modseq };
  }
}

/** The flags of messages by their numbers in the mailbox, which change with every removal. */
export async function flagsByNumber(
  connection: ImapConnection,
  numbers: readonly number[],
): Promise<FetchedFlags[]> {
  const found: FetchedFlags[] = [];
  for await (const message of connection.client.fetch(numbers.join(','), { uid: true, flags: true })) {
    if (message.uid === undefined || message.flags === undefined) continue;
    found.push({ uid: message.uid, flags: [...message.flags], modseq: message.modseq });
  }
  return found;
}

/** Whether the server counts the changes of the selected mailbox, and up to which it has come; null where it does not. */
export function changeCount(connection: ImapConnection): bigint | null {
  const { client } = connection;
  const mailbox = client.mailbox;
  if (!mailbox || mailbox.noModseq || !client.enabled.has('CONDSTORE')) return null;
  return mailbox.highestModseq ?? null;
}

/** Whether removals are told by UID on this connection. */
export const tellsRemovals = (connection: ImapConnection): boolean =>
  connection.client.enabled.has('QRESYNC');
