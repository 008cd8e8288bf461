// The rows of broadcasts and their recipients: how they are read, changed and counted.
import type { Selectable, Updateable } from 'kysely';
import type {
  BroadcastCounts,
  BroadcastSample,
  BroadcastState,
  BroadcastView,
} from '../contracts/broadcast.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { rowInsert } from '../store/insert-rows.ts';
import type { BroadcastRecipientsTable, BroadcastsTable } from '../store/schema-digests.ts';
import type { Reader, Tx } from '../store/store.ts';

export type BroadcastRow = Selectable<BroadcastsTable>;

/** What the row keeps besides, so that nobody has to read the content to show it. */
export interface KeptSample extends BroadcastSample {
  from: { name: string; address: string };
  template: string;
}

/** @throws PosternError `not_found` */
export async function broadcastRow(db: Reader, id: string): Promise<BroadcastRow> {
  const row = await db.selectFrom('broadcasts').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('broadcast', id);
  return row;
}

export interface BroadcastFilter {
  state?: string | undefined;
  account?: string | undefined;
  digest?: string | undefined;
  limit: number;
  before?: string | undefined;
}

/** The newest first. */
export function listBroadcasts(db: Reader, filter: BroadcastFilter): Promise<BroadcastRow[]> {
  let query = db.selectFrom('broadcasts').selectAll().orderBy('id', 'desc').limit(filter.limit);
  if (filter.state !== undefined) query = query.where('state', '=', filter.state);
  if (filter.account !== undefined) query = query.where('account_id', '=', filter.account);
  if (filter.digest !== undefined) query = query.where('digest_name', '=', filter.digest);
  if (filter.before !== undefined) query = query.where('id', '<', filter.before);
  return query.execute();
}

/**
 * Moves a broadcast from one of some states to another. Of two who change it at once, one wins.
 * @throws PosternError `broadcast_state` where it is in none of them (any more)
 */
export async function moveBroadcast(
  tx: Tx,
  id: string,
  from: readonly BroadcastState[],
  change: Updateable<BroadcastsTable> & { state: BroadcastState },
): Promise<BroadcastRow> {
  const row = await tx
    .updateTable('broadcasts')
    .set(change)
    .where('id', '=', id)
    .where('state', 'in', from)
    .returningAll()
    .executeTakeFirst();
  if (row) return row;
  const { state, decided_by: by } = await broadcastRow(tx, id);
  throw new PosternError(
    'broadcast_state',
    `The broadcast ${id} is ${state}${by ? ` (decided by ${by})` : ''}.`,
    {
      hint: `This goes with ${from.join(' or ')}.`,
    },
  );
}

export const insertRecipients = rowInsert(
  'broadcast_recipients',
  ['broadcast_id', 'position', 'address', 'state', 'submission_id', 'note', 'updated_at'],
  ['broadcast_id', 'position'],
);

/** How far the list was worked off: the position of the next recipient. */
export async function nextPosition(db: Reader, id: string): Promise<number> {
  const row = await db
    .selectFrom('broadcast_recipients')
    .select('position')
    .where('broadcast_id', '=', id)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? row.position + 1 : 0;
}

type RecipientState = BroadcastRecipientsTable['state'];

export async function countQueued(db: Reader, id: string): Promise<number> {
  const { total } = await db
    .selectFrom('broadcast_recipients')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('broadcast_id', '=', id)
    .where('state', '=', 'queued')
    .executeTakeFirstOrThrow();
  return Number(total);
}

const LOOKED_AT_ONCE = 1_000;

/**
 * Brings the states of recipients up to what became of their mails.
 * @returns how many have changed
 */
