// How much an agent writes: within one turn, in a time, and at a stretch. Whatever makes it write without end, a loop or a
// hostile mail, ends here.
import type { Limits } from '../contracts/agent-policy.ts';
import { rateOf } from '../kernel/duration.ts';
import { beforeIdsOf } from '../kernel/ids.ts';
import { type Finding, finding } from '../policy/rules.ts';
import type { TurnSubject } from '../sessions/subject.ts';
import type { Reader } from '../store/store.ts';

/** The cap that one more mail would break, or null. @param quota of the turn, where it was granted less than the rules say */
export async function exceededMailCap(
  db: Reader,
  { agent, accountId, turnId }: Pick<TurnSubject, 'agent' | 'accountId' | 'turnId'>,
  limits: Limits,
  quota: { drafts: number } | undefined,
  now: number,
): Promise<Finding | null> {
  const burst = rateOf(limits.burst);
  if ((await mailsOf(db, agent, now - burst.perMs)) >= burst.count)
    return finding(
      'burst',
      `the agent ${agent} has written ${limits.burst} mails at a stretch: it is paused`,
    );
  const mails = rateOf(limits.mails);
  if ((await mailsOf(db, agent, now - mails.perMs, accountId)) >= mails.count)
    return finding(
      'mails_limit',
      `the agent has written ${limits.mails} mails from this account, as many as it may`,
    );
  const most = Math.min(limits.drafts, quota?.drafts ?? limits.drafts);
  const row = await db
    .selectFrom('drafts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('turn_id', '=', turnId)
    .executeTakeFirst();
  return Number(row?.count ?? 0) >= most
    ? finding('drafts_limit', `the turn has written ${most} mails, as many as it may`)
    : null;
}

/** Ids sort by the time at which they were made, so that only those of that time are looked at. */
async function mailsOf(db: Reader, agent: string, since: number, accountId?: string): Promise<number> {
  let query = db
    .selectFrom('drafts')
    .innerJoin('sessions', 'sessions.id', 'drafts.session_id')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('drafts.id', '>=', beforeIdsOf('drf', since))
    .where('sessions.agent', '=', agent);
  if (accountId !== undefined) query = query.where('drafts.account_id', '=', accountId);
  return Number((await query.executeTakeFirst())?.count ?? 0);
}
