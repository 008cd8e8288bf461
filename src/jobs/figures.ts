// How much work lies in the queue, for metrics: counted at the moment of asking, by an index, and up to a bound.
import type { Clock } from '../kernel/clock.ts';
import { literal } from '../store/literal.ts';
import type { Reader } from '../store/store.ts';

/** Counting stops here, so that a look at a huge backlog costs milliseconds; more than this is an alarm in any case. */
const COUNT_LIMIT = 100_000;

export interface JobFigures {
  /** Due now. */
  ready: number;
  /** To be done at a later time: retries, and what is scheduled. */
  later: number;
  running: number;
  /** The dead letters. */
  dead: number;
}

export async function jobFigures(db: Reader, clock: Clock): Promise<JobFigures> {
  const now = clock.now();
  const count = async (state: 'ready' | 'running' | 'dead', due?: boolean): Promise<number> => {
    let rows = db.selectFrom('jobs').select('kind').where('state', '=', literal(state)).limit(COUNT_LIMIT);
    if (due !== undefined) rows = rows.where('run_at', due ? '<=' : '>', now);
    const { total } = await db
      .selectFrom(rows.as('counted'))
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return Number(total);
  };
  return {
    ready: await count('ready', true),
    later: await count('ready', false),
    running: await count('running'),
    dead: await count('dead'),
  };
}
