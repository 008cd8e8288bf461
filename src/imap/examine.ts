// Opens a mailbox for reading. By itself ImapFlow sends LIST and LSUB before, for special use and subscription, which
// nobody asks of a mailbox that is watched: two of nine round trips of every sign-in. And the connection, which will be
// kept for long, lets go of what it need not keep.
import type { MailboxObject } from 'imapflow';
import { shareCapabilities } from './capabilities.ts';
import type { ImapConnection } from './connection.ts';

/** The library's record of what LIST told; a mailbox that is in it is not asked for again. */
interface ListedMailboxes {
  folders: Map<string, { path: string }>;
}

/** @throws PosternError `mailbox_missing` and those of `run` */
export function examine(
  connection: ImapConnection,
  mailbox: string,
  signal?: AbortSignal,
): Promise<MailboxObject> {
  const { client } = connection;
  const { folders } = client as unknown as ListedMailboxes;
  const path = mailbox.toUpperCase() === 'INBOX' ? 'INBOX' : mailbox;
  shareCapabilities(client);
  const open = async (): Promise<MailboxObject> => {
    if (folders.has(path)) return client.mailboxOpen(path, { readOnly: true });
    const unlisted = { path };
    folders.set(path, unlisted);
    try {
      return await client.mailboxOpen(path, { readOnly: true });
    } finally {
      if (folders.get(path) === unlisted) folders.delete(path); // it tells nothing that others could use
    }
  };
  return connection.run(`select ${mailbox}`, open, signal);
}
