// What a session reads of other conversations taints it, for whoever wrote that may be steering it: from then on nothing of
// its mail leaves without a person. Noted before the answer is given.
import type { MailKind, Trust } from '../contracts/mail.ts';
import { oneOf } from '../policy/recipients.ts';
import { finding } from '../policy/rules.ts';
import { foreignTaint } from '../policy/taint.ts';
import { taintSession } from '../sessions/capabilities.ts';
import { isSurelyOwn } from '../watch/own-mail.ts';
import type { Context } from './registry.ts';
import type { SessionPrincipal } from './rooms.ts';

interface ReadMail {
  id: string;
  thread_id: string;
  /** Where it lies. */
  mailbox: string;
  from: { address: string } | null;
  kind: MailKind;
  trust: Trust;
}

/** Mails, or lists of them, that a session is shown. Nothing for a key. */
export async function noteMails({ principal, rooms }: Context, mails: readonly ReadMail[]): Promise<void> {
  if (principal.kind === 'key') return;
  const foreign = mails.filter(({ thread_id }) => thread_id !== principal.threadId);
  if (foreign.length === 0) return;
  const isKnown = oneOf(await surePeople(rooms, principal));
  const causes = foreign.flatMap(({ id, mailbox, from, kind, trust }) => {
    const isOwn = kind === 'own' && isSurelyOwn(trust, [mailbox]);
    const mail = { messageId: id, from: from?.address ?? null, isOwn, trust };
    return foreignTaint(mail, isKnown) ?? [];
  });
  if (causes.length > 0)
    await rooms.store.write((tx) => taintSession(tx, principal.sessionId, causes.slice(0, 5)));
}

const MOST_OF_THREAD = 100; // whoever wrote none of the latest hundred is asked about

/** Who has surely written in the session's own conversation. */
async function surePeople(
  { messages }: Context['rooms'],
  { accountId: account, threadId: thread }: SessionPrincipal,
): Promise<string[]> {
  const own = await messages.list({ account, thread, limit: MOST_OF_THREAD });
  return own
    .filter(({ trust }) => trust.level !== 'unverified' && trust.flags.length === 0)
    .flatMap(({ from }) => from?.address ?? []);
}

/** Mails that one document came with, as far as they are shown. */
type Sources = readonly { thread_id: string; trust: Trust['level'] }[];

/** Documents of other conversations: a rule took them in, but where nobody surely sent them they may say anything. */
export async function noteDocuments(context: Context, documents: readonly Sources[]): Promise<void> {
  const { principal } = context;
  if (principal.kind === 'key') return;
  const isSure = (sources: Sources): boolean =>
    sources.some(({ thread_id, trust }) => thread_id === principal.threadId || trust !== 'unverified');
  if (!documents.every(isSure)) await noteForeign(context, 'a document that nobody has surely sent');
}

/** Something of others that came with mail of other conversations: the heads of threads. */
export async function noteForeign({ principal, rooms }: Context, what: string | null): Promise<void> {
  if (principal.kind === 'key' || what === null) return;
  const cause = finding('outside_content', `The agent has read ${what}.`);
  await rooms.store.write((tx) => taintSession(tx, principal.sessionId, [cause]));
}
