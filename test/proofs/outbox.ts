// The law of the outbox, held against SIGKILL and a server that fails at every stage: each mail arrives once with each of
// its recipients, or the ledger says why not; and of what nobody can know it says that nobody knows.
import { setTimeout as pause } from 'node:timers/promises';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import type { DeadLetterView } from '../../src/contracts/page.ts';
import { everything } from './kills/evidence.ts';
import { type Count, count, holds } from './outbox/count.ts';
import { Operator } from './outbox/operator.ts';
import type { Heard } from './outbox/weather.ts';
import { makeWorld, type World } from './outbox/world.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

const KILLS = 200;
const MAILS = 2_000;
const QUICK_KILLS = 6;
const QUICK_MAILS = 60;
const BETWEEN_LIVES_MS = 6 * 60_000; // by the gateway's clock, so that what was refused for now is due
const AFTER_ALL_MS = 5 * 3_600_000; // longer than any wait between two attempts
const AT_ONCE = 4; // requests of the operator
const EVENT_LIMIT_MS = 5_000; // a moment that does not come by then is not waited for
const QUIET_LIMIT_MS = 60_000; // in one of the lives at the end
const QUIET_LIVES = 8;
const LOOK_EVERY_MS = 200;
const LISTED_CASES = 20;
const KILLED = 'The process ended during the last attempt.';

type Moment = { at: 'start' | 'ready' | Heard; afterMs: number };

export const outbox: Proof = {
  name: 'outbox',
  summary:
    'SIGKILL while mails leave to a server that fails: none is lost, none arrives twice, each fate is told.',
  run,
};

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const random = new Random(seed);
  const [kills, mails] = quick ? [QUICK_KILLS, QUICK_MAILS] : [KILLS, MAILS];
  const world = await makeWorld(random.fork());
  const operator = new Operator(world, random.fork());
  const errors: string[] = [];
  const came = new Map<string, number>();
  try {
    await world.gateway.start();
    await world.addAccounts();
    await world.gateway.stop();
    await world.gateway.start();
    const plan = moments(random.fork());
    for (let kill = 1; kill <= kills; kill++) {
      const moment = plan.next().value;
      const wanted = Math.ceil((mails * kill) / kills) - operator.asked.length;
      const isThere = await live(world, operator, moment, wanted, kill === 1);
      if (isThere) came.set(moment.at, (came.get(moment.at) ?? 0) + 1);
      errors.push(...errorsIn(world.gateway.log()));
      world.advance(BETWEEN_LIVES_MS);
      if (quick || kill % 10 === 0)
        tell(
          `kill ${kill} of ${kills}: ${operator.asked.length} mails wanted, ${world.smtp.taken.length} taken`,
        );
    }
    const { open, revived } = await untilQuiet(world, operator, mails, errors);
    const evidence = {
      asked: operator.asked,
      submissions: await everything<SubmissionView>(world.gateway, '/v1/submissions'),
      taken: world.smtp.taken,
      refused: world.weather.refused,
      resentBlindly: operator.resentBlindly,
      unknown: operator.unknown,
      deadLetters: (await deadLetters(world)).map(({ id, kind, error }) => `${kind} ${id}: ${error}`),
    };
    await world.gateway.stop();
    errors.push(...errorsIn(world.gateway.log()));
    const result = count(evidence);
    report({ ...result, open, errors, problems: operator.problems }, tell);
    for (const { id, cause, arrived } of result.unknown)
      tell(`unknown: ${id}, which ${arrived ? 'did arrive' : 'did not arrive'}: ${cause}`);
    tell(
      `moments: ${said(came)}; faults: ${said(world.weather.struck)}; ${operator.interrupted} requests were cut off`,
    );
    return {
      holds: holds(result) && [open, errors, operator.problems].every((list) => list.length === 0),
      figures: figuresOf(kills, evidence.submissions, result, revived, operator),
    };
  } finally {
    await world.end();
  }
}

/** One after the other from shuffled decks, so that also a short run has one of each. */
function* moments(random: Random): Generator<Moment, never> {
  for (;;) {
    const deck: Moment[] = [
      { at: 'start', afterMs: random.between(0, 1_200) },
      { at: 'ready', afterMs: random.between(0, 1_500) },
      { at: 'DATA', afterMs: random.between(0, 15) },
      { at: 'content', afterMs: random.between(0, 15) },
      { at: 'taken', afterMs: random.between(0, 40) },
      { at: 'answered', afterMs: random.between(0, 15) },
    ];
    yield* random.shuffled(deck);
  }
}

/** One life of the gateway, up to its moment. @returns whether the moment came */
async function live(
  world: World,
  operator: Operator,
  { at, afterMs }: Moment,
  wanted: number,
  runs: boolean,
): Promise<boolean> {
  const { gateway, weather } = world;
  const over = new AbortController();
  if (!runs) await gateway.launch();
  if (at === 'start' && !runs) {
    await pause(afterMs);
    await gateway.kill();
    return true;
  }
  if (!runs && !(await comesBack(gateway)))
    throw new Error(`the gateway did not come back:\n${gateway.log()}`);
  const coming = at === 'ready' || at === 'start' ? Promise.resolve() : weather.next(at);
  const writing = write(operator, wanted, over.signal);
  const settling = at === 'ready' ? operator.settle(over.signal) : Promise.resolve();
  // Half of what is wanted is asked for before its moment may come: there is something to strike.
  const came = await Promise.race([
    writing.half.then(() => coming).then(() => true),
    pause(EVENT_LIMIT_MS, false, { signal: over.signal }).catch(() => false),
  ]);
  await pause(afterMs);
  over.abort(); // from here on a request without an answer is nobody's fault
  await gateway.kill();
  await Promise.all([writing.all, settling]);
  return came;
}

