// The append-only record of a session: what came to it, what its agent called, what was refused and why, what was
// answered, and what people decided. Written in the transaction of what it tells of, so that neither is there alone.
import type { Bus } from '../cluster/bus.ts';
import type { RecordData, RecordKind, SessionRecord } from '../contracts/session-record.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { keptQuery } from '../store/kept-query.ts';
import { afterCommit, type Reader, type Tx } from '../store/store.ts';

const LARGEST_DATA_CHARS = 16_000; // a record tells what happened; what was written in full stands in drafts and messages
const LONGEST_STRING_CHARS = 1_000; // of each text in data that is too large
const DEEPEST = 8; // what nests further is cut: it comes from agents

export interface RecordParts {
  clock: Clock;
  /** Where there is one, it hears of each entry. */
  bus?: Bus | undefined;
  /** Takes secrets out of what an agent said. */
  conceal?: ((text: string) => string) | undefined;
}

/** What holds words of agents. The others are ids and words of ours, and are written with every mail. */
const AGENTS_WORDS: ReadonlySet<RecordKind> = new Set(['called', 'refused', 'answered', 'asked']);

export interface NewRecord {
  sessionId: string;
  /** The turn that it happened in; null for what happens between turns. */
  turnId: string | null;
  kind: RecordKind;
  /** Ids, names and reasons: never a token or a secret. What is too large is cut. */
  data: RecordData;
}

const insert = keptQuery(
  (db, id: string, sessionId: string, turnId: string | null, at: number, kind: string, data: string) =>
    db
      .insertInto('turn_records')
      .values((eb) => ({
        id,
        session_id: sessionId,
        turn_id: turnId,
        seq: eb
          .selectFrom('turn_records as before')
          .select((sub) =>
            sub(sub.fn.coalesce(sub.fn.max('before.seq'), sub.lit(0)), '+', sub.lit(1)).as('next'),
          )
          .where('before.session_id', '=', sessionId),
        at,
        kind,
        data,
      }))
      .returning('seq'),
);

/** Adds to the record of a session, in the transaction of what it tells of. */
export async function record(parts: RecordParts, tx: Tx, entry: NewRecord): Promise<void> {
  const at = parts.clock.now();
  const { sessionId, turnId, kind, data } = entry;
  const conceal = AGENTS_WORDS.has(kind) ? parts.conceal : undefined;
  await insert(tx, newId('rec', at), sessionId, turnId, at, kind, jsonOf(data, conceal));
  afterCommit(tx, () =>
    parts.bus?.publish('session.recorded', { session_id: sessionId, turn_id: turnId, kind }),
  );
}

export interface RecordRange {
  limit: number;
  /** The id of the entry after which to go on. */
  after?: string | undefined;
  turnId?: string | undefined;
}

/** The record of a session, the oldest first. */
export async function recordsOf(db: Reader, sessionId: string, range: RecordRange): Promise<SessionRecord[]> {
  let query = db
    .selectFrom('turn_records')
    .selectAll()
    .where('session_id', '=', sessionId)
    .orderBy('seq')
    .limit(range.limit);
  if (range.after !== undefined)
    query = query.where('seq', '>', (eb) =>
      eb
        .selectFrom('turn_records as last')
        .select('last.seq')
        .where('last.id', '=', range.after ?? ''),
    );
  if (range.turnId !== undefined) query = query.where('turn_id', '=', range.turnId);
  const rows = await query.execute();
  return rows.map(({ data, kind, ...row }) => ({
    ...row,
    kind: kind as RecordKind,
    data: JSON.parse(data) as RecordData,
  }));
}

function jsonOf(data: RecordData, conceal: RecordParts['conceal']): string {
  const isCut = JSON.stringify(data).length > LARGEST_DATA_CHARS;
  const kept = isCut ? { ...(shortened(data, 0) as RecordData), cut: true } : data;
  const text = JSON.stringify(kept, (_key, value: unknown) =>
    conceal && typeof value === 'string' ? conceal(value) : value,
  );
  return text.length <= LARGEST_DATA_CHARS
    ? text
    : JSON.stringify({ text: text.slice(0, LARGEST_DATA_CHARS / 4), cut: true }); // quoted once more it may grow
}

function shortened(value: unknown, depth: number): unknown {
  if (typeof value === 'string')
    return value.length > LONGEST_STRING_CHARS ? `${value.slice(0, LONGEST_STRING_CHARS)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => shortened(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item, depth + 1)]));
}
