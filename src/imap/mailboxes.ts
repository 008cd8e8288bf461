// The mailboxes of an account: listed with their counts, and made.
import type { MailboxView } from '../contracts/connector.ts';
import { PosternError } from '../kernel/errors.ts';
import { ask } from './ask.ts';
import type { ImapConnection } from './connection.ts';

const MAX_MAILBOXES = 10_000; // a shared server shows thousands; more is a mistake or an attack

export interface ListOptions {
  /** With STATUS of each: in one command where the server has LIST-STATUS (RFC 5819), else in one for each. */
  counts: boolean;
  signal?: AbortSignal | undefined;
}

/** In the order in which people look for them: INBOX and the special ones, then by name. */
export async function listMailboxes(
  connection: ImapConnection,
  options: ListOptions = { counts: false },
): Promise<MailboxView[]> {
  const { client } = connection;
  const modseq = client.capabilities.has('CONDSTORE');
  const query = options.counts
    ? {
        statusQuery: {
          messages: true,
          unseen: true,
          uidNext: true,
          uidValidity: true,
          ...(modseq ? { highestModseq: true } : {}),
        },
      }
    : {};
  const list = await ask(connection, 'list mailboxes', () => client.list(query), options.signal);
  return list.slice(0, MAX_MAILBOXES).map((entry) => {
    const status = entry.status;
    return {
      path: entry.path,
      name: entry.name,
      delimiter: entry.delimiter || null,
      special_use: entry.specialUse ?? null,
      special_use_source:
        entry.specialUse === undefined ? null : entry.specialUseSource === 'name' ? 'name' : 'server',
      flags: [...entry.flags].sort(),
      subscribed: entry.subscribed === true,
      selectable: !entry.flags.has('\\Noselect') && !entry.flags.has('\\NonExistent'),
      messages: status?.messages ?? null,
      unseen: status?.unseen ?? null,
      uid_next: status?.uidNext ?? null,
      uid_validity: status?.uidValidity === undefined ? null : Number(status.uidValidity),
      highest_modseq: status?.highestModseq === undefined ? null : String(status.highestModseq),
    };
  });
}

/**
 * Makes a mailbox and subscribes to it. False where it was there already.
 * @throws PosternError `mailbox_refused`
 */
export async function createMailbox(
  connection: ImapConnection,
  mailbox: string,
  signal?: AbortSignal,
): Promise<{ mailbox: string; created: boolean }> {
  const { client } = connection;
  try {
    const { path, created } = await ask(
      connection,
      `make the mailbox ${mailbox}`,
      () => client.mailboxCreate(mailbox),
      signal,
    );
    return { mailbox: path, created };
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== 'imap_refused') throw error;
    // Older servers say in words of their own that it is there.
    const [existing] = await ask(
      connection,
      'list mailboxes',
      async () => (await client.list()).filter(({ path }) => path === mailbox),
      signal,
    );
    if (existing) return { mailbox: existing.path, created: false };
    throw new PosternError('mailbox_refused', error.message, { cause: error });
  }
}
