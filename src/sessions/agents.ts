// Agents as people see them, and the kill switch that they have on them.
import type { Bus } from '../cluster/bus.ts';
import type { AgentsView } from '../contracts/agent.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound } from '../kernel/errors.ts';
import type { RuleSet } from '../rules/match.ts';
import type { Store } from '../store/store.ts';
import { type PausePlace, pause, pauses, resume } from './pauses.ts';

export interface AgentsParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  rules: () => Pick<RuleSet, 'agents'>;
}

export class Agents {
  readonly #parts: AgentsParts;

  constructor(parts: AgentsParts) {
    this.#parts = parts;
  }

  /** Those of the rules in force, in their order. */
  async list(): Promise<AgentsView> {
    const { store, rules } = this.#parts;
    const all = await pauses(store.db);
    const counts = await store.db
      .selectFrom('sessions')
      .select((eb) => ['agent', 'state', eb.fn.countAll<number>().as('count')])
      .where('state', 'not in', ['done', 'failed', 'cancelled', 'expired'])
      .groupBy(['agent', 'state'])
      .execute();
    const data = [...rules().agents].map(([name, { run, may, limits }]) => ({
      name,
      run: ['command', 'webhook', 'model'].find((way) => way in run) ?? '',
      may,
      limits,
      paused:
        all.find(({ scope, name: of }) => scope === 'all' || (scope === 'agent' && of === name)) ?? null,
      sessions: Object.fromEntries(
        counts.filter(({ agent }) => agent === name).map(({ state, count }) => [state, Number(count)]),
      ),
    }));
    return { data, pauses: all };
  }

  /** @throws PosternError `not_found` for an agent that the rules do not know: whoever stops one means one that is there */
  async pause(place: PausePlace, reason: string, by: string): Promise<AgentsView> {
    if (place.scope === 'agent' && !this.#parts.rules().agents.has(place.name))
      throw notFound('agent', place.name);
    await this.#parts.store.write((tx) => pause(this.#parts, tx, place, { reason, by }));
    return this.list();
  }

  /** Also of an agent that is not in the rules any more. Nothing happens where there is no pause. */
  async resume(place: PausePlace): Promise<AgentsView> {
    await this.#parts.store.write((tx) => resume(this.#parts, tx, place));
    return this.list();
  }
}
