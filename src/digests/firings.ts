// When digests are due, in the ledger: each time that one is due makes one firing, by a key that two processes, a restart and
// a clock that is set back share.
import type { Selectable } from 'kysely';
import type { Bus } from '../cluster/bus.ts';
import type { DigestDefinition } from '../contracts/digest.ts';
import { digestLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { DigestFiringsTable, DigestSchedulesTable } from '../store/schema-digests.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import { dueAt } from './due.ts';
import { nextAfter } from './schedule.ts';

export interface FiringParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  log: Logger;
}

export type Firing = Selectable<DigestFiringsTable>;
export type DigestSchedule = Selectable<DigestSchedulesTable>;

/** What the ledger knows of a digest's times. */
export async function scheduleOf(db: Reader, name: string): Promise<DigestSchedule | null> {
  const row = await db.selectFrom('digest_schedules').selectAll().where('name', '=', name).executeTakeFirst();
  return row ?? null;
}

/**
 * Fires what is due of one digest, and reckons when it is due next. A digest that is new, or whose times were changed, begins
 * with the next time to come.
 * @returns when it is due next, epoch milliseconds; null: never, or not while it is paused
 */
export async function fireDue(parts: FiringParts, digest: DigestDefinition): Promise<number | null> {
  const { store, clock } = parts;
  const now = clock.now();
  const seen = await scheduleOf(store.db, digest.name);
  const isNew = seen === null || seen.cron !== digest.cron || seen.timezone !== digest.timezone;
  // The common look: nothing is due, and nothing is written.
  if (!isNew && seen.next_at !== null && seen.next_at > now) {
    const upcoming = nextAfter(digest, now);
    if (upcoming === null || upcoming >= seen.next_at) return seen.paused_at === null ? seen.next_at : null;
  }
  return store.write(async (tx) => {
    const row = await scheduleOf(tx, digest.name);
    const begins = row === null || row.cron !== digest.cron || row.timezone !== digest.timezone;
    // What passes while it is paused is nobody's loss: whoever paused it wanted it not to come.
    const skips = begins || row.paused_at !== null;
    const { fires, nextAt } = skips
      ? { fires: [], nextAt: nextAfter(digest, now) }
      : dueAt(digest, row.next_at, now, digest.missed);
    await keepSchedule(tx, digest, nextAt, now);
    for (const at of fires) await fire(parts, tx, digest, { scheduledFor: at, occasion: `at:${at}` });
    if (fires.length > 1)
      parts.log.info(
        { digest: digest.name, fired: fires.length },
        'times of a digest that were missed are made up for',
      );
    return row?.paused_at ? null : nextAt;
  });
}

async function keepSchedule(
  tx: Tx,
  { name, cron, timezone }: DigestDefinition,
  nextAt: number | null,
  now: number,
): Promise<void> {
  await tx
    .insertInto('digest_schedules')
    .values({
      ...{ name, cron, timezone, next_at: nextAt },
      ...{ paused_at: null, paused_by: null, created_at: now, updated_at: now },
    })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ cron, timezone, next_at: nextAt, updated_at: now }),
    )
    .execute();
}

interface Occasion {
  scheduledFor: number;
  /** `at:…` for a time of the schedule, `run:…` for a person's wish. */
  occasion: string;
}

/** @returns the firing's id, or null where this occasion had its firing before */
export async function fire(
  { jobs, clock, bus }: Pick<FiringParts, 'jobs' | 'clock' | 'bus'>,
  tx: Tx,
  digest: DigestDefinition,
  { scheduledFor, occasion }: Occasion,
): Promise<string | null> {
  const now = clock.now();
  const id = newId('dgf', now);
  const inserted = await tx
    .insertInto('digest_firings')
    .values({
      ...{ id, digest: digest.name, occasion, scheduled_for: scheduledFor },
      cause: occasion.startsWith('at:') ? 'schedule' : 'run',
      state: 'queued',
      definition: JSON.stringify(digest),
      ...{ broadcast_id: null, error: null, created_at: now, ended_at: null },
    })
    .onConflict((conflict) => conflict.columns(['digest', 'occasion']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!inserted) return null;
  await jobs.enqueue(tx, 'digest.fire', { firing_id: id }, { lane: digestLane(digest.name) });
  afterCommit(tx, () =>
    bus.publish('digest.changed', { digest: digest.name, firing_id: id, state: 'queued' }),
  );
  return id;
}

/** A digest that is taken out of the files and put back later begins anew: nobody waits for what was due meanwhile. */
export async function forgetOthers({ store, clock }: FiringParts, names: readonly string[]): Promise<void> {
  const known = await store.db
    .selectFrom('digest_schedules')
    .select('name')
    .where('cron', '<>', '')
    .execute();
  const here = new Set(names);
  const gone = known.map(({ name }) => name).filter((name) => !here.has(name));
  if (gone.length === 0) return;
  await store.write((tx) =>
    tx
      .updateTable('digest_schedules')
      .set({ cron: '', next_at: null, updated_at: clock.now() })
      .where('name', 'in', gone)
      .execute(),
  );
}

/** Looks after all digests at once. One that cannot be reckoned is told of, and the others go on. */
export async function fireAll(
  parts: FiringParts,
  digests: Iterable<DigestDefinition>,
): Promise<number | null> {
  let first: number | null = null;
  for (const digest of digests) {
    try {
      const next = await fireDue(parts, digest);
      if (next !== null && (first === null || next < first)) first = next;
    } catch (error) {
      parts.log.error(
        { digest: digest.name, error: explain(error) },
        'the times of a digest could not be looked at',
      );
    }
  }
  return first;
}
