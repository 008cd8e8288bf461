// Asking a server for what it may refuse: a tagged NO or BAD is an answer like another, so the connection stays. What
// breaks off in any other way closes it, as `run` does.
import { PosternError } from '../kernel/errors.ts';
import type { ImapConnection } from './connection.ts';

const LOCK_WAIT_MS = 30_000;

interface Refusal {
  refusal: unknown;
}

/**
 * Runs one command, or a few that belong together, within the account's time limit.
 * @param what the command in words, for the error: `list mailboxes`
 * @throws PosternError
 */
export async function ask<T>(
  connection: ImapConnection,
  what: string,
  command: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const answer = await connection.run<{ value: T } | Refusal>(
    what,
    async () => {
      try {
        return { value: await command() };
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return { refusal: error };
      }
    },
    signal,
  );
  if ('refusal' in answer) throw connection.explain(answer.refusal, what);
  return answer.value;
}

function isRefusal(error: unknown): boolean {
  const { responseStatus, code } = (error ?? {}) as { responseStatus?: unknown; code?: unknown };
  return (responseStatus === 'NO' || responseStatus === 'BAD') && code !== 'ETHROTTLE';
}

export interface Selected {
  path: string;
  uidValidity: string;
  /** How many messages it has. */
  exists: number;
  /** Null where the server does not say: then every flag may be tried. */
  permanentFlags: ReadonlySet<string> | null;
}

export interface SelectOptions {
  /** False: the mailbox is examined, and nothing in it can change by accident. */
  write: boolean;
  /** The UIDVALIDITY that the caller's UIDs were read under, in decimal digits. */
  uidValidity?: string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Selects a mailbox, does `work`, and gives the mailbox free again.
 * @throws PosternError `mailbox_missing`, `uid_validity_changed`, `mailbox_read_only`
 */
export async function withSelected<T>(
  connection: ImapConnection,
  mailbox: string,
  options: SelectOptions,
  work: (selected: Selected) => Promise<T>,
): Promise<T> {
  const { client } = connection;
  const before = client.mailbox;
  const lock = await ask(
    connection,
    `open the mailbox ${mailbox}`,
    () => client.getMailboxLock(mailbox, { readOnly: !options.write, acquireTimeout: LOCK_WAIT_MS }),
    options.signal,
  );
  try {
    // Left open by the operation before: what came since is shown to those who ask for news only.
    if (before && before === client.mailbox)
      await ask(connection, 'look for news', () => client.noop(), options.signal);
    const selected = client.mailbox;
    if (!selected) throw connection.failure;
    const uidValidity = String(selected.uidValidity);
    if (options.uidValidity !== undefined && options.uidValidity !== uidValidity) {
      throw new PosternError(
        'uid_validity_changed',
        `The mailbox ${mailbox} was renumbered: its UIDVALIDITY is ${uidValidity}, not ${options.uidValidity}.`,
        {
          hint: 'The UIDs from before name other messages now, or none. Search again.',
          details: { uid_validity: Number(uidValidity) },
        },
      );
    }
    if (options.write && selected.readOnly)
      throw new PosternError('mailbox_read_only', `The server lets nobody change the mailbox ${mailbox}.`);
    return await work({
      path: selected.path,
      uidValidity,
      exists: selected.exists ?? 0,
      permanentFlags: selected.permanentFlags ?? null,
    });
  } catch (error) {
    const isGone = error instanceof PosternError && error.code === 'message_gone';
    throw isGone && !connection.usable ? connection.failure : error; // after a goodbye nobody said so
  } finally {
    lock.release();
  }
}
