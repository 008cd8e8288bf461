// Which mail was there before watching began, when a server numbers a mailbox anew.
import type { MailMetadata } from '../contracts/mail.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import type { Checkpoint } from './checkpoints.ts';

const DATE_TOLERANCE_MS = 48 * 3_600_000; // mail under way for longer than that, in the days of a renumbering, is rare

/**
 * Mail that was there before watching began is not new because the server numbered it again. A server that is filled
 * from a backup may give old mail a new arrival, so the Date header counts too.
 */
export function isHistory(
  { message, metadata }: { message: FetchedMessage; metadata: MailMetadata },
  checkpoint: Checkpoint,
): boolean {
  if (isOlder(message, checkpoint)) return true;
  if (message.uid > checkpoint.renumberedTo) return false;
  return metadata.date !== null && metadata.date < checkpoint.attachedAt - DATE_TOLERANCE_MS;
}

/**
 * The same as far as the server's own numbers tell, for mail that cannot be read. Not only up to the UID that the server
 * had reached when the renumbering was noticed: it may still have been putting the old mail back.
 */
export const isOlder = (
  { internalDate }: FetchedMessage,
  { renumberedTo, attachedAt }: Checkpoint,
): boolean => renumberedTo > 0 && internalDate < attachedAt - (attachedAt % 1000); // INTERNALDATE knows whole seconds only
