// Sessions as people see them, and what people may do to them: look, cancel, answer.
import type { Selectable } from 'kysely';
import type { Bus } from '../cluster/bus.ts';
import type { SessionView, TurnView } from '../contracts/session.ts';
import type { SessionRecord } from '../contracts/session-record.ts';
import { sessionLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { SessionsTable } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';
import { addTurn } from './add-turn.ts';
import { type RecordRange, record, recordsOf } from './record.ts';
import { retrySession } from './redrive.ts';
import { OVER, setSession, settleSession } from './state.ts';
import { principalOf, type SessionPrincipal } from './tokens.ts';

const MICROS = 1_000_000; // of a currency
const WAKE_AGAIN_MS = 60_000; // a turn that runs longer than it wanted to wait has no hurry

export interface SessionFilter {
  account?: string | undefined;
  agent?: string | undefined;
  state?: string | undefined;
  limit: number;
  before?: string | undefined;
}

export interface SessionsParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
}

export class Sessions {
  readonly #parts: SessionsParts;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  async list(filter: SessionFilter): Promise<SessionView[]> {
    let query = this.#parts.store.db
      .selectFrom('sessions')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(filter.limit);
    if (filter.account !== undefined) query = query.where('account_id', '=', filter.account);
    if (filter.agent !== undefined) query = query.where('agent', '=', filter.agent);
    if (filter.state !== undefined) query = query.where('state', '=', filter.state);
    if (filter.before !== undefined) query = query.where('id', '<', filter.before);
    return (await query.execute()).map(viewOf);
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<SessionView> {
    const row = await this.#parts.store.db
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('session', id);
    return viewOf(row);
  }

