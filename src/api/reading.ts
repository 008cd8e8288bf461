// What a session reads of other conversations taints it, for whoever wrote that may be steering it: from then on nothing of
// its mail leaves without a person. Noted before the answer is given.
import type { MailKind, Trust } from '../contracts/mail.ts';
import { finding } from '../policy/rules.ts';
import { foreignTaint } from '../policy/taint.ts';
import { taintSession } from '../sessions/capabilities.ts';
import type { Context } from './registry.ts';

interface ReadMail {
  id: string;
  thread_id: string;
  from: { address: string } | null;
  kind: MailKind;
  trust: Trust;
}

/** Mails, or lists of them, that a session is shown. Nothing for a key. */
export async function noteMails({ principal, rooms }: Context, mails: readonly ReadMail[]): Promise<void> {
  if (principal.kind === 'key') return;
  const causes = mails
    .filter(({ thread_id }) => thread_id !== principal.threadId)
    .flatMap(({ id, from, kind, trust }) => {
      const mail = { messageId: id, from: from?.address ?? null, isOwn: kind === 'own', trust };
      return foreignTaint(mail, () => false) ?? []; // nobody is known there but the account itself
    });
  if (causes.length > 0)
    await rooms.store.write((tx) => taintSession(tx, principal.sessionId, causes.slice(0, 5)));
}

/** Something of others that came with mail of other conversations: documents, the heads of threads. */
export async function noteForeign({ principal, rooms }: Context, what: string | null): Promise<void> {
  if (principal.kind === 'key' || what === null) return;
  const cause = finding('outside_content', `The agent has read ${what}.`);
  await rooms.store.write((tx) => taintSession(tx, principal.sessionId, [cause]));
}
