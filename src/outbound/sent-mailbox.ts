// The Sent mailbox of an account: where a copy is filed, and where a mail of unknown fate is looked for.
import { listMailboxes } from '../imap/mailboxes.ts';
import { appendMessage, findByMessageId } from '../imap/operations.ts';
import type { ImapPool } from '../imap/pool.ts';

export interface SentCopy {
  messageId: string;
  /** The whole mail, its Date line included. */
  raw: Buffer;
  date: Date;
}

export interface SentMailbox {
  /** Whether a mail with this Message-ID is there; null where the account has no Sent mailbox. */
  holds(accountId: string, messageId: string): Promise<boolean | null>;
  /** Files a copy unless there is one. False where the account has no Sent mailbox. */
  file(accountId: string, copy: SentCopy): Promise<boolean>;
}

export function sentMailbox(imap: ImapPool): SentMailbox {
  return {
    holds: (accountId, messageId) =>
      imap.use(accountId, async (connection) => {
        const mailbox = sentOf(await listMailboxes(connection));
        if (mailbox === null) return null;
        return (await findByMessageId(connection, mailbox, messageId)).length > 0;
      }),
    file: (accountId, { messageId, raw, date }) =>
      imap.use(accountId, async (connection) => {
        const mailbox = sentOf(await listMailboxes(connection));
        if (mailbox === null) return false;
        const there = await findByMessageId(connection, mailbox, messageId);
        if (there.length === 0) await appendMessage(connection, mailbox, raw, ['\\Seen'], date);
        return true;
      }),
  };
}

/** The one with the special use (RFC 6154), else one that is called Sent. */
export function sentOf(
  mailboxes: readonly { path: string; name: string; special_use: string | null }[],
): string | null {
  const found =
    mailboxes.find((mailbox) => mailbox.special_use?.toLowerCase() === '\\sent') ??
    mailboxes.find((mailbox) => mailbox.name.toLowerCase() === 'sent');
  return found?.path ?? null;
}
