// SIGKILL in every state of a session: queued, running, waiting for approval, an answer or a reply, done, failed,
// cancelled, expired, paused, and between what people decide and what follows. No turn is lost, and nothing happens twice.
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { LiveEvent } from '../../src/contracts/live-event.ts';
import type { DeadLetterView } from '../../src/contracts/page.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';
import { type Count, count } from './sessions/count.ts';
import { Person } from './sessions/person.ts';
import { makeWorld, PLANS, type Plan, type World } from './sessions/world.ts';

const KILLS = 200;
const QUICK_KILLS = 12;
const MOMENT_LIMIT_MS = 20_000; // one that does not come by then is not waited for: the kill comes all the same
const QUIET_LIMIT_MS = 180_000; // a lost lease costs 30 s; what is not done after six of them will not be done
const LOOK_EVERY_MS = 100;
const LISTED_CASES = 20;
const KILLED = 'The process ended during the last attempt.';

/** When the kill comes: so long after this was told, of a session that a mail of that plan brings there. */
interface Moment {
  type: LiveEvent['type'];
  state?: string;
  plan: Plan;
  longestMs: number;
}

const at = (state: string, plan: Plan, longestMs = 30): Moment => ({
  ...{ type: 'session.changed', state, plan, longestMs },
});
const MOMENTS: readonly Moment[] = [
  at('queued', 'asked'),
  at('running', 'reply', 250),
  at('running', 'called', 400),
  at('waiting-for-approval', 'reply'),
  at('waiting-for-answer', 'asked'),
  at('waiting-for-reply', 'waits'),
  at('done', 'done'),
  at('failed', 'fails'),
  at('cancelled', 'cancelled', 60),
  at('expired', 'expired'),
  { type: 'agents.changed', plan: 'paused', longestMs: 60 },
  { type: 'draft.changed', plan: 'reply', longestMs: 20 },
  { type: 'submission.changed', state: 'queued', plan: 'reply', longestMs: 20 },
  { type: 'session.recorded', plan: 'called', longestMs: 150 },
];

export const sessions: Proof = {
  name: 'sessions',
  summary: 'SIGKILL in every state of a session: no turn is lost, nothing that it does happens twice.',
  run,
};

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const random = new Random(seed);
  const times = quick ? QUICK_KILLS : KILLS;
  const world = await makeWorld();
  const person = new Person(world, random.fork());
  const errors: string[] = [];
  const came = new Map<string, number>();
  try {
    await world.gateway.start();
    await world.addAccount();
    await world.deliver('expired'); // there when the gateway looks for such at its next start
    await person.look(new AbortController().signal);
    let deck: Moment[] = [];
    for (let kill = 1; kill <= times; kill++) {
      if (deck.length === 0) deck = random.shuffled(MOMENTS);
      const moment = deck.pop() as Moment;
      const isThere = await live(world, person, moment, random.fork(), kill === 1);
      errors.push(...errorsIn(world.gateway.log()));
      const name = moment.state ?? moment.type;
      if (isThere) came.set(name, (came.get(name) ?? 0) + 1);
      if (quick || kill % 10 === 0)
        tell(`kill ${kill} of ${times}: ${name}${isThere ? '' : ' (which did not come)'}`);
      await person.customers();
    }
    await world.gateway.start();
    await resumeAll(world);
    const { open, revived } = await untilQuiet(world, person);
    errors.push(...errorsIn(world.gateway.log()));
    await world.gateway.stop();
    const result = count(world);
    report({ ...result, open, errors, problems: person.problems }, tell);
    tell(`in states: ${[...came].map(([state, number]) => `${state} ${number}`).join(', ')}`);
    return {
      // A kill between the content and the server's answer leaves a mail unknown: that is said, and it is not sent again.
      holds: [result.lost, result.twice, result.wrong, open, errors, person.problems].every(
        (list) => list.length === 0,
      ),
      figures: figuresOf(times, world, result, revived),
    };
  } finally {
    await world.end();
  }
}

/** One life of the gateway, up to its moment. @returns whether the moment came */
async function live(
  world: World,
  person: Person,
  moment: Moment,
  random: Random,
  runs: boolean,
): Promise<boolean> {
  const { gateway } = world;
  const over = new AbortController();
  const told = new EventEmitter<{ event: [LiveEvent] }>();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  told.on('event', (event) => matches(moment, event) && resolve(true));
  const limit = setTimeout(() => resolve(false), MOMENT_LIMIT_MS);
  if (!runs) await gateway.start();
  if (moment.state === 'expired') lookForExpired(world, () => resolve(true));
  const hearing = hear(world, told, over.signal);
  await once(told, 'event', { signal: AbortSignal.timeout(MOMENT_LIMIT_MS) }).catch(() => undefined);
  const doing = [
    act(world, moment, random, over.signal).catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    }),
    decide(person, over.signal),
  ];
  const came = await promise;
  clearTimeout(limit);
  await pause(random.between(0, moment.longestMs));
  over.abort();
  await gateway.kill();
  await Promise.all([...doing, hearing]);
  return came;
}

