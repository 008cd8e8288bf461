// The UID that the next message of the selected mailbox will get, for servers whose SELECT does not tell.
import { ask } from './ask.ts';
import type { ImapConnection } from './connection.ts';

export interface NextUid {
  uid: number;
  /** Whether the server said so itself, or it is one above the last message that is there. */
  told: boolean;
}

/** By STATUS, or else by the last message: never by all of them. */
export async function nextUid(
  connection: ImapConnection,
  mailbox: string,
  signal?: AbortSignal,
): Promise<NextUid> {
  const { client } = connection;
  const status = await ask(
    connection,
    `look at ${mailbox}`,
    () => client.status(mailbox, { uidNext: true }),
    signal,
  );
  const told = status ? status.uidNext : undefined;
  if (told) return { uid: told, told: true };
  const last = await ask(
    connection,
    'read the last UID',
    async () => {
      let highest = 0;
      if (client.mailbox && client.mailbox.exists === 0) return highest;
      for await (const { uid } of client.fetch('*', { uid: true })) highest = Math.max(highest, uid ?? 0);
      return highest;
    },
    signal,
  );
  if (!connection.usable) throw connection.failure;
  return { uid: last + 1, told: false };
}
