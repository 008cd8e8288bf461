// The port by which files that are too large for a mail become links to them (outbound/ fills it).
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Tx } from '../store/store.ts';

export interface Spilled {
  /** What the draft says: the files that still are attached, and those that went behind links. */
  content: DraftContent;
  /** The same with the links in its bodies, as it is composed: the digest is over them. */
  worded: DraftContent;
  /** Keeps the links, in the transaction that writes the version of the draft; null where there are none. */
  record: ((tx: Tx, draftId: string, version: number) => Promise<void>) | null;
}

/**
 * Decides anew which files are attached, whatever an earlier version did with them.
 * @throws PosternError `message_too_large` where the mail is, and links cannot mend it
 */
export type Spill = (content: DraftContent, account: Account) => Promise<Spilled>;

/** What a draft says with all its files attached, those too that one of its versions linked to. */
export function attachedAgain({ links = [], ...content }: DraftContent): DraftContent {
  const files = links.map(({ object_id, filename, content_type, size, sha256 }) => ({
    ...{ object_id, filename, content_type, size, sha256 },
  }));
  return files.length === 0 ? content : { ...content, attachments: [...content.attachments, ...files] };
}

/**
 * @param at when the mail leaves, epoch milliseconds
 * @throws PosternError `links_expired` for a mail that would tell its recipients of files that they cannot fetch
 */
export function requireLinks({ links = [] }: DraftContent, at: number): void {
  if (links.every(({ expires_at }) => expires_at === null || expires_at > at)) return;
  throw new PosternError('links_expired', 'The mail links to files whose days are over when it leaves.', {
    hint: 'Edit the draft, which makes new links if the files are still there; or send it earlier, or let the account keep its links for longer.',
  });
}
