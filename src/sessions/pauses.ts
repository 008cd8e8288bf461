// The kill switch: an agent, the agents of an account, or all of them are paused. Turns that run are ended at once and
// their tokens are dead; turns that wait go on waiting, and none is lost; no draft leaves by policy alone. A pause is kept
// in the ledger and lasts until a person ends it.
import type { Bus } from '../cluster/bus.ts';

import { agentPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { keptQuery } from '../store/kept-query.ts';
import { literal } from '../store/literal.ts';
import { afterCommit, type Reader, type Tx } from '../store/store.ts';
import { record } from './record.ts';
import { setSession } from './state.ts';

/** How long work that was found paused waits before it looks again; a resume wakes it sooner. */
export const LOOK_AGAIN_MS = 60_000;

export type PausePlace =
  | { scope: 'agent'; name: string }
  | { scope: 'account'; name: string }
  | { scope: 'all' };

export interface Pause {
  scope: 'agent' | 'account' | 'all';
  /** The agent's name, the account's id, or nothing. */
  name: string;
  reason: string;
  paused_by: string;
  paused_at: number;
}

export interface PauseParts {
  clock: Clock;
  bus: Bus;
}

/** Whom a pause holds: a session's or a turn's agent and account. */
export interface Pausable {
  agent: string;
  account_id: string;
}

const nameOf = (place: PausePlace): string => (place.scope === 'all' ? '' : place.name);

/**
 * Pauses in the caller's transaction; one that is paused already stays so, with its first reason.
 * @param by a person's name, or `policy`
 */
export async function pause(
  parts: PauseParts,
  tx: Tx,
  place: PausePlace,
  { reason, by }: { reason: string; by: string },
): Promise<void> {
  const now = parts.clock.now();
  const name = nameOf(place);
  const isNew = await tx
    .insertInto('agent_pauses')
    .values({ scope: place.scope, name, reason, paused_by: by, paused_at: now })
    .onConflict((conflict) => conflict.columns(['scope', 'name']).doNothing())
    .returning('scope')
    .executeTakeFirst();
  if (!isNew) return;
  for (const turn of await runningIn(tx, place)) {
    await tx.updateTable('turns').set({ state: 'queued' }).where('id', '=', turn.id).execute();
    await setSession(parts, tx, turn.session_id, {
      state: 'queued',
      token_hash: null,
      token_expires_at: null,
    });
    const data = { by, reason, scope: place.scope };
    await record(parts, tx, { sessionId: turn.session_id, turnId: turn.id, kind: 'paused', data });
  }
  tellOf(parts, tx, place, true);
}

/** The gateway itself pauses an agent: that is in the audit, under its own name. */
export async function pauseAgent(parts: PauseParts, tx: Tx, agent: string, reason: string): Promise<void> {
  const now = parts.clock.now();
  await tx
    .insertInto('audit')
    .values({
      id: newId('aud', now),
      at: now,
      principal: 'postern',
      operation: 'agent.pause',
      target: agent,
      outcome: 'ok',
      code: null,
      request_id: newId('req', now),
    })
    .execute();
  await pause(parts, tx, { scope: 'agent', name: agent }, { reason, by: 'policy' });
}

/** Ends a pause: what waited goes on. Returns false where there was none. Another pause may still hold it. */
export async function resume(
  parts: PauseParts & { jobs: JobQueue },
  tx: Tx,
  place: PausePlace,
): Promise<boolean> {
  const gone = await tx
    .deleteFrom('agent_pauses')
    .where('scope', '=', place.scope)
    .where('name', '=', nameOf(place))
    .returning('scope')
    .executeTakeFirst();
  if (!gone) return false;
  // Those of others that wait for their next attempt within the minute begin a little sooner.
  for (const kind of ['session.turn', 'submission.send'] as const)
    await parts.jobs.hasten(tx, kind, LOOK_AGAIN_MS);
  tellOf(parts, tx, place, false);
  return true;
}

/** All pauses, the oldest first. */
export const pauses = (db: Reader): Promise<Pause[]> =>
  db.selectFrom('agent_pauses').selectAll().orderBy('paused_at').execute();

const pausesOf = keptQuery((db, agent: string, accountId: string) =>
  db
    .selectFrom('agent_pauses')
    .selectAll()
    .where((w) =>
      w.or([
        w('scope', '=', 'all'),
        w.and([w('scope', '=', 'agent'), w('name', '=', agent)]),
        w.and([w('scope', '=', 'account'), w('name', '=', accountId)]),
      ]),
    )
    .orderBy('paused_at')
    .limit(1),
);

/** The pause that holds an agent on an account, or null. */
export async function pauseOf(db: Reader, { agent, account_id }: Pausable): Promise<Pause | null> {
  const [row] = await pausesOf(db, agent, account_id);
  return row ?? null;
}

/** Why nothing of the agent happens, as a sentence. */
export function pauseReason({ scope, name, reason }: Pause): string {
  const what =
    scope === 'agent'
      ? `The agent ${name} is paused`
      : scope === 'account'
        ? 'The agents of the account are paused'
        : 'All agents are paused';
  return `${what}: ${reason}`;
}

/** Of a turn whose agent was paused while it ran. */
export const pausedError = (held: Pause): PosternError =>
  new PosternError('agent_paused', pauseReason(held), { retry: { afterMs: LOOK_AGAIN_MS } });

/**
 * Puts a job off whose agent is paused, until a person resumes it. In the transaction that saw the pause: a resume that
 * comes right then finds the job waiting, and wakes it.
 */
export const putOffJob = ({ clock }: Pick<PauseParts, 'clock'>, tx: Tx, context: JobContext): Promise<void> =>
  context.putOff(tx, clock.now() + LOOK_AGAIN_MS);

/**
 * The same for a turn. Where its agent is held on every account, what else of it is due waits with it: each by itself, ten
 * thousand would be looked at one by one every minute.
 */
export async function putOffTurn(
  parts: Pick<PauseParts, 'clock'>,
  tx: Tx,
  { scope }: Pick<Pause, 'scope'>,
  { agent }: Pick<Pausable, 'agent'>,
  context: JobContext,
): Promise<void> {
  await putOffJob(parts, tx, context);
  if (scope === 'account') return;
  const now = parts.clock.now();
  await tx
    .updateTable('jobs')
    .set({ run_at: now + LOOK_AGAIN_MS, updated_at: now })
    .where('pool', '=', agentPool(agent))
    .where('kind', '=', 'session.turn')
    .where('state', '=', literal('ready'))
    .where('run_at', '<=', now)
    .execute();
}

/** Whether an event of the bus says that this agent is paused now. */
export function tellsOfPause(
  { type, data }: { type: string; data: Record<string, unknown> },
  { agent, account_id }: Pausable,
): boolean {
  if (type !== 'agents.changed' || data.paused !== true) return false;
  if (data.scope === 'all') return true;
  return data.name === (data.scope === 'agent' ? agent : account_id);
}

function tellOf({ bus }: PauseParts, tx: Tx, place: PausePlace, paused: boolean): void {
  afterCommit(tx, () => bus.publish('agents.changed', { scope: place.scope, name: nameOf(place), paused }));
}

/** A turn that runs has a token, and few sessions have one: they are found without looking through all turns. */
async function runningIn(tx: Tx, place: PausePlace): Promise<{ id: string; session_id: string }[]> {
  const atWork = await tx
    .selectFrom('sessions')
    .select(['id', 'agent', 'account_id'])
    .where('token_hash', '>', '')
    .execute();
  const found: { id: string; session_id: string }[] = [];
  for (const { id, agent, account_id } of atWork) {
    if (place.scope === 'agent' && agent !== place.name) continue;
    if (place.scope === 'account' && account_id !== place.name) continue;
    const turns = tx.selectFrom('turns').select(['id', 'session_id']).where('session_id', '=', id);
    found.push(...(await turns.where('state', '=', 'running').execute()));
  }
  return found;
}