/** A machine that has much else to do needs longer than the half minute that a gateway is given. */
async function comesBack(gateway: World['gateway']): Promise<boolean> {
  for (let times = 0; times < 4; times++) if (await gateway.ready()) return true;
  return false;
}

function write(
  operator: Operator,
  wanted: number,
  over: AbortSignal,
): { half: Promise<void>; all: Promise<void> } {
  const half = Promise.withResolvers<void>();
  const all = (async () => {
    await operator.askAgain(over);
    for (let at = 0; at < wanted && !over.aborted; at += AT_ONCE) {
      if (at * 2 >= wanted) half.resolve();
      const some = Array.from({ length: Math.min(AT_ONCE, wanted - at) }, () => operator.want(over));
      await Promise.all(some);
    }
    half.resolve();
  })();
  return { half: half.promise, all };
}

/** Lives without kills, each hours later than the one before, until nothing is left to do. */
async function untilQuiet(
  world: World,
  operator: Operator,
  mails: number,
  errors: string[],
): Promise<{ open: string[]; revived: number }> {
  const { gateway } = world;
  const never = new AbortController().signal;
  const revived = new Set<string>();
  let open: string[] = [];
  for (let life = 0; life < QUIET_LIVES; life++) {
    await gateway.launch();
    if (!(await comesBack(gateway))) throw new Error(`the gateway did not come back:\n${gateway.log()}`);
    while (operator.asked.length < mails) await operator.want(never); // what there was no time for
    world.weather.bad = false;
    const limit = AbortSignal.timeout(QUIET_LIMIT_MS);
    do {
      await operator.askAgain(never);
      for (const { id, error } of await deadLetters(world)) {
        if (error !== KILLED || revived.has(id)) continue; // once: whoever dies without a kill is not excused
        revived.add(id);
        await gateway.request('POST', `/v1/dead-letters/${id}/retry`);
      }
      await operator.settle(never, life > 1);
      open = await whatIsOpen(world, operator);
      if (open.length === 0) return { open, revived: revived.size };
      await pause(LOOK_EVERY_MS);
    } while (!limit.aborted && open.some((line) => line.endsWith('now')));
    errors.push(...errorsIn(gateway.log()));
    if (life === QUIET_LIVES - 1) break;
    await gateway.stop();
    world.advance(AFTER_ALL_MS);
  }
  return { open, revived: revived.size };
}

/** What can be done in this life ends with `now`. */
async function whatIsOpen({ gateway }: World, operator: Operator): Promise<string[]> {
  const rows = async (query: string): Promise<unknown[][]> =>
    (await gateway.request<{ rows: unknown[][] }>('POST', '/v1/sql', { query })).body.rows;
  const orders = operator.asked.filter(({ by }) => by === 'agent').length;
  const [[seen] = []] = await rows("select count(*) from messages where kind <> 'own'");
  const missing = orders - Number(seen);
  const busy = await rows("select id, state from sessions where state in ('queued', 'running') limit 20");
  const submissions = await everything<SubmissionView>(gateway, '/v1/submissions');
  const leaving = submissions.filter(({ state }) => state === 'queued' || state === 'sending');
  const looked = submissions.filter(({ state }) => state === 'unknown');
  return [
    ...(operator.hasOpen ? ['a mail was not asked for: now'] : []),
    ...(missing > 0 ? [`${missing} orders are not in the ledger: now`] : []),
    ...busy.map(([id, state]) => `${id} is ${state}: now`),
    ...leaving.map(
      ({ id, attempts }) => `${id} leaves, after ${attempts} attempts${attempts === 0 ? ': now' : ''}`,
    ),
    ...looked.map(({ id, last_error: words }) =>
      words?.startsWith('Nobody knows') ? `${id} waits for a word: now` : `${id} is not looked up yet`,
    ),
  ];
}

async function deadLetters({ gateway }: World): Promise<DeadLetterView[]> {
  return everything<DeadLetterView>(gateway, '/v1/dead-letters');
}

/** What the gateway itself holds for an error: a kill must not lead to one. */
const errorsIn = (log: string): string[] =>
  log.split('\n').filter((line) => line.startsWith('{"level":"error"'));

const said = (numbers: ReadonlyMap<string, number>): string =>
  [...numbers].map(([what, number]) => `${what} ${number}`).join(', ');

function report(lists: Record<string, unknown>, tell: (line: string) => void): void {
  for (const [name, cases] of Object.entries(lists)) {
    if (name === 'unknown' || !Array.isArray(cases) || cases.length === 0) continue;
    tell(`${name}: ${cases.length}`);
    for (const one of cases.slice(0, LISTED_CASES)) tell(`  ${one}`);
  }
}

function figuresOf(
  kills: number,
  submissions: readonly SubmissionView[],
  result: Count,
  revived: number,
  { asked, resentBlindly }: Operator,
): string {
  const fates = submissions.flatMap(({ recipients }) => recipients.map(({ state }) => state));
  const of = (state: string): number => fates.filter((fate) => fate === state).length;
  const arrived = result.unknown.filter((one) => one.arrived).length;
  return [
    `kills: ${kills}`,
    `mails ${asked.length} (${asked.filter(({ by }) => by === 'agent').length} of an agent)`,
    `recipients ${fates.length}: sent ${of('sent')}, refused ${of('failed')}, unknown at the end ${of('unknown')}`,
    `lost ${result.lost.length}, twice ${result.twice.length}, wrong ${result.wrong.length}, unexpected ${result.unexpected.length}`,
    `dead letters ${result.deadLetters.length} (and ${revived} revived)`,
    `unknown ${result.unknown.length} (${arrived} arrived, ${result.unknown.length - arrived} did not; ${resentBlindly.size} sent again by a person who did not know)`,
  ].join('; ');
}