  async turns(id: string): Promise<TurnView[]> {
    const rows = await this.#parts.store.db
      .selectFrom('turns')
      .selectAll()
      .where('session_id', '=', id)
      .orderBy('number')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      number: row.number,
      cause: row.cause as TurnView['cause'],
      message_id: row.message_id,
      state: row.state as TurnView['state'],
      error: row.error,
      refusals: JSON.parse(row.refusals) as TurnView['refusals'],
      log: row.log,
      usage: usageOf(row.usage),
      started_at: row.started_at,
      ended_at: row.ended_at,
    }));
  }

  /** What happened in it, the oldest first. */
  async record(id: string, range: RecordRange): Promise<SessionRecord[]> {
    return recordsOf(this.#parts.store.db, id, range);
  }

  /** Ends a session for good: its token dies, turns that wait do not run, and mail in its thread does not wake it. */
  async cancel(id: string, by: string): Promise<SessionView> {
    await this.get(id);
    await this.#parts.store.write(async (tx) => {
      const change = { error: `Cancelled by ${by}.`, token_hash: null, token_expires_at: null };
      if (!(await setSession(this.#parts, tx, id, { state: 'cancelled', ...change }))) return;
      await this.#endWaiting(tx, id);
      await record(this.#parts, tx, { sessionId: id, turnId: null, kind: 'cancelled', data: { by } });
    });
    return this.get(id);
  }

  /** Its turns that wait for another attempt, for a day perhaps, see at once that they are over. */
  async #endWaiting(tx: Tx, id: string): Promise<void> {
    const { jobs, clock } = this.#parts;
    const now = clock.now();
    await tx
      .updateTable('jobs')
      .set({ run_at: now, updated_at: now })
      .where('lane', '=', sessionLane(id))
      .where('kind', '=', 'session.turn')
      .where('state', '=', 'ready')
      .execute();
    await jobs.hasten(tx, 'session.turn', 0); // tells of them
  }

  /** Runs the turn again that failed. @throws PosternError `not_found`, `session_not_failed` */
  async retry(id: string): Promise<SessionView> {
    await retrySession(this.#parts, id);
    return this.get(id);
  }

  /** A person's answer to what the agent asked: a new turn. @throws PosternError `session_not_asking` */
  async answer(id: string, text: string, by: string): Promise<SessionView> {
    await this.#parts.store.write(async (tx) => {
      const session = await tx.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      if (!session) throw notFound('session', id);
      if (session.state !== 'waiting-for-answer') {
        throw new PosternError(
          'session_not_asking',
          `The session ${id} is ${session.state} and waits for no answer.`,
        );
      }
      const data = { decision: 'answered', by, question: session.question, text };
      await record(this.#parts, tx, { sessionId: id, turnId: null, kind: 'decided', data });
      await this.addTurnFor(tx, id, { cause: 'answer', feedback: text, draftId: null, author: by });
    });
    return this.get(id);
  }

  /** The next turn of a session for a reason other than mail. Returns false for a session that is over. */
  async addTurnFor(
    tx: Tx,
    sessionId: string,
    turn: {
      cause: 'feedback' | 'answer' | 'wake';
      feedback: string | null;
      draftId: string | null;
      author: string | null;
    },
  ): Promise<boolean> {
    const session = await tx
      .updateTable('sessions')
      .set((eb) => ({ turns: eb('turns', '+', 1) }))
      .where('id', '=', sessionId)
      .where('state', 'not in', OVER)
      .returning(['turns', 'agent', 'account_id', 'state'])
      .executeTakeFirst();
    if (!session) return false;
    await addTurn(tx, this.#parts, {
      sessionId,
      number: session.turns,
      cause: turn.cause,
      messageId: null,
      sender: null, // a person asked for it: it does not count against the sender
      agent: session.agent,
      accountId: session.account_id,
      draftId: turn.draftId,
      feedback: turn.feedback,
      author: turn.author,
      now: this.#parts.clock.now(),
    });
    // While a turn runs the session says so; this one comes after it.
    if (session.state !== 'running') await setSession(this.#parts, tx, sessionId, { state: 'queued' });
    return true;
  }

  /** After a draft was decided: the session comes to rest, unless it still waits for something else. */
  settle(tx: Tx, id: string): Promise<void> {
    return settleSession(this.#parts, tx, id);
  }

  /**
   * The time came by which the agent wanted an answer: without one it gets another turn.
   * @param until the time it named; another one meanwhile, or an answer, and this one counts no more
   */
  async wake(id: string, until: number): Promise<void> {
    await this.#parts.store.write(async (tx) => {
      const waits = await tx
        .updateTable('sessions')
        .set({ wake_at: null })
        .where('id', '=', id)
        .where('wake_at', '=', until)
        .where('state', 'not in', OVER)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('turns')
                .select('turns.id')
                .where('turns.session_id', '=', id)
                .where('turns.state', 'in', ['queued', 'running']),
            ),
          ),
        )
        .returning('id')
        .executeTakeFirst();
      if (waits)
        await this.addTurnFor(tx, id, { cause: 'wake', feedback: null, draftId: null, author: null });
      else await this.#wakeLater(tx, id, until);
    });
  }

  /** A turn that asked to wait, and runs past the time that it named: it is looked at again. */
  async #wakeLater(tx: Tx, id: string, until: number): Promise<void> {
    const { jobs, clock } = this.#parts;
    const waits = await tx
      .selectFrom('sessions')
      .select('id')
      .where('id', '=', id)
      .where('wake_at', '=', until)
      .where('state', 'not in', OVER)
      .executeTakeFirst();
    if (!waits) return;
    const runAt = clock.now() + WAKE_AGAIN_MS;
    await jobs.enqueue(tx, 'session.wake', { session_id: id, until }, { runAt });
  }

  /** Whose token it is; null when it is none, or not any more. */
  principalOf(token: string): Promise<SessionPrincipal | null> {
    return principalOf(this.#parts.store, token, this.#parts.clock.now());
  }
}

/** As the runner of models keeps it. */
function usageOf(usage: string | null): TurnView['usage'] {
  if (usage === null) return null;
  const { steps, input_tokens, output_tokens, cost_micros } = JSON.parse(usage) as Record<
    'steps' | 'input_tokens' | 'output_tokens' | 'cost_micros',
    number
  >;
  return { steps, input_tokens, output_tokens, cost: cost_micros / MICROS };
}

function viewOf(row: Selectable<SessionsTable>): SessionView {
  return {
    id: row.id,
    account_id: row.account_id,
    agent: row.agent,
    rule: row.rule,
    thread_id: row.thread_id,
    message_id: row.message_id,
    state: row.state as SessionView['state'],
    turns: row.turns,
    summary: row.summary,
    question: row.question,
    error: row.error,
    cost: row.cost_micros / MICROS,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}
