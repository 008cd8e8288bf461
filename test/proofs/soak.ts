// The soak: hundreds of accounts through a proxy that breaks their connections at random, mail all the time, an IMAP
// server that is restarted, and two gateways on the same mailboxes. One is killed every minute; it must lose nothing and
// do nothing twice. The other lives through it all; its memory must be flat, which of a process that begins anew each
// minute nobody could say.
import { setTimeout as pause } from 'node:timers/promises';
import type { Proof, Verdict } from './proof.ts';
import { Random } from './random.ts';
import { type Count, count, gather, holds, leftToDo, mailsOnServer } from './soak/count.ts';
import { ErrorLog } from './soak/error-log.ts';
import { flatness, MemoryWatch, residentMb, tenths } from './soak/memory.ts';
import { Postman } from './soak/postman.ts';
import { FULL, QUICK, type Size } from './soak/size.ts';
import { Weather } from './soak/weather.ts';
import { addAccounts, makeWorld, notWatched, type World } from './soak/world.ts';

const WATCHED_LIMIT_MS = 180_000; // all sign-ins at once on two cores; and whoever was told to stay away stays a minute
const QUIET_LIMIT_MS = 180_000; // four lost leases, and again that minute
const LOOK_EVERY_MS = 500;
const LONGEST_DOWN_MS = 1_500;
const MOST_GROWTH = 0.05;
const SHORTEST_FOR_MEMORY_MS = 10 * 60_000; // before, a young process still grows into its working set
const LISTED_CASES = 10;

export const soak: Proof = {
  name: 'soak',
  summary:
    'Broken connections, a restarting server and a kill each minute: nothing lost, nothing twice, memory flat.',
  run: ({ quick, seed, tell }) => runSoak(quick ? QUICK : FULL, seed, tell),
};

export async function runSoak(size: Size, seed: number, tell: (line: string) => void): Promise<Verdict> {
  const random = new Random(seed);
  const world = await makeWorld(size.accounts);
  try {
    return await prove(world, size, random, tell);
  } finally {
    await world.end();
  }
}

async function prove(
  world: World,
  size: Size,
  random: Random,
  tell: (line: string) => void,
): Promise<Verdict> {
  const { killed, steady, proxy } = world;
  const errors = new ErrorLog();
  let steadyBegan = ''; // what it printed first
  for (const gateway of [killed, steady]) {
    const startedAt = performance.now();
    await gateway.start();
    errors.follow(gateway);
    if (gateway === steady) steadyBegan = steady.log();
    await addAccounts(world, gateway);
    const left = await untilNone(() => notWatched(gateway), WATCHED_LIMIT_MS);
    if (left.length > 0) throw new Error(`not every mailbox came to be watched:\n${left.join('\n')}`);
    tell(`${size.accounts} accounts are watched after ${seconds(performance.now() - startedAt)}`);
  }
  const postman = new Postman(world, random.fork());
  const weather = new Weather(proxy, random.fork());
  const memory = new MemoryWatch(steady.pid, steadyBegan);
  const doing = [postman.work(size.mailEveryMs), weather.rage()];

  const lives = await liveAndDie(world, size, random.fork(), postman, errors, tell);
  postman.stop();
  weather.stop();
  await Promise.all([...doing, memory.stop()]);
  tell(`${weather.report()}; ${proxy.accepted} connections, ${proxy.signIns} sign-ins`);

  const mails = await mailsOnServer(world);
  const results: Count[] = [];
  const unwatched: string[] = [];
  for (const gateway of [killed, steady]) {
    unwatched.push(...(await untilNone(() => notWatched(gateway), WATCHED_LIMIT_MS)));
    await untilNone(
      async () => ((await leftToDo(gateway, mails.length)) > 0 ? ['something'] : []),
      QUIET_LIMIT_MS,
    );
    const name = gateway === killed ? 'killed' : 'steady';
    const asked = world.asked.filter((one) => one.gateway === name);
    results.push(count(await gather(gateway, mails, asked)));
  }
  for (const [at, name] of ['of the one that was killed', 'of the one that lived'].entries())
    report(results[at] as Count, name, tell);
  list('not watched at the end', unwatched, tell);
  list('logged errors', errors.lines, tell);

  const { secondMb, lastMb, growth } = flatness(memory.samples);
  tell(`memory of the one that lived, by tenths of the soak: ${megabytes(tenths(memory.samples))}`);
  const judged = size.soakMs >= SHORTEST_FOR_MEMORY_MS;
  const flat = !judged || growth <= MOST_GROWTH;
  const confirmed = new Set(mails).size === postman.brought && mails.length === postman.brought;
  if (!confirmed) tell(`the server has ${mails.length} mails, and confirmed ${postman.brought}`);
  return {
    holds: results.every(holds) && unwatched.length === 0 && errors.count === 0 && flat && confirmed,
    figures:
      `soak: ${Math.round(size.soakMs / 1000)} s, accounts ${size.accounts}, mails ${mails.length}, kills ${lives.kills}, ` +
      `server restarts ${lives.restarts}, connections ${proxy.accepted}, ${total(results)}, ` +
      `not watched at the end ${unwatched.length}, logged errors ${errors.count}, ` +
      `memory ${secondMb.toFixed(0)} -> ${lastMb.toFixed(0)} MB (${(100 * growth).toFixed(1)} %` +
      `${judged ? '' : ', not judged: too short'}), each life at its end ${megabytes(lives.endsMb)}`,
  };
}

