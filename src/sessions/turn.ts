// Runs one turn of a session: limits, token, event, agent, answer. Whatever the answer wants is done by jobs that come
// into being in the transaction that keeps it, so that a kill leaves either no answer or all of it.
import type { Selectable } from 'kysely';
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { Agent } from '../contracts/rule.ts';
import type { SessionEvent } from '../contracts/session.ts';
import type { RecordValue } from '../contracts/session-record.ts';
import { agentOfPool, sessionLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { RuleSet } from '../rules/match.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { TurnsTable } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Messages } from '../watch/messages.ts';
import { type StoredAnswer, storeAnswer } from './answer.ts';
import { type Begun, begin, CANCELLED, type EarlyTurns } from './begin.ts';
import { turnsAtOnce } from './endpoints.ts';
import { buildEvent } from './event.ts';
import { hasAsked } from './live-turn.ts';
import { beginWork, whileItWorks, worksOn } from './open-turn.ts';
import { pausedError, pauseOf, putOffTurn, tellsOfPause } from './pauses.ts';
import { record } from './record.ts';
import type { Runner } from './runner.ts';
import { isOver, setSession, settleSession } from './state.ts';
import { messageOfTurn } from './subject.ts';
import { failTurn, messageOf, noteFailure, refuseTurn, withLog } from './turn-end.ts';
import { layAttachments, openWorkFolder, type WorkFolder } from './work-folder.ts';

const TURNS_AT_ONCE = 1_024; // against exhaustion only: each agent has a limit of its own, so that none stalls another

export interface TurnParts {
  store: Store;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  /** Takes secrets out of what an agent said. */
  conceal?: (text: string) => string;
  /** Resolves when it can. */
  secretsKnown?: () => Promise<void>;
  log: Logger;
  accounts: Pick<Accounts, 'get'>;
  messages: Pick<Messages, 'detail' | 'attachment'>;
  blobs: Blobs;
  rules: () => Pick<RuleSet, 'agents'>;
  runnerOf: (agent: Agent) => Runner;
  urls: () => { api: string; mcp: string };
  workDir: string;
  /** Where the rules' own turns begin, if they begin early. */
  early?: EarlyTurns;
}

type Turn = Selectable<TurnsTable> & {
  rule: string;
  thread_id: string;
  question: string | null;
  session_state: string;
};

const EVENT_TYPES: Record<string, SessionEvent['type']> = {
  wake: 'reply.overdue',
  message: 'message.received',
  feedback: 'draft.rejected',
  answer: 'question.answered',
};

export function registerTurns(parts: TurnParts): void {
  parts.worker.handle('session.turn', ({ turn_id: id }, context) => runTurn(parts, id, context), {
    concurrency: TURNS_AT_ONCE,
    poolLimit: (pool) => turnsAtOnce(parts.rules(), agentOfPool(pool)),
    onDead: async (payload: { turn_id: string }, error) => failTurn(parts, payload.turn_id, error),
  });
}

async function runTurn(parts: TurnParts, turnId: string, context: JobContext): Promise<void> {
  const turn = await loadTurn(parts.store, turnId);
  if (turn.state === 'done' || turn.state === 'refused') return;
  const cancelling = new AbortController();
  const pausing = new AbortController();
  const leave = parts.bus.subscribe((event) => {
    const { type, data } = event;
    if (type === 'session.changed' && data.session_id === turn.session_id && data.state === 'cancelled')
      cancelling.abort();
    if (tellsOfPause(event, turn)) pausing.abort();
  });
  try {
    const early = context.attempt === 1 ? parts.early?.take(turn.id) : undefined;
    // As an earlier process left it: its agent has its token and is at work, unless it was cancelled since.
    const isOpen = worksOn(turn) && !isOver(turn.session_state);
    const begun =
      early && !isOver(turn.session_state) ? early : isOpen ? null : await begin(parts, turn, context);
    if (!begun && !isOpen) return;
    const signal = AbortSignal.any([context.signal, cancelling.signal, pausing.signal]);
    const inHand = { ...context, signal };
    await (begun ? attempt(parts, turn, begun, inHand) : letWork(parts, turn, inHand)).catch(
      async (error: unknown) => {
        const isPaused = pausing.signal.aborted || codeOf(error) === 'agent_paused';
        if (isPaused && !cancelling.signal.aborted) return waitForResume(parts, turn, context);
        if (cancelling.signal.aborted) return refuseTurn(parts, turn, CANCELLED, context);
        if (codeOf(error) === 'webhook_refused')
          return refuseTurn(parts, turn, { code: 'webhook_refused', reason: messageOf(error) }, context);
        if (error instanceof PosternError && error.details.worksOn) throw error; // its token lives on
        if (begun) await noteFailure(parts, turn, begun.hash, error, context);
        throw error;
      },
    );
  } finally {
    leave();
  }
}

async function attempt(parts: TurnParts, turn: Turn, begun: Begun, context: JobContext): Promise<void> {
  let opening: Promise<WorkFolder> | undefined;
  let said: string | null = null;
  try {
    await parts.secretsKnown?.();
    const runner = parts.runnerOf(begun.agent);
    if (runner.wantsFiles) opening = openWorkFolder(parts.workDir, turn.session_id);
    opening?.catch(() => undefined); // heard below, after the event is made
    const event = await eventOf(parts, turn, begun);
    const folder = (await opening)?.path ?? null;
    if (folder !== null) await layAttachments(parts.messages, event, folder);
    const endsAt = parts.clock.now() + begun.limitMs;
    const {
      answer,
      log,
      worksOn: works,
      kept,
    } = await runner.run(event, {
      turnId: turn.id,
      attempt: context.attempt,
      limitMs: begun.limitMs,
      signal: context.signal,
      folder,
    });
    if (works) {
      await parts.store.write((tx) => beginWork(parts, tx, turn, endsAt));
      return await letWork(parts, turn, context);
    }
    said = log;
    const stored = await storeAnswer(answer, folder, parts.blobs);
    await parts.store.write(async (tx) => {
      await keepAnswer(parts, tx, turn, stored, log, context);
      await kept?.(tx);
    });
  } catch (error) {
    if (said === null || !(error instanceof PosternError)) throw error;
    throw withLog(error, said);
  } finally {
    await opening?.then(
      (folder) => folder.remove(),
      () => undefined,
    );
  }
}

/** Waits for the end of an agent that works on; what it wanted it has asked for itself. */
async function letWork(parts: TurnParts, turn: Turn, context: JobContext): Promise<void> {
  await whileItWorks(parts, turn, context.signal);
  const nothing = await storeAnswer({ actions: [] }, null, parts.blobs);
  await parts.store.write((tx) => keepAnswer(parts, tx, turn, nothing, turn.log, context));
}

/** A turn that a pause ended: the pause has queued it again and ended its token. It runs at once where that is over. */
const waitForResume = (parts: TurnParts, turn: Turn, context: JobContext): Promise<void> =>
  parts.store.write(async (tx) => {
    const held = await pauseOf(tx, turn);
    if (held) await putOffTurn(parts, tx, held, turn, context);
    else await context.putOff(tx, parts.clock.now());
  });

/** The answer and everything that follows from it: the token dies, and each action becomes a job. */
async function keepAnswer(
  parts: TurnParts,
  tx: Tx,
  turn: Turn,
  stored: StoredAnswer,
  log: string | null,
  context: JobContext,
): Promise<void> {
  const held = await pauseOf(tx, turn);
  if (held) throw pausedError(held); // what an agent answers after it was stopped is not kept
  await context.finish(tx);
  await stored.record(tx);
  await tx
    .updateTable('turns')
    .set({
      state: 'done',
      answer: JSON.stringify({ actions: stored.actions }),
      log: log && (parts.conceal?.(log) ?? log),
      error: null,
      ended_at: parts.clock.now(),
    })
    .where('id', '=', turn.id)
    .execute();
  const actions = stored.actions as unknown as RecordValue[];
  await record(parts, tx, {
    sessionId: turn.session_id,
    turnId: turn.id,
    kind: 'answered',
    data: { actions },
  });
  const isLive = await setSession(parts, tx, turn.session_id, {
    token_hash: null,
    token_expires_at: null,
    // The one that was answered; one that the turn has asked since stands.
    ...(turn.cause === 'answer' && !(await hasAsked(tx, turn.id)) ? { question: null } : {}),
  });
  if (!isLive) return;
  for (const index of stored.actions.keys()) {
    await parts.jobs.enqueue(
      tx,
      'session.action',
      { turn_id: turn.id, index },
      { lane: sessionLane(turn.session_id), inPlaceOf: { job: context.id, step: index } },
    );
  }
  await settleSession(parts, tx, turn.session_id);
}

const turnById = keptQuery((db, id: string) =>
  db
    .selectFrom('turns')
    .innerJoin('sessions', 'sessions.id', 'turns.session_id')
    .selectAll('turns')
    .select(['sessions.rule', 'sessions.thread_id', 'sessions.question', 'sessions.state as session_state'])
    .where('turns.id', '=', id),
);

async function loadTurn(store: Store, id: string): Promise<Turn> {
  const [turn] = await turnById(store.db, id);
  if (!turn) throw new PosternError('not_found', `There is no turn ${id}.`);
  return turn;
}

async function eventOf(parts: TurnParts, turn: Turn, { token, mail }: Begun): Promise<SessionEvent> {
  return buildEvent(parts, {
    type: EVENT_TYPES[turn.cause] ?? 'message.received',
    at: parts.clock.now(),
    session: { id: turn.session_id, agent: turn.agent, rule: turn.rule, threadId: turn.thread_id },
    turn: turn.number,
    token,
    account: mail?.arrival.account ?? (await parts.accounts.get(turn.account_id)),
    message: mail ?? (await messageOfTurn(parts.store, turn.session_id, turn.number)),
    extra: {
      ...(turn.feedback === null ? {} : { feedback: turn.feedback }),
      ...(turn.cause === 'answer' && turn.question !== null ? { question: turn.question } : {}),
      ...(turn.draft_id === null ? {} : { draft_id: turn.draft_id }),
    },
  });
}
