// Where watching begins, and which mail was there before, when a server numbers a mailbox anew.
import type { WatchSettings } from '../contracts/account.ts';
import type { MailMetadata } from '../contracts/mail.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { durationMs } from '../kernel/duration.ts';
import type { Checkpoint, Place } from './checkpoints.ts';

const DATE_TOLERANCE_MS = 48 * 3_600_000; // mail under way for longer than that, in the days of a renumbering, is rare

/** What counts as new of that which is there when a mailbox is first watched, `now`. */
export function beginningOf(
  { from_zero: all, since }: Pick<WatchSettings, 'from_zero' | 'since'>,
  now: number,
): Place['from'] {
  if (all) return 'zero';
  if (since === undefined) return null;
  const ago = durationMs(since);
  return Number.isNaN(ago) ? Date.parse(`${since}T00:00:00Z`) : now - ago;
}

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
