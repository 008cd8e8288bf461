// Sessions that have waited too long (limits.session): they expire, what they left waiting is withdrawn, and the next mail
// of the thread begins a new session of the same rule and agent.
import type { Bus } from '../cluster/bus.ts';
import type { Limits } from '../contracts/agent-policy.ts';
import type { Clock } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store, Tx } from '../store/store.ts';
import { record } from './record.ts';
import { setSession, WAITING } from './state.ts';

const LOOK_EVERY_MS = 60_000; // a session waits for days: a minute more is nothing
const AT_ONCE = 100; // of an agent, each in a transaction of its own; the rest comes at the next look
const DEFAULT_WAIT = '30d'; // of agents that are not in the rules any more

export interface ExpiryParts {
  store: Store;
  clock: Clock;
  bus: Bus;
  log: Logger;
  rules: () => { agents: ReadonlyMap<string, { limits: Pick<Limits, 'session'> }> };
  /** Takes back the drafts of a session that wait for a person. */
  withdraw: (tx: Tx, sessionId: string, reason: string) => Promise<void>;
}

/** Ends the sessions that wait for longer than they may. @returns how many */
export async function expireSessions(parts: ExpiryParts): Promise<number> {
  const now = parts.clock.now();
  const { agents } = parts.rules();
  let expired = 0;
  const look = async (agent: string | null, wait: string): Promise<void> => {
    const since = now - durationMs(wait);
    for (const id of await waitingSince(parts.store, agent, [...agents.keys()], since))
      if (await expire(parts, id, since, wait)) expired++;
  };
  for (const [name, { limits }] of agents) await look(name, limits.session);
  await look(null, DEFAULT_WAIT);
  return expired;
}

/** @param agent null: those that are not among the `known` */
async function waitingSince(
  { db }: Store,
  agent: string | null,
  known: readonly string[],
  since: number,
): Promise<string[]> {
  let query = db
    .selectFrom('sessions')
    .select('id')
    .where('state', 'in', WAITING)
    .where('rested_at', '<=', since)
    .orderBy('rested_at')
    .limit(AT_ONCE);
  if (agent !== null) query = query.where('agent', '=', agent);
  else if (known.length > 0) query = query.where('agent', 'not in', known);
  return (await query.execute()).map(({ id }) => id);
}

/** False where it has gone on meanwhile. */
function expire(parts: ExpiryParts, id: string, since: number, wait: string): Promise<boolean> {
  const reason = `The session waited for longer than ${wait} and has expired.`;
  return parts.store.write(async (tx) => {
    const session = await tx
      .updateTable('sessions')
      .set({ branch: id }) // makes room for the session that the next mail of the thread begins
      .where('id', '=', id)
      .where('state', 'in', WAITING)
      .where('rested_at', '<=', since)
      .returning('state')
      .executeTakeFirst();
    if (!session) return false;
    await parts.withdraw(tx, id, reason);
    const token = { token_hash: null, token_expires_at: null };
    await setSession(parts, tx, id, {
      ...{ state: 'expired', question: null, wake_at: null, error: reason },
      ...token,
    });
    const data = { was: session.state, reason };
    await record(parts, tx, { sessionId: id, turnId: null, kind: 'expired', data });
    return true;
  });
}

/** Looks at its start, and then every minute. */
export class SessionExpiry implements Part {
  readonly name = 'session expiry';
  readonly #parts: ExpiryParts;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #look(): void {
    const { log } = this.#parts;
    this.#looking = this.#looking
      .then(() => expireSessions(this.#parts))
      .then((expired) => {
        if (expired > 0) log.info({ expired }, 'sessions that waited too long have expired');
      })
      .catch((error: unknown) =>
        log.error({ error: explain(error) }, 'sessions could not be looked through'),
      );
  }
}