export async function takeOutcomes(tx: Tx, id: string, now: number): Promise<number> {
  const rows = await tx
    .selectFrom('broadcast_recipients as r')
    .innerJoin('submissions as s', 's.id', 'r.submission_id')
    .innerJoin('submission_recipients as a', (join) =>
      join.onRef('a.submission_id', '=', 's.id').on('a.position', '=', 0),
    )
    .select(['r.position', 'r.state as before', 's.state', 'a.state as recipient', 'a.response'])
    .where('r.broadcast_id', '=', id)
    .where('r.state', 'in', ['queued', 'unknown'])
    .where('s.state', 'not in', ['queued', 'sending'])
    .limit(LOOKED_AT_ONCE)
    .execute();
  const changed = rows
    .map((row) => ({ ...row, after: outcomeOf(row.state, row.recipient, row.response) }))
    .filter(({ before, after }) => before !== after);
  for (const [after, those] of Map.groupBy(changed, (row) => row.after)) {
    const isPlain = after === 'sent';
    for (const group of isPlain ? [those] : those.map((one) => [one]))
      await tx
        .updateTable('broadcast_recipients')
        .set({ state: after, note: isPlain ? null : (group[0]?.response ?? null), updated_at: now })
        .where('broadcast_id', '=', id)
        .where(
          'position',
          'in',
          group.map(({ position }) => position),
        )
        .execute();
  }
  return changed.length;
}

function outcomeOf(submission: string, recipient: string, response: string | null): RecipientState {
  if (submission === 'bounced' || submission === 'complained') return 'sent';
  // The outbox stops whoever came onto the suppression list while the mail waited, and says why.
  if (recipient === 'suppressed' && /: unsubscribe\b/.test(response ?? '')) return 'unsubscribed';
  if (recipient === 'sent' || recipient === 'suppressed' || recipient === 'unknown') return recipient;
  return submission === 'cancelled' || recipient === 'cancelled' ? 'cancelled' : 'failed';
}

/** Of several broadcasts at once, by their ids. */
export async function countsOf(
  db: Reader,
  rows: readonly Pick<BroadcastRow, 'id' | 'total' | 'state'>[],
): Promise<Map<string, BroadcastCounts>> {
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const states = await db
    .selectFrom('broadcast_recipients')
    .select(['broadcast_id', 'state'])
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('broadcast_id', 'in', ids)
    .groupBy(['broadcast_id', 'state'])
    .execute();
  const bounced = await db
    .selectFrom('submissions')
    .select('broadcast_id')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('broadcast_id', 'in', ids)
    .where('state', 'in', ['bounced', 'complained'])
    .groupBy('broadcast_id')
    .execute();
  return new Map(
    rows.map(({ id, total, state }) => {
      const of = (wanted: RecipientState): number =>
        Number(states.find((row) => row.broadcast_id === id && row.state === wanted)?.total ?? 0);
      const taken = states
        .filter((row) => row.broadcast_id === id)
        .reduce((sum, row) => sum + Number(row.total), 0);
      const rest = total - taken;
      const isOver = state === 'rejected' || state === 'cancelled';
      return [
        id,
        {
          total,
          pending: isOver ? 0 : rest,
          ...{ queued: of('queued'), sent: of('sent'), failed: of('failed'), unknown: of('unknown') },
          ...{ suppressed: of('suppressed'), unsubscribed: of('unsubscribed') },
          cancelled: of('cancelled') + (isOver ? rest : 0),
          bounced: Number(bounced.find((row) => row.broadcast_id === id)?.total ?? 0),
        },
      ];
    }),
  );
}

export function broadcastView(row: BroadcastRow, counts: BroadcastCounts): BroadcastView {
  const { from, template, to, subject, text, html } = JSON.parse(row.sample) as KeptSample;
  return {
    ...{ id: row.id, name: row.name, state: row.state as BroadcastState, version: 1, digest: row.digest },
    ...{ account_id: row.account_id, digest_name: row.digest_name, from, template, to, subject, text, html },
    reasons: JSON.parse(row.reasons) as string[],
    ...{ made_by: row.made_by, feedback: row.feedback, decided_by: row.decided_by, error: row.error },
    counts,
    ...{ created_at: row.created_at, updated_at: row.updated_at },
    ...{ started_at: row.started_at, ended_at: row.ended_at },
  };
}