/** Sessions expire right after a start, before anybody can listen to it: the log tells of them. */
function lookForExpired({ gateway }: World, seen: () => void): void {
  const look = (): void => {
    if (gateway.log().includes('have expired')) seen();
  };
  gateway.onOutput(look);
  look();
}

/** Mail of the moment's plan and another; for the kill switch, a person who uses it. */
async function act(world: World, moment: Moment, random: Random, over: AbortSignal): Promise<void> {
  await resumeAll(world);
  await world.deliver(moment.plan);
  await world.deliver(random.pick(PLANS));
  if (moment.plan === 'expired' || random.chance(0.2)) await world.deliver('expired');
  if (moment.type !== 'agents.changed') return;
  await pause(random.between(0, 1_500), undefined, { signal: over }).catch(() => undefined);
  await world.gateway.request('POST', '/v1/agents/pause', { reason: 'for the proof' });
}

/** A life that was killed while all was paused is followed by one that begins so. */
async function resumeAll({ gateway }: World): Promise<void> {
  await gateway.request('POST', '/v1/agents/resume', {});
}

async function decide(person: Person, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await person.look(over);
    await pause(LOOK_EVERY_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

/** The first event is that the stream is open. */
async function hear(
  { gateway }: World,
  told: EventEmitter<{ event: [LiveEvent] }>,
  over: AbortSignal,
): Promise<void> {
  try {
    for await (const event of gateway.events(over))
      told.emit('event', event ?? { id: '', type: 'watch.changed', at: 0, data: {} });
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

const matches = (moment: Moment, { type, data }: LiveEvent): boolean =>
  type === moment.type && (moment.state === undefined || data.state === moment.state);

/** What the gateway itself holds for an error: a kill must not lead to one. */
const errorsIn = (log: string): string[] =>
  log.split('\n').filter((line) => line.startsWith('{"level":"error"'));

async function untilQuiet(world: World, person: Person): Promise<{ open: string[]; revived: number }> {
  const limit = AbortSignal.timeout(QUIET_LIMIT_MS);
  const revived = new Set<string>();
  for (;;) {
    for (const id of await killedJobs(world)) {
      if (revived.has(id)) continue; // once: whoever dies without a kill is not excused
      revived.add(id);
      await world.gateway.request('POST', `/v1/dead-letters/${id}/retry`);
    }
    const did = await person.look(limit);
    const open = did ? ['somebody was still at work'] : await whatIsOpen(world);
    if (open.length === 0 || limit.aborted) return { open, revived: revived.size };
    await pause(LOOK_EVERY_MS);
  }
}

async function killedJobs({ gateway }: World): Promise<string[]> {
  const { data } = await gateway.get<{ data: DeadLetterView[] }>('/v1/dead-letters?limit=1000');
  return data.filter(({ error }) => error === KILLED).map(({ id }) => id);
}

async function whatIsOpen({ gateway, mails }: World): Promise<string[]> {
  const rows = async (query: string): Promise<unknown[][]> =>
    (await gateway.request<{ rows: unknown[][] }>('POST', '/v1/sql', { query })).body.rows;
  const [[seen] = []] = await rows("select count(*) from messages where kind <> 'own'");
  if (Number(seen) < mails.length) return [`${seen} of ${mails.length} mails are in the ledger`];
  const busy = await rows("select id, state from sessions where state in ('queued', 'running') limit 20");
  const leaving = await rows(
    "select id, state from submissions where state in ('queued', 'sending') limit 20",
  );
  return [...busy, ...leaving].map(([id, state]) => `${id} is ${state}`);
}

function report(lists: Record<string, unknown>, tell: (line: string) => void): void {
  for (const [name, cases] of Object.entries(lists)) {
    if (!Array.isArray(cases) || cases.length === 0) continue;
    tell(`${name}: ${cases.length}`);
    for (const one of cases.slice(0, LISTED_CASES)) tell(`  ${one}`);
  }
}

function figuresOf(
  times: number,
  { mails }: World,
  { lost, twice, wrong, figures }: Count,
  revived: number,
): string {
  const { sessions, turns, rerun, drafts, sent, unknown } = figures;
  return [
    `kills: ${times}`,
    `mails in ${mails.length}, sessions ${sessions}, turns ${turns} (${rerun} runs more), drafts ${drafts}, mails out ${sent}`,
    `lost ${lost.length}, twice ${twice.length}, wrong ${wrong.length}, unknown ${unknown}, revived ${revived}`,
  ].join(', ');
}
