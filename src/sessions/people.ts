// The people of a thread: to whom an answer may go, who is only named, and who came into it from outside.
import type { MailMetadata, Trust } from '../contracts/mail.ts';
import { addressForm } from '../rules/addresses.ts';
import type { Store } from '../store/store.ts';

/** Addresses of the people of a thread, as their mails write them. */
export interface People {
  /** Those who wrote in the thread, and those whom this gateway wrote to in it. */
  participants: string[];
  /** Those whom a Reply-To names in a domain other than that of its mail's sender, and who are no participants. */
  named: string[];
  /**
   * Those who wrote in it although nobody of it had written to them: somebody to whom it was forwarded, or a stranger who
   * has got hold of a Message-ID, which is no secret.
   */
  outsiders: string[];
}

/** @param mails of others, in the order in which they arrived: their own dates may say what they like */
export async function peopleOf(
  store: Store,
  threadId: string,
  mails: readonly { metadata: Pick<MailMetadata, 'from' | 'reply_to' | 'to' | 'cc'>; trust: Trust }[],
): Promise<People> {
  const written = await store.db
    .selectFrom('submission_recipients')
    .innerJoin('submissions', 'submissions.id', 'submission_recipients.submission_id')
    .innerJoin('drafts', 'drafts.id', 'submissions.draft_id')
    .select('submission_recipients.address')
    .where('drafts.thread_id', '=', threadId)
    .execute();
  const participants = new Set(written.map(({ address }) => address));
  const outsiders = outsidersOf(
    mails,
    written.map(({ address }) => address),
  );
  const named = new Set<string>();
  for (const { metadata } of mails) {
    const { from, reply_to } = metadata;
    if (from) participants.add(from.address);
    const domain = from ? addressForm(from.address).domain : '';
    for (const { address } of reply_to) {
      const isOfSender = domain !== '' && addressForm(address).domain === domain;
      (isOfSender ? participants : named).add(address);
    }
  }
  const forms = new Set([...participants].map((address) => addressForm(address).address));
  return {
    participants: [...participants],
    named: [...named].filter((address) => !forms.has(addressForm(address).address)),
    outsiders,
  };
}

/** Whoever began the thread is of it, and so is everybody to whom somebody of it has written. */
export function outsidersOf(
  mails: readonly { metadata: Pick<MailMetadata, 'from' | 'to' | 'cc'>; trust: Trust }[],
  written: readonly string[],
): string[] {
  const formOf = (address: string): string => addressForm(address).address;
  const insiders = new Set(written.map(formOf));
  const outsiders = new Map<string, string>();
  for (const { metadata, trust } of mails) {
    const { from, to, cc } = metadata;
    if (!from) continue;
    const sender = formOf(from.address);
    if (insiders.size > 0 && !insiders.has(sender)) {
      outsiders.set(sender, from.address);
      continue;
    }
    insiders.add(sender);
    // A mail that may be forged introduces nobody.
    if (trust.level !== 'unverified') for (const { address } of [...to, ...cc]) insiders.add(formOf(address));
  }
  return [...outsiders].filter(([form]) => !insiders.has(form)).map(([, address]) => address);
}
