// What the record of a session says of its drafts: that a person is asked, and what was decided by whom. And the two things
// that happen to a draft because of its session: a paused agent's waits for a person, an ended session's is withdrawn.
import type { Bus } from '../cluster/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Pausable, pauseOf, pauseReason } from '../sessions/pauses.ts';
import { record } from '../sessions/record.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import type { DraftOrigin, DraftRow } from './draft-rows.ts';
import type { Timing } from './release.ts';

interface RecordParts {
  clock: Clock;
  bus: Bus;
}

export type DraftDecision = { reasons: string[] } | { approvedBy: string; timing?: Timing };

/** What policy decided; while whoever it was decided for is paused, nothing leaves without a person. */
export async function unlessPaused(tx: Tx, whose: Pausable, decision: DraftDecision): Promise<DraftDecision> {
  if (!('approvedBy' in decision)) return decision;
  const held = await pauseOf(tx, whose);
  return held ? { reasons: [pauseReason(held)] } : decision;
}

/** The same for the agent of a session; what belongs to none is decided already. */
export async function unlessAgentPaused(
  tx: Tx,
  sessionId: string | null,
  decision: DraftDecision,
): Promise<DraftDecision> {
  if (sessionId === null || !('approvedBy' in decision)) return decision;
  const session = await tx
    .selectFrom('sessions')
    .select(['agent', 'account_id'])
    .where('id', '=', sessionId)
    .executeTakeFirst();
  return session ? unlessPaused(tx, session, decision) : decision;
}

/** A new draft: a person is asked, or policy let it go. */
export async function recordMade(
  parts: RecordParts,
  tx: Tx,
  { sessionId, turnId }: DraftOrigin,
  made: { draftId: string; submissionId: string | null },
  decision: DraftDecision,
): Promise<void> {
  if (sessionId === null) return;
  const about = { sessionId, turnId };
  if ('reasons' in decision) {
    const data = { draft_id: made.draftId, reasons: decision.reasons };
    return record(parts, tx, { ...about, kind: 'asked', data });
  }
  const { draftId: draft_id, submissionId: submission_id } = made;
  const data = { decision: 'approved', by: decision.approvedBy, draft_id, submission_id };
  return record(parts, tx, { ...about, kind: 'decided', data });
}

/** What a person did to a draft. */
export async function recordDecision(
  parts: RecordParts,
  tx: Tx,
  row: Pick<DraftRow, 'id' | 'session_id' | 'turn_id'>,
  decided: {
    decision: string;
    by: string;
    feedback?: string | null;
    submission_id?: string;
    version?: number;
  },
): Promise<void> {
  if (row.session_id === null) return;
  const about = { sessionId: row.session_id, turnId: row.turn_id };
  await record(parts, tx, { ...about, kind: 'decided', data: { ...decided, draft_id: row.id } });
}

/** Takes back what waits of a session that is over. */
export async function withdrawDrafts(
  parts: RecordParts,
  tx: Tx,
  sessionId: string,
  reason: string,
): Promise<void> {
  const now = parts.clock.now();
  const rows = await tx
    .updateTable('drafts')
    .set({ state: 'withdrawn', feedback: reason, decided_by: 'postern', decided_at: now, updated_at: now })
    .where('session_id', '=', sessionId)
    .where('state', '=', 'waiting')
    .returning(['id', 'session_id', 'turn_id', 'account_id'])
    .execute();
  for (const row of rows) {
    await recordDecision(parts, tx, row, { decision: 'withdrawn', by: 'postern', feedback: reason });
    const told = { draft_id: row.id, state: 'withdrawn', account_id: row.account_id };
    afterCommit(tx, () => parts.bus.publish('draft.changed', told));
  }
}
