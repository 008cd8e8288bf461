// Whether what an agent wrote stands in another conversation of its account, and not in its own: then it has come from there,
// by whatever way, and a person is asked.
import { type Finding, finding, stoodElsewhere } from '../policy/rules.ts';
import { squeeze, type Telltale, telltalesIn } from '../policy/telltales.ts';
import type { Store } from '../store/store.ts';

const MOST_MAILS = 2_000; // of the account, the latest: every mail of an agent waits for this
const MAILS_AT_ONCE = 200;
const MAIL_CHARS = 20_000; // of each; longer ones are newsletters
const OWN_MAILS = 200; // of the conversation
const MOST_NAMED = 5;
const MORE = 'It has more numbers, codes and addresses than are looked for in other conversations.';

/** @param isKnown addresses that the mail may name */
export async function foundElsewhere(
  { db }: Store,
  place: { accountId: string; threadId: string },
  text: string,
  isKnown: (address: string) => boolean,
): Promise<Finding[]> {
  const { found: telltales, isWhole } = telltalesIn(text, isKnown);
  const more = isWhole ? [] : [finding('elsewhere', MORE)];
  if (telltales.length === 0) return more;
  const here = await db
    .selectFrom('messages')
    .innerJoin('contents', 'contents.message_id', 'messages.id')
    .select(['messages.subject', 'contents.text'])
    .where('messages.account_id', '=', place.accountId)
    .where('messages.thread_id', '=', place.threadId)
    .orderBy('messages.arrived_at', 'desc')
    .limit(OWN_MAILS)
    .execute();
  const own = here.map((mail) => squeeze(`${mail.subject} ${mail.text}`)).join('\n');
  let left = telltales.filter(({ squeezed }) => !own.includes(squeezed));
  const found: Telltale[] = [];
  let before: string | undefined;
  for (let seen = 0; seen < MOST_MAILS && left.length > 0; seen += MAILS_AT_ONCE) {
    let query = db
      .selectFrom('messages')
      .innerJoin('contents', 'contents.message_id', 'messages.id')
      .select([
        'messages.id',
        'messages.kind',
        'messages.subject',
        'messages.thread_id',
        'contents.reply_text',
      ])
      .where('messages.account_id', '=', place.accountId)
      .orderBy('messages.id', 'desc')
      .limit(MAILS_AT_ONCE);
    if (before !== undefined) query = query.where('messages.id', '<', before);
    const mails = await query.execute();
    for (const mail of mails) {
      if (mail.thread_id === place.threadId) continue;
      // What each wrote himself: in what he quotes stand the words of others, this account's among them.
      const words = squeeze(`${mail.subject} ${mail.reply_text.slice(0, MAIL_CHARS)}`);
      const inIt = left.filter(({ squeezed }) => words.includes(squeezed));
      if (inIt.length === 0) continue;
      left = left.filter((telltale) => !inIt.includes(telltale));
      // What the account itself writes to others is its own to say.
      if (mail.kind !== 'own') found.push(...inIt);
    }
    before = mails.at(-1)?.id;
    if (mails.length < MAILS_AT_ONCE) break;
  }
  return [...found.slice(0, MOST_NAMED).map(({ what }) => stoodElsewhere(what)), ...more];
}
