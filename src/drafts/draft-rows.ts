// The rows of drafts: how they are read with their current version, what is demanded of one, and how one is shown.

import type { Selectable, Updateable } from 'kysely';
import type { DraftContent, DraftView } from '../contracts/draft.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { DraftsTable, DraftVersionsTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';

/** A draft with its current version. */
export type DraftRow = Selectable<DraftsTable> &
  Pick<Selectable<DraftVersionsTable>, 'content' | 'envelope' | 'raw_object_id'> & {
    /** A mail of somebody else that came to the thread after the one that it answers. */
    newer_message_id: string | null;
  };

/** What a new draft belongs to. */
export interface DraftOrigin {
  accountId: string;
  sessionId: string | null;
  threadId: string | null;
  turnId: string | null;
  actionIndex: number | null;
  answersMessageId: string | null;
  author: string;
  /** False: its recipients do not become known by it, as those of an answer that no person has seen. */
  acquaints?: boolean;
}

/** Mail that says nothing which an answer could miss. */
const NO_LETTERS = ['own', 'bounce', 'complaint', 'receipt'];
const NEWER_MAIL = 'A newer mail came to the conversation: this answers the one before it.';

const rowsOf = (db: Reader) =>
  db
    .selectFrom('drafts')
    .innerJoin('draft_versions', (join) =>
      join
        .onRef('draft_versions.draft_id', '=', 'drafts.id')
        .onRef('draft_versions.version', '=', 'drafts.version'),
    )
    .selectAll('drafts')
    .select(['draft_versions.content', 'draft_versions.envelope', 'draft_versions.raw_object_id'])
    .select((eb) =>
      eb
        .selectFrom('messages as newer')
        .innerJoin('messages as answered', (join) =>
          join.onRef('answered.id', '=', 'drafts.answers_message_id'),
        )
        .select('newer.id')
        .whereRef('newer.thread_id', '=', 'drafts.thread_id')
        .whereRef('newer.account_id', '=', 'drafts.account_id')
        .where('newer.kind', 'not in', NO_LETTERS)
        .where((w) =>
          w.or([
            w('newer.arrived_at', '>', w.ref('answered.arrived_at')),
            w.and([
              w('newer.arrived_at', '=', w.ref('answered.arrived_at')),
              w('newer.id', '>', w.ref('answered.id')),
            ]),
          ]),
        )
        .orderBy('newer.arrived_at', 'desc')
        .limit(1)
        .as('newer_message_id'),
    );

export interface DraftFilter {
  state?: string | undefined;
  account?: string | undefined;
  session?: string | undefined;
  limit: number;
  before?: string | undefined;
}

/** The newest first. */
export function listRows(db: Reader, filter: DraftFilter): Promise<DraftRow[]> {
  let query = rowsOf(db).orderBy('drafts.id', 'desc').limit(filter.limit);
  if (filter.state !== undefined) query = query.where('drafts.state', '=', filter.state);
  if (filter.account !== undefined) query = query.where('drafts.account_id', '=', filter.account);
  if (filter.session !== undefined) query = query.where('drafts.session_id', '=', filter.session);
  if (filter.before !== undefined) query = query.where('drafts.id', '<', filter.before);
  return query.execute();
}

export async function rowOf(db: Reader, id: string): Promise<DraftRow> {
  const row = await rowsOf(db).where('drafts.id', '=', id).executeTakeFirst();
  if (!row) throw notFound('draft', id);
  return row;
}

export function requireWaiting(row: DraftRow): void {
  if (row.state === 'waiting') return;
  throw new PosternError(
    'draft_not_waiting',
    `The draft ${row.id} is ${row.state} already${row.decided_by ? ` (by ${row.decided_by})` : ''}.`,
  );
}

/** Of two who decide or edit at once, one wins, also where transactions run side by side. */
export async function changeWaiting(tx: Tx, row: DraftRow, change: Updateable<DraftsTable>): Promise<void> {
  const changed = await tx
    .updateTable('drafts')
    .set(change)
    .where('id', '=', row.id)
    .where('state', '=', 'waiting')
    .where('version', '=', row.version)
    .returning('id')
    .executeTakeFirst();
  if (!changed)
    throw new PosternError('draft_not_waiting', `The draft ${row.id} was decided or changed meanwhile.`);
}

export function requireDigest(row: DraftRow, digest: string): void {
  if (row.digest === digest) return;
  throw new PosternError(
    'draft_digest_mismatch',
    `The draft ${row.id} is not what was looked at: its digest is another one now.`,
    { hint: 'Look at it again, and approve what it is now.' },
  );
}

export function requireVersion(row: DraftRow, version: number): void {
  if (row.version === version) return;
  throw new PosternError(
    'draft_version_mismatch',
    `The draft ${row.id} has version ${row.version} now, not ${version}.`,
    { hint: 'Read it again before you change it.' },
  );
}

export function viewOf(row: DraftRow): DraftView {
  return {
    ...(JSON.parse(row.content) as DraftContent),
    id: row.id,
    state: row.state as DraftView['state'],
    version: row.version,
    digest: row.digest,
    account_id: row.account_id,
    session_id: row.session_id,
    thread_id: row.thread_id,
    reasons: reasonsOf(row),
    feedback: row.feedback,
    decided_by: row.decided_by,
    submission_id: row.submission_id,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** Those of policy; and while it waits, what has changed since it was written. */
function reasonsOf(row: DraftRow): string[] {
  const reasons = JSON.parse(row.reasons) as string[];
  return row.state === 'waiting' && row.newer_message_id !== null ? [...reasons, NEWER_MAIL] : reasons;
}

const insertRow = keptQuery(
  (
    db,
    id: string,
    account_id: string,
    session_id: string | null,
    thread_id: string | null,
    turn_id: string | null,
    action_index: number | null,
    answers_message_id: string | null,
    state: string,
    digest: string,
    reasons: string,
    decided_by: string | null,
    decided_at: number | null,
    submission_id: string | null,
    now: number,
  ) =>
    db
      .insertInto('drafts')
      .values({
        ...{ id, account_id, session_id, thread_id, turn_id, action_index, answers_message_id, state },
        ...{ version: 1, digest, reasons, feedback: null, decided_by, decided_at, submission_id },
        ...{ created_at: now, updated_at: now },
      })
      .onConflict((conflict) => conflict.columns(['turn_id', 'action_index']).doNothing())
      .returning('id'),
);

interface NewDraft {
  draftId: string;
  digest: string;
  reasons: readonly string[];
  /** Null: it waits for a person. */
  approvedBy: string | null;
  submissionId: string | null;
  now: number;
}

/** @returns false where the same action of the same turn has made its draft before */
export async function insertDraft(tx: Tx, origin: DraftOrigin, draft: NewDraft): Promise<boolean> {
  const { draftId, digest, reasons, approvedBy, submissionId, now } = draft;
  const of = [
    origin.accountId,
    origin.sessionId,
    origin.threadId,
    origin.turnId,
    origin.actionIndex,
  ] as const;
  const decided = [approvedBy, approvedBy === null ? null : now, submissionId] as const;
  const state = approvedBy === null ? 'waiting' : 'approved';
  const answers = origin.answersMessageId;
  const made = await insertRow(
    ...([tx, draftId, ...of, answers, state, digest, JSON.stringify(reasons), ...decided, now] as const),
  );
  return made.length > 0;
}
