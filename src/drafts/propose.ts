// What becomes of a mail that an agent wants to send: policy judges it, and it is refused, waits for a person, or leaves.
// The same for an action of an agent's answer and for a call while its turn runs.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { TaintCause } from '../contracts/capability.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Agent } from '../contracts/rule.ts';
import { codeOf } from '../kernel/errors.ts';
import { type Finding, finding, type PolicyRule, type Verdict } from '../policy/rules.ts';
import { lastingTaint } from '../policy/taint.ts';
import { sessionOf, taintSession } from '../sessions/capabilities.ts';
import { pauseAgent } from '../sessions/pauses.ts';
import type { TurnSubject } from '../sessions/subject.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { DraftOrigin } from './draft-rows.ts';
import type { Drafts } from './drafts.ts';
import { type FileOrigins, type JudgementParts, judgeMail, type Written } from './judgement.ts';
import { exceededMailCap } from './mail-caps.ts';
import type { PreparedVersion } from './prepare.ts';

export interface ProposeParts extends JudgementParts {
  bus: Bus;
  accounts: Pick<Accounts, 'get'>;
  drafts: Pick<Drafts, 'prepare' | 'insert'>;
}

export interface Proposal {
  agent: Agent;
  subject: TurnSubject;
  /** What of the mail the agent wrote; where it is absent, all of it is taken for the agent's words. */
  written?: Written;
  /** Where files of it came from that the agent did not make, by their objects. */
  origins?: FileOrigins | undefined;
  /**
   * The mail; made by the gateway from what the agent may say: its words as policy leaves them.
   * @throws PosternError `recipient_invalid`
   */
  content: (account: Account, written?: Written) => DraftContent;
  /** The message that it is a reply to, if it is one. */
  answers: string | null;
  /** The conversation that it begins, where it is not to be part of the session's. */
  threadId?: string;
  /** Within the turn: what comes a second time under the same number makes no second draft. */
  index: number;
  /** It waits for a person whatever the policy would let go, for this reason. */
  heldBecause?: string;
}

export type Outcome =
  | { state: 'sent'; draft_id: string; submission_id: string; reasons: string[] }
  | { state: 'waiting'; draft_id: string; submission_id: null; reasons: string[] }
  | { state: 'refused'; draft_id: null; submission_id: null; reasons: string[] };

/**
 * The transaction in which a proposal takes effect, with whatever else belongs to it. It does not call `work`, and gives
 * null, where the session is over meanwhile.
 */
export type Within = (work: (tx: Tx) => Promise<Outcome>) => Promise<Outcome | null>;

/** Mail that is wrong in itself: another try would end the same. */
export const UNWRITABLE = new Set(['recipient_invalid', 'mail_not_composable', 'message_too_large']);

/**
 * Judges a mail and does what is judged, once for each index of a turn.
 * @param refused records a refusal in the transaction, and the rule that it goes by
 * @returns null where the session is over meanwhile: nothing was done
 */
export async function propose(
  parts: ProposeParts,
  proposal: Proposal,
  within: Within,
  refused: (tx: Tx, reason: string, rule: PolicyRule) => Promise<void>,
): Promise<Outcome | null> {
  const { subject } = proposal;
  const account = await parts.accounts.get(subject.accountId);
  const { verdict, prepared } = await weigh(parts, account, proposal);
  const taint = lastingTaint({ trust: subject.trust, outsiders: [] });
  const { sessionId } = subject;
  const refuse = async (tx: Tx, findings: readonly Finding[]): Promise<Outcome> => {
    for (const { text, rule } of findings) await refused(tx, text, rule);
    const burst = findings.find(({ rule }) => rule === 'burst');
    if (burst) await pauseAgent(parts, tx, subject.agent, `${burst.text}.`);
    const reasons = findings.map(({ text }) => text);
    return { state: 'refused', draft_id: null, submission_id: null, reasons };
  };
  if (verdict.verdict === 'refuse' || !prepared) {
    return within(async (tx) => {
      await taintSession(tx, sessionId, taint.map(causeOf));
      return refuse(tx, verdict.reasons);
    });
  }
  let isKept = false;
  try {
    return await within(async (tx) => {
      await taintSession(tx, sessionId, taint.map(causeOf));
      const reasons = verdict.reasons.map(({ text }) => text);
      const decision = verdict.verdict === 'ask' ? { reasons } : { approvedBy: `policy:${subject.agent}` };
      // Once more, where nobody else writes: many that were judged at the same time were each within what may be written.
      const cap = await mailCap(parts, proposal, tx);
      if (cap) return refuse(tx, [cap]);
      const made = await parts.drafts.insert(tx, originOf(proposal), prepared, decision);
      if (!made) return outcomeBefore(tx, proposal);
      isKept = true;
      // What was taken out of it was refused too.
      for (const { text, rule, effect } of verdict.reasons)
        if (effect === 'remove') await refused(tx, text, rule);
      const { draftId: draft_id, submissionId: submission_id } = made;
      if (submission_id !== null) return { state: 'sent', draft_id, submission_id, reasons: [] };
      return { state: 'waiting', draft_id, submission_id, reasons };
    });
  } finally {
    // What was composed for nothing leaves no bytes behind.
    if (!isKept) await prepared.discard();
  }
}