interface Lives {
  kills: number;
  restarts: number;
  /** Resident memory just before each kill: always at the same age. */
  endsMb: number[];
}

/** Kills the one gateway at the end of each life, restarts the server now and then; and lets the gateway live at last. */
async function liveAndDie(
  { killed, dovecot }: World,
  size: Size,
  random: Random,
  postman: Postman,
  errors: ErrorLog,
  tell: (line: string) => void,
): Promise<Lives> {
  const startedAt = performance.now();
  const lives: Lives = { kills: 0, restarts: 0, endsMb: [] };
  const over = (): boolean => performance.now() - startedAt >= size.soakMs;
  let restartAt = size.restartEveryMs;
  while (!over()) {
    const endsAt = performance.now() + size.lifeMs;
    while (performance.now() < endsAt) {
      if (performance.now() - startedAt >= restartAt) {
        await postman.alone(() => dovecot.restart(() => pause(random.between(0, LONGEST_DOWN_MS))));
        lives.restarts++;
        restartAt += size.restartEveryMs;
      }
      await pause(Math.min(LOOK_EVERY_MS, Math.max(endsAt - performance.now(), 0)));
    }
    lives.endsMb.push((await residentMb(killed.pid)) ?? Number.NaN);
    await killed.kill();
    lives.kills++;
    tell(
      `kill ${lives.kills} at ${seconds(performance.now() - startedAt)}: ${lives.endsMb.at(-1)?.toFixed(0)} MB, ` +
        `${postman.brought} mails${errors.count > 0 ? `, ${errors.count} logged errors` : ''}`,
    );
    await pause(random.between(0, LONGEST_DOWN_MS));
    await killed.start();
    errors.follow(killed);
  }
  return lives;
}

/** Looks again and again until there is nothing, or the time is over. */
async function untilNone(look: () => Promise<string[]>, limitMs: number): Promise<string[]> {
  const endsAt = performance.now() + limitMs;
  for (;;) {
    const left = await look();
    if (left.length === 0 || performance.now() > endsAt) return left;
    await pause(LOOK_EVERY_MS);
  }
}

function report(result: Count, name: string, tell: (line: string) => void): void {
  const { messages: _m, sessions: _s, ...lists } = result;
  for (const [what, cases] of Object.entries(lists)) list(`${what} ${name}`, cases, tell);
}

function list(what: string, cases: readonly string[], tell: (line: string) => void): void {
  if (cases.length === 0) return;
  tell(`${what}: ${cases.length}`);
  for (const one of cases.slice(0, LISTED_CASES)) tell(`  ${one.slice(0, 600)}`);
}

/** Of both gateways together. */
function total(results: readonly Count[]): string {
  const sum = (of: (result: Count) => readonly string[]): number =>
    results.reduce((all, result) => all + of(result).length, 0);
  return [
    `messages ${results.map(({ messages }) => messages).join(' and ')}`,
    `sessions ${results.map(({ sessions }) => sessions).join(' and ')}`,
    `lost ${sum(({ lost }) => lost)}`,
    `messages twice ${sum(({ messagesTwice }) => messagesTwice)}`,
    `sessions twice ${sum(({ sessionsTwice }) => sessionsTwice)}`,
    `unexpected ${sum(({ unexpected }) => unexpected)}`,
    `dead letters ${sum(({ deadLetters }) => deadLetters)}`,
  ].join(', ');
}

const megabytes = (all: readonly number[]): string => `${all.map((mb) => mb.toFixed(0)).join(' ')} MB`;
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
