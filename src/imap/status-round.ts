// What a server says of many mailboxes at once: in one command where it has LIST-STATUS (RFC 5819), else one by one.
import { PosternError } from '../kernel/errors.ts';
import { ask } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { encodeMailbox } from './mailbox-names.ts';
import { type AnswerToken, atom, rawCommand, text } from './raw-command.ts';

/** Null for what the server does not tell. */
export interface MailboxFigures {
  uidValidity: string | null;
  uidNext: number | null;
  /** Grows with every change in the mailbox (RFC 7162). */
  highestModseq: string | null;
}

const PER_COMMAND = 50; // some 4 kB of a command; servers cut longer lines
/** Servers that offer LIST-STATUS and refuse it are not asked again over the same connection. */
const refused = new WeakSet<ImapConnection>();

/**
 * Asks for each mailbox. None of them may be selected: what is said of that one need not be true.
 * @returns for each its figures, or why there are none
 * @throws PosternError when the connection broke
 */
export async function statusRound(
  connection: ImapConnection,
  mailboxes: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, MailboxFigures | PosternError>> {
  const found = new Map<string, MailboxFigures | PosternError>();
  if (mailboxes.length > 1 && offersListStatus(connection)) {
    // A name with a wildcard would be a pattern.
    const plain = mailboxes.filter((mailbox) => !/[*%]/.test(mailbox));
    for (let at = 0; at < plain.length && !refused.has(connection); at += PER_COMMAND)
      await listStatus(connection, plain.slice(at, at + PER_COMMAND), found, signal);
  }
  for (const mailbox of mailboxes)
    if (!found.has(mailbox)) found.set(mailbox, await one(connection, mailbox, signal));
  return found;
}

function offersListStatus(connection: ImapConnection): boolean {
  const { capabilities } = connection.client;
  return (
    capabilities.has('LIST-STATUS') && capabilities.has('LIST-EXTENDED') && !refused.has(connection) // more names in one command need LIST-EXTENDED
  );
}

async function listStatus(
  connection: ImapConnection,
  mailboxes: readonly string[],
  found: Map<string, MailboxFigures | PosternError>,
  signal?: AbortSignal,
): Promise<void> {
  const named = new Map(mailboxes.map((mailbox) => [wireName(connection, mailbox), mailbox]));
  const listen = ([name, figures]: readonly AnswerToken[]): void => {
    const mailbox = named.get(sameInbox(textOf(name) ?? ''));
    if (mailbox !== undefined && Array.isArray(figures)) found.set(mailbox, figuresOf(figures));
  };
  const tokens = [
    text(''),
    [...named.keys()].map(text),
    atom('RETURN'),
    [atom('STATUS'), itemsFor(connection)],
  ];
  try {
    await ask(
      connection,
      'look at the mailboxes',
      () => rawCommand(connection, 'LIST', tokens, { STATUS: listen, LIST: () => undefined }),
      signal,
    );
  } catch (error) {
    if (!connection.usable) throw error;
    refused.add(connection);
  }
}

/** In our own words: the library's does not say what a server refused. */
async function one(
  connection: ImapConnection,
  mailbox: string,
  signal?: AbortSignal,
): Promise<MailboxFigures | PosternError> {
  let found: MailboxFigures | null = null;
  const listen = ([, figures]: readonly AnswerToken[]): void => {
    if (Array.isArray(figures)) found = figuresOf(figures);
  };
  const tokens = [text(wireName(connection, mailbox)), itemsFor(connection)];
  try {
    await ask(
      connection,
      `look at ${mailbox}`,
      () => rawCommand(connection, 'STATUS', tokens, { STATUS: listen }),
      signal,
    );
    return found ?? { uidValidity: null, uidNext: null, highestModseq: null };
  } catch (error) {
    if (!connection.usable || !(error instanceof PosternError)) throw error;
    return error;
  }
}

const itemsFor = (connection: ImapConnection) =>
  ['UIDNEXT', 'UIDVALIDITY', ...(countsChanges(connection) ? ['HIGHESTMODSEQ'] : [])].map(atom);

const countsChanges = ({ client }: ImapConnection): boolean => client.capabilities.has('CONDSTORE');

/** Below the server's prefix for personal mailboxes, where it has one, as the library has it when it selects. */
function wireName({ client }: ImapConnection, mailbox: string): string {
  if (mailbox.toUpperCase() === 'INBOX') return 'INBOX';
  const prefix = client.namespace?.prefix ?? '';
  const path = mailbox.startsWith(prefix) ? mailbox : `${prefix}${mailbox}`;
  return client.enabled.has('UTF8=ACCEPT') ? path : encodeMailbox(path);
}

/** The one name that is the same in any case (RFC 9051 §5.1). */
const sameInbox = (name: string): string => (name.toUpperCase() === 'INBOX' ? 'INBOX' : name);

function textOf(token: AnswerToken | undefined): string | null {
  if (!token || Array.isArray(token)) return null;
  const { value } = token;
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : null;
}

function figuresOf(tokens: readonly AnswerToken[]): MailboxFigures {
  const told: Record<string, string> = Object.create(null);
  for (let at = 0; at + 1 < tokens.length; at += 2) {
    const value = textOf(tokens[at + 1]);
    if (value !== null && /^\d{1,20}$/.test(value)) told[(textOf(tokens[at]) ?? '').toUpperCase()] = value;
  }
  return {
    uidValidity: told.UIDVALIDITY ?? null,
    uidNext: told.UIDNEXT === undefined ? null : Number(told.UIDNEXT),
    highestModseq: told.HIGHESTMODSEQ ?? null,
  };
}
