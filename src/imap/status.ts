// What a server says of a mailbox that is not selected: the cheapest question about new mail (RFC 9051 §6.3.11).
import { ask } from './ask.ts';
import type { ImapConnection } from './connection.ts';

export interface MailboxCounts {
  uidValidity: string;
  /** The UID that the next message will get. */
  uidNext: number;
  messages: number;
}

/**
 * @returns null where the server does not tell both UIDVALIDITY and UIDNEXT
 * @throws PosternError, such as `mailbox_missing`
 */
export async function mailboxCounts(
  connection: ImapConnection,
  mailbox: string,
  signal?: AbortSignal,
): Promise<MailboxCounts | null> {
  const { client } = connection;
  const selected = client.mailbox;
  // STATUS of the mailbox that is selected may say what was true when it was selected.
  if (selected && selected.path === mailbox)
    await ask(connection, `leave ${mailbox}`, () => client.mailboxClose(), signal);
  const status = await ask(
    connection,
    `look at ${mailbox}`,
    () => client.status(mailbox, { messages: true, uidNext: true, uidValidity: true }),
    signal,
  );
  if (!status || status.uidNext === undefined || status.uidValidity === undefined) return null;
  return {
    uidValidity: String(status.uidValidity),
    uidNext: status.uidNext,
    messages: status.messages ?? 0,
  };
}
