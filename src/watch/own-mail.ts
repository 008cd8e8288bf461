// Which mail is surely the account's own. Anybody can write its address into a From, and everybody who was written to knows
// Message-IDs of it: such a mail is not answered, and is trusted no more than any other. Among its sent mail nobody else
// can put one.
import type { Trust } from '../contracts/mail.ts';
import { storedTrust } from '../mail/trust.ts';
import type { Reader } from '../store/store.ts';
import { SENT_MAILBOX } from './correspondents.ts';

/** Whether a mail of the kind `own` is what it says. @param mailboxes where it lies or has lain */
export const isSurelyOwn = ({ level, flags }: Trust, mailboxes: readonly string[]): boolean =>
  (level !== 'unverified' && flags.length === 0) || mailboxes.some((mailbox) => SENT_MAILBOX.test(mailbox));

/** The mails of a conversation that say to be the account's own, and may be somebody else's. */
export async function doubtfulOwn(db: Reader, threadId: string): Promise<{ id: string; trust: Trust }[]> {
  const rows = await db
    .selectFrom('messages')
    .leftJoin('locations', 'locations.message_id', 'messages.id')
    .select(['messages.id', 'messages.trust', 'locations.mailbox'])
    .where('messages.thread_id', '=', threadId)
    .where('messages.kind', '=', 'own')
    .execute();
  const mails = new Map<string, { trust: Trust; mailboxes: string[] }>();
  for (const { id, trust, mailbox } of rows) {
    const mail = mails.get(id) ?? { trust: storedTrust(trust), mailboxes: [] };
    if (mailbox !== null) mail.mailboxes.push(mailbox);
    mails.set(id, mail);
  }
  return [...mails]
    .filter(([, { trust, mailboxes }]) => !isSurelyOwn(trust, mailboxes))
    .map(([id, { trust }]) => ({ id, trust }));
}
