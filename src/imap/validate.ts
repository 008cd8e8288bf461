// The test of an account's IMAP server, step by step: an answer that a person understands, never an exception.
import type { Account } from '../accounts/accounts.ts';
import type { SignInCheck } from '../contracts/check.ts';
import type { MailboxView } from '../contracts/connector.ts';
import { PosternError } from '../kernel/errors.ts';
import { asPosternError, Checks, checkResult, type Found, type Note } from '../network/checks.ts';
import { shakeHands } from '../network/handshake.ts';
import type { ImapConnection } from './connection.ts';
import type { ImapConnector, SignIn } from './connector.ts';
import { imapFeatures } from './features.ts';
import { listMailboxes } from './mailboxes.ts';

export type { SignIn } from './connector.ts';

/** For a room that is given the connector. */
export type CheckImap = (account: Account, signIn: SignIn, signal?: AbortSignal) => Promise<SignInCheck>;

export const imapCheck =
  (connector: Pick<ImapConnector, 'check'>): CheckImap =>
  (account, signIn, signal) =>
    checkImap(connector, account, signIn, signal);

/** @param connector counts the connection among those of the account and its server */
export async function checkImap(
  connector: Pick<ImapConnector, 'check'>,
  account: Account,
  signIn: SignIn,
  signal: AbortSignal = new AbortController().signal,
): Promise<SignInCheck> {
  const { imap, require_tls: requireTls, timeout_ms: timeoutMs } = account.settings;
  const { steps, failure } = await shakeHands('IMAP', imap, { requireTls, timeoutMs, signal });
  const success = { message: '', capabilities: [] as string[] };
  if (failure) return checkResult(steps, failure, success);
  const checks = new Checks();
  const step = (name: Parameters<Checks['step']>[0], work: (note: Note) => Promise<Found>) =>
    checks.step(name, work, asPosternError);
  let connection: ImapConnection | undefined;
  const open = (): ImapConnection => {
    if (!connection) throw new Error('nobody has signed in');
    return connection;
  };
  const done = (reason: PosternError | null) => checkResult([...steps, ...checks.steps], reason, success);
  try {
    await step('sign_in', async () => {
      const opened = await connector.check(account, signIn, signal);
      connection = opened.connection;
      const { username } = opened.credentials;
      success.message = `Signed in to IMAP as ${username}.`;
      return { message: success.message, details: { username } };
    });
    await step('capabilities', async () => {
      success.capabilities = open().capabilities();
      return saidOf(success.capabilities, account.settings.watch.interval);
    });
    await step('mailboxes', (note) => lookAround(open(), account, note));
    return done(null);
  } catch (error) {
    return done(asPosternError(error));
  } finally {
    await connection?.logout();
  }
}

function saidOf(capabilities: readonly string[], interval: string): Found {
  const features = imapFeatures(capabilities, interval);
  const missing = features.filter(({ offered }) => !offered);
  const has = features.filter(({ offered }) => offered).map(({ name }) => name);
  return {
    message: `It offers ${has.length === 0 ? 'no extension that Postern uses' : has.join(', ')}.`,
    hint: missing.map(({ name, instead }) => `No ${name}: ${instead}`).join(' ') || null,
    details: { capabilities, features },
  };
}

const SPECIAL = ['sent', 'drafts', 'trash', 'junk', 'archive'] as const;

/** Are the watched mailboxes there, can the first be opened, and where does a copy of what is sent go? */
async function lookAround(connection: ImapConnection, account: Account, note: Note): Promise<Found> {
  const { watch, sent_copy: sentCopy } = account.settings;
  const all = await listMailboxes(connection);
  const special = Object.fromEntries(SPECIAL.map((use) => [use, pathOf(all, use)]));
  const missing = watch.mailboxes.filter((path) => !isThere(all, path));
  const details = { count: all.length, special, missing };
  note(details);
  if (missing.length > 0) {
    throw new PosternError('mailbox_missing', `The server has no mailbox ${missing.join(', ')}.`, {
      hint: `Change watch.mailboxes; it has ${all
        .slice(0, 10)
        .map(({ path }) => path)
        .join(', ')}${all.length > 10 ? ', …' : ''}.`,
    });
  }
  await openFirst(connection, watch.mailboxes[0] ?? 'INBOX');
  const found = SPECIAL.filter((use) => special[use] !== null);
  return {
    message: `${all.length} mailboxes${found.length > 0 ? `; ${found.map((use) => `${use} is ${special[use]}`).join(', ')}` : ''}.`,
    hint:
      sentCopy === 'append' && special.sent === null
        ? 'There is no Sent mailbox: Postern keeps no copy of what it sends there, and cannot look up there whether a mail has left.'
        : null,
    details,
  };
}

const pathOf = (all: readonly MailboxView[], use: (typeof SPECIAL)[number]): string | null =>
  all.find((mailbox) => mailbox.special_use?.toLowerCase() === `\\${use}`)?.path ??
  all.find((mailbox) => mailbox.name.toLowerCase() === use)?.path ??
  null;

/** INBOX is the same in any case (RFC 9051 §5.1). */
const isThere = (all: readonly MailboxView[], path: string): boolean =>
  path.toUpperCase() === 'INBOX' || all.some((mailbox) => mailbox.path === path);

/** Some servers let a client sign in and then refuse every mailbox. */
async function openFirst(connection: ImapConnection, path: string): Promise<void> {
  try {
    const lock = await connection.run(`open ${path}`, () =>
      connection.client.getMailboxLock(path, { readOnly: true }),
    );
    lock.release();
  } catch (error) {
    if (!(error instanceof PosternError) || !/unsafe login/i.test(error.message)) throw error;
    throw new PosternError('client_refused', error.message, {
      hint: 'This server wants to know its clients: set provider to netease or netease-enterprise.',
      cause: error,
    });
  }
}
