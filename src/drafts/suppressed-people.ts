// Recipients to whom no mail may go, where a mail is written, shown and approved: nobody is dropped without a word. The
// outbox looks once more when the mail leaves.
import { type Suppression, suppressedAmong } from '../bounces/suppressed.ts';
import type { DraftView } from '../contracts/draft.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { type Finding, finding } from '../policy/rules.ts';
import type { Reader, Store } from '../store/store.ts';

export interface SuppressedParts {
  store: Store;
  clock: Clock;
}

const MOST_NAMED = 5; // of hundreds, some say enough

const sentenceOf = (address: string, { reason, note }: Suppression): string =>
  `The recipient ${address} is on the suppression list: ${reason.replace('_', ' ')}${note === null ? '' : ` (${note})`}`;

/** Every address that a mail is to go to. */
export const recipientsOf = ({ to, cc, bcc }: Pick<DraftView, 'to' | 'cc' | 'bcc'>): string[] =>
  [...to, ...cc, ...bcc].map(({ address }) => address);

/** Why a mail may not go to some of these; null where it may go to all. */
export async function suppressedReason(
  db: Reader,
  clock: Clock,
  accountId: string,
  addresses: readonly string[],
): Promise<string | null> {
  const found = await suppressedAmong(db, { accountId, now: clock.now() }, addresses);
  if (found.size === 0) return null;
  const named = [...found].slice(0, MOST_NAMED).map(([address, why]) => sentenceOf(address, why));
  return found.size > MOST_NAMED
    ? `${named.join('; ')}; and ${found.size - MOST_NAMED} more`
    : named.join('; ');
}

/** The same for policy, which refuses the mail for it. */
export async function suppressedFindings(
  { store, clock }: SuppressedParts,
  accountId: string,
  addresses: readonly string[],
): Promise<Finding[]> {
  const reason = await suppressedReason(store.db, clock, accountId, addresses);
  return reason === null ? [] : [finding('suppressed', `${reason}.`)];
}

/** @throws PosternError `recipient_suppressed` */
export async function demandUnsuppressed(
  { store, clock }: SuppressedParts,
  accountId: string,
  addresses: readonly string[],
): Promise<void> {
  const reason = await suppressedReason(store.db, clock, accountId, addresses);
  if (reason === null) return;
  throw new PosternError('recipient_suppressed', `${reason}.`, {
    hint: 'Leave the recipient out, or take the entry off the list: postern suppression list, postern suppression remove.',
  });
}

/** The drafts, with those recipients among the reasons of the ones that wait. */
export async function withSuppressed(
  { store, clock }: SuppressedParts,
  drafts: readonly DraftView[],
): Promise<DraftView[]> {
  const waiting = drafts.filter(({ state }) => state === 'waiting');
  const found = new Map<string, Map<string, Suppression>>();
  for (const [accountId, some] of Map.groupBy(waiting, (draft) => draft.account_id)) {
    const question = { accountId, now: clock.now() };
    found.set(accountId, await suppressedAmong(store.db, question, some.flatMap(recipientsOf)));
  }
  return drafts.map((draft) => {
    const stopped = draft.state === 'waiting' ? found.get(draft.account_id) : undefined;
    if (!stopped || stopped.size === 0) return draft;
    const reasons = [...new Set(recipientsOf(draft))].flatMap((address) => {
      const why = stopped.get(address);
      return why ? [`${sentenceOf(address, why)}; it cannot be approved like this`] : [];
    });
    return reasons.length === 0 ? draft : { ...draft, reasons: [...draft.reasons, ...reasons] };
  });
}
