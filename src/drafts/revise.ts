// A draft that its agent changes: a new version, judged anew, which waits for a person whatever the policy would let go.
// What a person has edited is theirs, and what was decided stays.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { DraftChange } from '../contracts/agent-call.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Agent } from '../contracts/rule.ts';
import { codeOf, notFound, PosternError } from '../kernel/errors.ts';
import { htmlToText } from '../mail/html.ts';
import { parseRecipient } from '../mail/recipient.ts';
import type { PolicyRule } from '../policy/rules.ts';
import type { LiveTurn } from '../sessions/live-turn.ts';
import { loadTurnSubject } from '../sessions/subject.ts';
import type { SessionPrincipal } from '../sessions/tokens.ts';
import { afterCommit, type Reader, type Tx } from '../store/store.ts';
import type { CallFiles } from './call-files.ts';
import { contentOf } from './content.ts';
import { changeWaiting, type DraftRow, requireVersion, requireWaiting, rowOf } from './draft-rows.ts';
import type { Drafts } from './drafts.ts';
import { type JudgementParts, judgeMail, type Written } from './judgement.ts';
import { type Outcome, UNWRITABLE, type Within } from './propose.ts';
import { attachedAgain } from './spill.ts';

export interface ReviseParts extends JudgementParts {
  bus: Bus;
  accounts: Pick<Accounts, 'get'>;
  drafts: Pick<Drafts, 'prepare'>;
}

export interface Revision {
  draftId: string;
  turn: LiveTurn;
  agent: Agent;
  words: Omit<DraftChange, 'attachments'>;
  /** Absent: those that it has stay. */
  files: CallFiles | undefined;
  /** Why a person is asked in any case. */
  because: string;
}

/**
 * @param within as of `propose`
 * @param refused records a refusal, which leaves the draft as it is
 * @throws PosternError `not_found`, `draft_not_waiting`, `draft_edited`, `draft_version_mismatch`, `invalid_input`
 */
export async function revise(
  parts: ReviseParts,
  session: SessionPrincipal,
  { draftId, turn, agent, words, files, because }: Revision,
  within: Within,
  refused: (tx: Tx, reason: string, rule: PolicyRule) => Promise<void>,
): Promise<Outcome | null> {
  const row = await rowOf(parts.store.db, draftId);
  if (row.session_id !== session.sessionId) throw notFound('draft', draftId);
  requireWaiting(row);
  await requireUntouched(parts.store.db, row, session.agent);
  const subject = await loadTurnSubject(parts.store, turn.id, row.answers_message_id ?? undefined);
  if (!subject) return null;
  const account = await parts.accounts.get(row.account_id);
  const old = JSON.parse(row.content) as DraftContent;
  const attachments = files?.attachments ?? attachedAgain(old).attachments;
  const revised = row.answers_message_id === null ? revisedMail(old, words) : revisedReply(old, words);
  const judged = await judgeMail(parts, account, {
    ...{ agent, subject, written: revised.written, origins: files?.origins },
    content: (sender, written = {}) => ({
      ...revised.content(written, (reply) => contentOf(sender, subject.message, { ...reply, attachments })),
      attachments,
      message_id: old.message_id,
      auto_submitted: null,
    }),
  }).catch((error: unknown) => {
    if (UNWRITABLE.has(codeOf(error))) throw new PosternError('invalid_input', (error as Error).message);
    throw error;
  });
  const texts = judged.verdict.reasons.map(({ text }) => text);
  if (judged.verdict.verdict === 'refuse')
    return within(async (tx) => {
      for (const { text, rule } of judged.verdict.reasons) await refused(tx, text, rule);
      return { state: 'refused', draft_id: null, submission_id: null, reasons: texts };
    });
  // What was said of files that stay is not looked at again.
  const before = !files && attachments.length > 0 ? (JSON.parse(row.reasons) as string[]) : [];
  const reasons = [...new Set([...texts, ...before, because])];
  const prepared = await parts.drafts.prepare(judged.content, account);
  let isKept = false;
  try {
    return await within(async (tx) => {
      const now = parts.clock.now();
      const current = await rowOf(tx, draftId);
      requireWaiting(current);
      requireVersion(current, row.version);
      const version = row.version + 1;
      await prepared.record(tx, draftId, version, authorOf(session.agent), now);
      await changeWaiting(tx, current, {
        ...{ version, digest: prepared.digest, reasons: JSON.stringify(reasons), updated_at: now },
      });
      isKept = true;
      for (const { text, rule, effect } of judged.verdict.reasons)
        if (effect === 'remove') await refused(tx, text, rule);
      const told = { draft_id: draftId, state: 'waiting', account_id: row.account_id };
      afterCommit(tx, () => parts.bus.publish('draft.changed', told));
      return { state: 'waiting', draft_id: draftId, submission_id: null, reasons };
    });
  } finally {
    if (!isKept) await prepared.discard();
  }
}

const authorOf = (agent: string): string => `agent:${agent}`;

async function requireUntouched(db: Reader, row: DraftRow, agent: string): Promise<void> {
  const { author } = await db
    .selectFrom('draft_versions')
    .select('author')
    .where('draft_id', '=', row.id)
    .where('version', '=', row.version)
    .executeTakeFirstOrThrow();
  if (author === authorOf(agent)) return;
  throw new PosternError('draft_edited', `A person has edited the draft ${row.id}: it is theirs now.`, {
    hint: 'Write another draft, or ask the person.',
  });
}

interface Revised {
  /** The agent's words in it. */
  written: Written;
  content(written: Written, reply: (action: { type: 'reply' } & Written) => DraftContent): DraftContent;
}

/** Whom a reply goes to, and its subject, follow from the mail that is answered. */
function revisedReply(old: DraftContent, { text, html, ...others }: Revision['words']): Revised {
  const foreign = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (foreign !== undefined)
    throw new PosternError('invalid_input', `A reply has no ${foreign} of its own: the gateway sets it.`);
  if (text === undefined && html === undefined)
    return { written: writtenOf(old), content: (written) => ({ ...old, ...bodyOf(old, written) }) };
  return {
    written: { ...(text === undefined ? {} : { text }), ...(html === undefined ? {} : { html }) },
    content: ({ text: plain, html: rich }, reply) => ({
      ...reply({
        type: 'reply',
        ...(plain === undefined ? {} : { text: plain }),
        ...(rich === undefined ? {} : { html: rich }),
      }),
      ...{ to: old.to, cc: old.cc }, // also where it went to all
    }),
  };
}

function revisedMail(old: DraftContent, words: Revision['words']): Revised {
  const { to, cc, bcc, subject, text, html } = words;
  const next: DraftContent = {
    ...old,
    to: to?.map(parseRecipient) ?? old.to,
    cc: cc?.map(parseRecipient) ?? old.cc,
    bcc: bcc?.map(parseRecipient) ?? old.bcc,
    subject: subject ?? old.subject,
    text: text ?? (html === undefined ? old.text : htmlToText(html)),
    // An HTML part that says something else than the new text would leave unseen.
    html: html ?? (text === undefined ? old.html : null),
  };
  return {
    written: writtenOf(next),
    content: (written) => ({ ...next, subject: written.subject ?? next.subject, ...bodyOf(next, written) }),
  };
}

const writtenOf = ({ subject, text, html }: DraftContent): Written => ({
  ...{ subject, text },
  ...(html === null ? {} : { html }),
});

const bodyOf = (content: DraftContent, { text, html }: Written): Pick<DraftContent, 'text' | 'html'> => ({
  text: text ?? content.text,
  html: html ?? content.html,
});
