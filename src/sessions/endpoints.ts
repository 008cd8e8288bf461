// The endpoints of webhook agents: which of them are disabled, what waits for them, and how many requests each agent may
// have under way at one that it shares.
import { createHash } from 'node:crypto';
import type { Bus } from '../cluster/bus.ts';
import type { Agent } from '../contracts/rule.ts';
import type { EndpointTest, EndpointView } from '../contracts/webhook.ts';
import { agentOfPool, agentPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { explain, notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { signingSecrets } from '../network/secret-headers.ts';
import type { RuleSet } from '../rules/match.ts';
import { keptQuery } from '../store/kept-query.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { readAnswer } from './answer.ts';
import { type Disabling, type EndpointStates, postEvent, type WebhookOptions } from './webhook.ts';

const ID_CHARS = 16; // 64 bits: enough to tell the endpoints of one gateway apart

export interface EndpointsParts {
  store: Store;
  jobs: Pick<JobQueue, 'reviveAll'>;
  clock: Clock;
  bus: Bus;
  log: Logger;
  rules: () => Pick<RuleSet, 'agents'>;
  resolveSecret: (reference: string) => string;
  /** Writes into the audit, in the transaction. */
  audit: (tx: Tx, entry: { operation: string; target: string; requestId: string }) => Promise<void>;
}

type WebhookAgent = { name: string; hook: Extract<Agent['run'], { webhook: unknown }>['webhook'] };

/** Host and path name an endpoint: agents that differ in the query alone share it. */
export function endpointOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

const idOf = (endpoint: string): string =>
  `hook_${createHash('sha256').update(endpoint).digest('hex').slice(0, ID_CHARS)}`;

const disabledBy = keptQuery((db, endpoint: string) =>
  db.selectFrom('disabled_endpoints').select('reason').where('endpoint', '=', endpoint),
);

export class Endpoints implements EndpointStates {
  readonly #parts: EndpointsParts;

  constructor(parts: EndpointsParts) {
    this.#parts = parts;
  }

  async whyDisabled(url: string): Promise<string | null> {
    const [row] = await disabledBy(this.#parts.store.db, endpointOf(url));
    return row?.reason ?? null;
  }

  /** Until somebody enables it. The first reason stays. */
  async disable(url: string, { agent, turnId, reason }: Disabling): Promise<void> {
    const { store, clock, bus, log, audit } = this.#parts;
    const endpoint = endpointOf(url);
    const id = idOf(endpoint);
    await store.write(async (tx) => {
      const row = await tx
        .insertInto('disabled_endpoints')
        .values({ endpoint, id, agent, reason, disabled_at: clock.now() })
        .onConflict((conflict) => conflict.column('endpoint').doNothing())
        .returning('endpoint')
        .executeTakeFirst();
      if (!row) return;
      await audit(tx, { operation: 'endpoint.disable', target: endpoint, requestId: turnId });
      afterCommit(tx, () => {
        log.warn({ endpoint, agent }, `an endpoint is disabled: ${reason}`);
        bus.publish('endpoint.changed', { endpoint_id: id, state: 'disabled' });
      });
    });
  }

  /** Those of the rules, and those that are disabled, by their address. */
  async list(): Promise<EndpointView[]> {
    const { store, rules } = this.#parts;
    const disabled = await store.db.selectFrom('disabled_endpoints').selectAll().execute();
    const counts = await turnsOf(store);
    const agentsOf = new Map<string, string[]>(disabled.map(({ endpoint }) => [endpoint, []]));
    for (const { name, hook } of webhookAgents(rules())) {
      const endpoint = endpointOf(hook.url);
      agentsOf.set(endpoint, [...(agentsOf.get(endpoint) ?? []), name]);
    }
    return [...agentsOf].sort(byText).map(([endpoint, agents]) => {
      const row = disabled.find((one) => one.endpoint === endpoint);
      const sum = (state: keyof TurnCounts): number =>
        agents.reduce((total, name) => total + (counts.get(name)?.[state] ?? 0), 0);
      return {
        id: idOf(endpoint),
        endpoint,
        agents: agents.sort(),
        state: row ? 'disabled' : 'active',
        reason: row?.reason ?? null,
        disabled_at: row?.disabled_at ?? null,
        queued: sum('queued'),
        retrying: sum('retrying'),
        running: sum('running'),
        dead: sum('dead'),
      };
    });
  }

  /** @param name an endpoint's id, or the name of an agent behind it. @throws PosternError `not_found` */
  async get(name: string): Promise<EndpointView> {
    const found = (await this.list()).find(({ id, agents }) => id === name || agents.includes(name));
    if (!found) throw notFound('endpoint', name);
    return found;
  }

  /** Puts an endpoint in use again. @throws PosternError `not_found` */
  async enable(name: string, { redrive }: { redrive: boolean }): Promise<EndpointView> {
    const { store, bus } = this.#parts;
    const { id, endpoint } = await this.get(name);
    await store.write(async (tx) => {
      await tx.deleteFrom('disabled_endpoints').where('endpoint', '=', endpoint).execute();
      afterCommit(tx, () => bus.publish('endpoint.changed', { endpoint_id: id, state: 'active' }));
    });
    if (redrive) await this.redrive(name);
    return this.get(name);
  }

  /**
   * Gives every turn of the endpoint's agents that failed for good all its attempts again.
   * @returns how many
   * @throws PosternError `not_found`
   */
  async redrive(name: string): Promise<number> {
    const { agents } = await this.get(name);
    return this.#parts.jobs.reviveAll('session.turn', agents.map(agentPool));
  }

  /**
   * Sends a signed test event that starts nothing; also to an endpoint that is disabled, which stays so.
   * @throws PosternError `not_found`
   */
  async test(name: string, signal: AbortSignal): Promise<EndpointTest> {
    const { clock, rules } = this.#parts;
    const { agents } = await this.get(name);
    const agent = agents.includes(name) ? name : (agents[0] ?? '');
    const hook = webhookAgents(rules()).find((one) => one.name === agent)?.hook;
    if (!hook) throw notFound('agent', name);
    const about = { agent, endpoint: endpointOf(hook.url), webhook_id: newId('tst', clock.now()) };
    const event = { type: 'postern.test', timestamp: new Date(clock.now()).toISOString(), data: { agent } };
    const startedAt = performance.now();
    const result = (status: number | null, problem: string | null): EndpointTest => {
      const took_ms = Math.round(performance.now() - startedAt);
      return { ...about, ok: problem === null, status, took_ms, problem };
    };
    try {
      const { status, body } = await postEvent(
        { ...optionsOf(hook, this.#parts.resolveSecret), now: clock.now },
        about.webhook_id,
        JSON.stringify(event),
        { timeoutMs: durationMs(hook.timeout), signal },
      );
      if (status < 200 || status >= 300) return result(status, `It answered with status ${status}.`);
      return result(status, body.trimStart().startsWith('{') ? problemOf(body) : null);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      return result(null, explain(error));
    }
  }
}

function problemOf(body: string): string | null {
  try {
    readAnswer(body);
    return null;
  } catch (error) {
    return explain(error);
  }
}

/** How a webhook of the rules is asked. */
export const optionsOf = (
  { url, secret_ref: references, allow_private: allowPrivate, timeout }: WebhookAgent['hook'],
  resolveSecret: (reference: string) => string,
): Omit<WebhookOptions, 'now' | 'endpoints'> => ({
  url,
  secrets: () => signingSecrets(references, resolveSecret) ?? [],
  allowPrivate: allowPrivate ?? false,
  timeoutMs: durationMs(timeout),
});

function webhookAgents({ agents }: Pick<RuleSet, 'agents'>): WebhookAgent[] {
  return [...agents].flatMap(([name, { run }]) => ('webhook' in run ? [{ name, hook: run.webhook }] : []));
}

/**
 * How many turns of an agent may run at once: as many as its limits say, and of what its endpoint takes no more than its
 * share. A slow endpoint so holds up the agents behind it each by itself, and no agent another.
 */
export function turnsAtOnce(rules: Pick<RuleSet, 'agents'>, name: string): number {
  const agent = rules.agents.get(name);
  if (!agent) return 1;
  const { run, limits } = agent;
  return 'webhook' in run
    ? Math.min(limits.concurrency, shareOf(rules, run.webhook.url))
    : limits.concurrency;
}

const shares = new WeakMap<RuleSet['agents'], Map<string, number>>();

/** Of what an endpoint takes at once, for each agent that shares it: one at the least. */
function shareOf(rules: Pick<RuleSet, 'agents'>, url: string): number {
  let known = shares.get(rules.agents);
  if (!known) {
    known = new Map();
    const hooks = webhookAgents(rules).map(({ hook }) => ({ ...hook, endpoint: endpointOf(hook.url) }));
    for (const { endpoint } of hooks) {
      const sharing = hooks.filter((other) => other.endpoint === endpoint);
      const most = Math.min(...sharing.map(({ concurrency }) => concurrency ?? Number.POSITIVE_INFINITY));
      known.set(endpoint, Math.max(1, Math.floor(most / sharing.length)));
    }
    shares.set(rules.agents, known);
  }
  return known.get(endpointOf(url)) ?? Number.POSITIVE_INFINITY;
}

type TurnCounts = Record<'queued' | 'retrying' | 'running' | 'dead', number>;

/** The turns of each agent by how they stand. */
async function turnsOf({ db }: Store): Promise<Map<string, TurnCounts>> {
  const rows = await db
    .selectFrom('jobs')
    .select((eb) => [
      'pool',
      'state',
      eb.fn.countAll<number>().as('all'),
      eb.fn.count<number>('error').as('failed_before'),
    ])
    .where('kind', '=', 'session.turn')
    .where('pool', 'is not', null)
    .groupBy(['pool', 'state'])
    .execute();
  const counts = new Map<string, TurnCounts>();
  for (const { pool, state, all, failed_before } of rows) {
    const name = agentOfPool(pool as string);
    const of = counts.get(name) ?? { queued: 0, retrying: 0, running: 0, dead: 0 };
    if (state === 'ready') {
      of.queued = Number(all) - Number(failed_before);
      of.retrying = Number(failed_before);
    } else of[state as 'running' | 'dead'] = Number(all);
    counts.set(name, of);
  }
  return counts;
}

const byText = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