const causeOf = ({ rule, text }: Finding): TaintCause => ({ rule, text });

/** The verdict of policy, and the mail composed where it may be. */
async function weigh(
  parts: ProposeParts,
  account: Account,
  proposal: Proposal,
): Promise<{ verdict: Verdict; prepared?: PreparedVersion }> {
  try {
    const cap = await mailCap(parts, proposal);
    if (cap) return { verdict: { verdict: 'refuse', reasons: [cap] } };
    const { verdict: judged, content } = await judgeMail(parts, account, proposal);
    const { heldBecause } = proposal;
    const wish = heldBecause === undefined ? null : finding('approve', heldBecause);
    const verdict = held(judged, [wish, await writtenBefore(parts, proposal)]);
    if (verdict.verdict === 'refuse') return { verdict };
    const auto_submitted = verdict.verdict === 'send' ? ('auto-replied' as const) : null;
    return { verdict, prepared: await parts.drafts.prepare({ ...content, auto_submitted }, account) };
  } catch (error) {
    if (!UNWRITABLE.has(codeOf(error))) throw error;
    return {
      verdict: { verdict: 'refuse', reasons: [finding('unwritable', (error as Error).message)] },
    };
  }
}

/** What came of it before is told again, however much was written since. */
async function mailCap(
  { store, clock }: ProposeParts,
  { agent, subject, index }: Proposal,
  db: Reader = store.db,
): Promise<Finding | null> {
  const made = await db
    .selectFrom('drafts')
    .select('id')
    .where('turn_id', '=', subject.turnId)
    .where('action_index', '=', index)
    .executeTakeFirst();
  if (made) return null;
  const { granted } = await sessionOf({ db }, subject.sessionId);
  return exceededMailCap(db, subject, agent.limits, granted?.quota, clock.now());
}

function held(verdict: Verdict, because: readonly (Finding | null)[]): Verdict {
  const reasons = because.filter((one) => one !== null);
  if (reasons.length === 0 || verdict.verdict === 'refuse') return verdict;
  return { verdict: 'ask', reasons: [...verdict.reasons, ...reasons] };
}

/**
 * The same mail is one mail, however often it is asked for; a program that is run again may find other words for it, and the
 * recipient would have both. A model goes on where it was, and knows what it wrote.
 */
async function writtenBefore(
  { store }: ProposeParts,
  { agent, subject, index }: Proposal,
): Promise<Finding | null> {
  if ('model' in agent.run) return null;
  const { granted } = await sessionOf(store, subject.sessionId);
  if (granted === null) return null;
  const written = await store.db
    .selectFrom('drafts')
    .select('id')
    .where('turn_id', '=', subject.turnId)
    .where('action_index', '<>', index)
    .where('created_at', '<', granted.granted_at)
    .limit(1)
    .executeTakeFirst();
  return written
    ? finding(
        'written_before',
        'An earlier attempt of this turn, which did not come to its end, has written a mail.',
      )
    : null;
}

const originOf = ({ subject, answers, index, threadId }: Proposal): DraftOrigin => ({
  accountId: subject.accountId,
  sessionId: subject.sessionId,
  threadId: threadId ?? subject.threadId,
  turnId: subject.turnId,
  actionIndex: index,
  answersMessageId: answers,
  author: `agent:${subject.agent}`,
});

/** What came of the same proposal before. */
async function outcomeBefore(tx: Tx, { subject, index }: Proposal): Promise<Outcome> {
  const row = await tx
    .selectFrom('drafts')
    .select(['id', 'reasons', 'submission_id'])
    .where('turn_id', '=', subject.turnId)
    .where('action_index', '=', index)
    .executeTakeFirstOrThrow();
  const reasons = JSON.parse(row.reasons) as string[];
  return row.submission_id === null
    ? { state: 'waiting', draft_id: row.id, submission_id: null, reasons }
    : { state: 'sent', draft_id: row.id, submission_id: row.submission_id, reasons };
}
