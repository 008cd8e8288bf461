// A fetched message to what the ledger knows of it: its metadata, and the fingerprint by which it is recognised.
import type { MailMetadata } from '../contracts/mail.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { PosternError } from '../kernel/errors.ts';
import { fingerprintOf, fingerprintOfWay, wayOf } from '../mail/fingerprint.ts';
import { metadataOf } from '../mail/metadata.ts';

export interface Read {
  message: FetchedMessage;
  metadata: MailMetadata;
  fingerprint: string;
}

/** @throws PosternError `message_unreadable`, and whatever its header block or structure makes the readers throw */
export function readOne(message: FetchedMessage): Read {
  if (message.isUnreadable) {
    throw new PosternError(
      'message_unreadable',
      'The server gives nothing of the message that can be read.',
      { retry: 'later' },
    );
  }
  const metadata = metadataOf({
    headers: message.headers,
    bodyStructure: message.bodyStructure,
    size: message.size,
  });
  return { message, metadata, fingerprint: fingerprintOf(metadata, message.internalDate) };
}

/**
 * Gives those fingerprints of their own that have one with another mail and came another way than it. Else the second would
 * be a place of the first, where its signatures or its text would be looked for.
 * @param ways of the mails that are known already, by fingerprint
 * @returns them
 */
export function toldApart(read: readonly Read[], ways: ReadonlyMap<string, string>): Read[] {
  const first = new Map<string, string | Read>(ways);
  return read.filter((one) => {
    const other = first.get(one.fingerprint);
    if (other === undefined) {
      first.set(one.fingerprint, one);
      return false;
    }
    const way = wayOf(one.metadata);
    if (way === (typeof other === 'string' ? other : wayOf(other.metadata))) return false;
    one.fingerprint = fingerprintOfWay(one.fingerprint, way);
    return true;
  });
}

/** A copy within a batch is the same message at a second place. */
export function firstOfEach(read: readonly Read[]): Read[] {
  const first = new Map<string, Read>();
  for (const one of read) if (!first.has(one.fingerprint)) first.set(one.fingerprint, one);
  return [...first.values()];
}
