// The beginning of a turn: it is marked as running, and its session gets the token that is its only power.
import type { Agent } from '../contracts/rule.ts';
import type { JobContext } from '../jobs/worker.ts';
import { durationMs } from '../kernel/duration.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { RuleSet } from '../rules/match.ts';
import { keptQuery } from '../store/kept-query.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { grant } from './capabilities.ts';
import { exceededCap } from './caps.ts';
import type { ArrivedMail } from './event.ts';
import { exceededLimit, type Refusal } from './limits.ts';
import { pauseOf, putOffTurn } from './pauses.ts';
import { type StateParts, setSession } from './state.ts';
import { newToken } from './tokens.ts';
import { refuse } from './turn-end.ts';

const TOKEN_SPARE_MS = 60_000; // an agent that is ended at its limit may still be saying its last
const LONGEST_TURN_MS = 24 * 3_600_000; // timers end at 24 days; no agent thinks that long
const MOST_EARLY = 256; // those of a worker that has stopped are forgotten

export const CANCELLED: Refusal = { code: 'session_over', reason: 'The session was cancelled.' };

export interface BeginParts extends StateParts {
  store: Store;
  log: Logger;
  rules: () => Pick<RuleSet, 'agents'>;
}

export interface StartingTurn {
  id: string;
  session_id: string;
  number: number;
  agent: string;
  account_id: string;
  sender: string | null;
  started_at: number | null;
}

export interface Begun {
  agent: Agent;
  token: string;
  hash: string;
  limitMs: number;
  /** The mail that it is for, where it has just come in with its text; else the ledger has it. */
  mail: ArrivedMail | null;
}

/**
 * Marks the turn as running and gives it its token; null where it must not run, and says why, or not yet.
 * @throws PosternError `agent_missing`
 */
export async function begin(
  parts: BeginParts,
  turn: StartingTurn,
  context: JobContext,
): Promise<Begun | null> {
  const now = parts.clock.now();
  return parts.store.write(async (tx) => {
    const agent = parts.rules().agents.get(turn.agent);
    const held = await pauseOf(tx, turn);
    if (held) {
      await putOffTurn(parts, tx, held, turn, context);
      return null;
    }
    const begun = await takeToken(parts, tx, turn, agent, now);
    if (!begun) {
      await refuse(parts, tx, turn, CANCELLED, context);
      return null;
    }
    if (!agent)
      throw new PosternError('agent_missing', `The agent ${turn.agent} is not in the rules any more.`, {
        hint: 'Put it back, and retry the dead letter.',
      });
    const refusal = await refusalOf(tx, agent, turn, now);
    if (refusal !== null) {
      parts.log.warn({ turn: turn.id, agent: turn.agent }, `a turn was refused: ${refusal.reason}`);
      await refuse(parts, tx, turn, refusal, context);
      return null;
    }
    await markRunning(tx, turn, now);
    return { ...begun, agent, mail: null };
  });
}

/** Why a turn must not begin, or null. */
async function refusalOf(tx: Tx, agent: Agent, turn: StartingTurn, now: number): Promise<Refusal | null> {
  const limit = await exceededLimit(tx, agent, turn);
  if (limit !== null) return limit;
  // A turn that has begun before is not another waking.
  const cap = turn.started_at === null ? await exceededCap(tx, agent, turn, now) : null;
  return cap === null ? null : { code: 'agent_capped', reason: cap };
}

/** Null for a session that is over, which stays as it is. */
async function takeToken(
  parts: StateParts,
  tx: Tx,
  turn: StartingTurn,
  agent: Agent | undefined,
  now: number,
): Promise<Omit<Begun, 'agent' | 'mail'> | null> {
  const limitMs = Math.min(durationMs(agent?.limits.time ?? '0s'), LONGEST_TURN_MS);
  const { token, hash } = newToken();
  const expiresAt = now + limitMs + TOKEN_SPARE_MS;
  const isLive = await setSession(parts, tx, turn.session_id, {
    state: 'running',
    token_hash: hash,
    token_expires_at: expiresAt,
    ...(agent && { capability: grant(agent, [now, expiresAt]), calls_used: 0, bytes_used: 0 }),
    wake_at: null, // what it waited for has come, or it says anew that it waits
    error: null,
  });
  return isLive ? { token, hash, limitMs } : null;
}

const setRunning = keptQuery((db, startedAt: number, id: string) =>
  db
    .updateTable('turns')
    .set({ state: 'running', started_at: startedAt, works_until: null })
    .where('id', '=', id),
);

async function markRunning(tx: Tx, turn: StartingTurn, now: number): Promise<void> {
  await setRunning(tx, turn.started_at ?? now, turn.id);
}

/**
 * Turns that begin in the transaction that puts them in, because their job begins with its commit: one commit less
 * between a mail and its agent. Their tokens and mails wait here for the job, in memory alone; a turn whose token is not
 * here begins as any other.
 */
export class EarlyTurns {
  readonly #parts: Omit<BeginParts, 'store' | 'log'>;
  readonly #begun = new Map<string, Begun>();

  constructor(parts: Omit<BeginParts, 'store' | 'log'>) {
    this.#parts = parts;
    // A pause ends what began: its tokens are dead, and each turn asks anew whether it may run.
    parts.bus.subscribe(({ type }) => {
      if (type === 'agents.changed') this.#begun.clear();
    });
  }

  /** Does nothing where the turn may not run: that is said when it is tried. */
  async begin(tx: Tx, turn: StartingTurn, mail: ArrivedMail | null): Promise<void> {
    const now = this.#parts.clock.now();
    const agent = this.#parts.rules().agents.get(turn.agent);
    if (!agent || (await pauseOf(tx, turn)) || (await refusalOf(tx, agent, turn, now)) !== null) return;
    const begun = await takeToken(this.#parts, tx, turn, agent, now);
    if (!begun) return;
    await markRunning(tx, turn, now);
    // The job may have been told before: it reads its turn first, and comes here after all that waits for the commit.
    afterCommit(tx, () => {
      const [oldest] = this.#begun.keys();
      if (oldest !== undefined && this.#begun.size >= MOST_EARLY) this.#begun.delete(oldest);
      this.#begun.set(turn.id, { ...begun, agent, mail });
    });
  }

  /** What the turn began with, once. */
  take(turnId: string): Begun | undefined {
    const begun = this.#begun.get(turnId);
    this.#begun.delete(turnId);
    return begun;
  }
}
