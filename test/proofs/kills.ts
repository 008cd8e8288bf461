// The law "nothing lost, nothing twice, nothing unapproved", held against SIGKILL at random instants: while mail comes,
// agents answer, a person decides and mail leaves.
import { setTimeout as pause } from 'node:timers/promises';
import { Approver } from './kills/approver.ts';
import { type Count, count, holds } from './kills/count.ts';
import { type Evidence, gather, messageIdIn } from './kills/evidence.ts';
import { liveUntil } from './kills/life.ts';
import { numberIn, USERS } from './kills/mails.ts';
import { describe, meetsBacklog, moments } from './kills/moments.ts';
import { Postman } from './kills/postman.ts';
import { untilQuiet } from './kills/quiet.ts';
import { addAccounts, makeWorld, type World } from './kills/world.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

const KILLS = 50;
const QUICK_KILLS = 8; // one at each kind of moment
const QUIET_LIMIT_MS = 120_000; // a lost lease costs 30 s; what is not done after four of them will not be done
const BACKLOG_MAILS = 8; // waiting in most of the mailboxes, so that they are taken in at the same time
const LISTED_CASES = 20;

export const kills: Proof = {
  name: 'kills',
  summary: 'SIGKILL at random instants: nothing is lost, nothing happens twice, nothing leaves unapproved.',
  run,
};

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const random = new Random(seed);
  const world = await makeWorld(random.fork());
  try {
    return await prove(world, random, quick ? QUICK_KILLS : KILLS, tell);
  } finally {
    await world.end();
  }
}

async function prove(
  world: World,
  random: Random,
  times: number,
  tell: (line: string) => void,
): Promise<Verdict> {
  const { gateway, smtp } = world;
  const postman = new Postman(world, random.fork());
  const approver = new Approver(gateway, random.fork());
  const actors = { world, postman, approver, random: random.fork() };
  const errors: string[] = [];
  let struck = 0;

  // The first start of all makes the keys and the ledger: it too is killed.
  await gateway.launch();
  await pause(random.between(50, 600));
  await gateway.kill();
  struck++;
  await gateway.start();
  await addAccounts(world);
  await gateway.kill();
  struck++;

  const plan = moments(random.fork());
  const renumberUp = random.between(2, Math.ceil(times / 2));
  const renumberDown = random.between(Math.ceil(times / 2) + 1, times - 1);
  for (; struck < times; struck++) {
    const moment = plan.next().value;
    if (meetsBacklog(moment)) for (let mail = 0; mail < BACKLOG_MAILS; mail++) await postman.deliver();
    const came = await liveUntil(actors, moment, struck === renumberUp);
    errors.push(...errorsIn(gateway.log()));
    tell(`kill ${struck + 1} of ${times}: ${describe(moment)}${came ? '' : ' (which did not come)'}`);
    letCustomersAnswer(world, postman);
    if (struck === renumberDown) tell(`renumbered ${await postman.renumber()} while the gateway is down`);
    if (random.chance(0.4)) await postman.deliver();
    if (random.chance(0.3)) await postman.move();
  }

  await gateway.start();
  const revived = new Set<string>();
  const open = await untilQuiet(world, postman.mails, approver, QUIET_LIMIT_MS, revived);
  errors.push(...errorsIn(gateway.log()));
  // Once more, so that nothing waits for a start to happen a second time.
  await gateway.stop();
  await gateway.start();
  open.push(...(await untilQuiet(world, postman.mails, approver, QUIET_LIMIT_MS, revived)));
  const evidence = await gather(world, postman.mails, approver);
  await gateway.stop();
  errors.push(...errorsIn(gateway.log()));

  const result = count(evidence);
  const further = { 'still open': open, 'logged errors': errors, 'wrong answers': approver.problems };
  report(result, further, tell);
  tell(
    `${smtp.messages().length} mails left, ${automatic(evidence)} of them without a person; ${rerun(evidence)} turns ` +
      `were run again, ${approver.interrupted} requests were cut off; ${postman.moves} moves, ${postman.copies} copies, ` +
      `${postman.renumberings} renumberings`,
  );
  return {
    holds: holds(result) && Object.values(further).every((cases) => cases.length === 0),
    figures: figures(times, evidence, result, revived.size),
  };
}

/** Whoever got a mail may write back; from then on one of the mails that come may be that answer. */
function letCustomersAnswer({ smtp }: World, postman: Postman): void {
  for (const { raw, envelopeFrom } of smtp.messages().slice(-5)) {
    const subject = /^Subject: (.*)$/m.exec(raw.toString('latin1'))?.[1] ?? '';
    const mail = postman.mails.find(({ number }) => number === numberIn(subject));
    const user = USERS.find((name) => envelopeFrom.startsWith(`${name}@`));
    if (mail && user) postman.canBeAnswered(user, messageIdIn(raw), mail);
  }
}

/** What the gateway itself holds for an error: a kill must not lead to one. */
function errorsIn(log: string): string[] {
  return log.split('\n').filter((line) => line.startsWith('{"level":"error"'));
}

const automatic = ({ drafts, arrived }: Evidence): number => {
  const ids = new Set(
    drafts.filter((draft) => draft.decided_by?.startsWith('policy:')).map((draft) => draft.message_id),
  );
  return arrived.filter(({ messageId }) => ids.has(messageId)).length;
};

const rerun = ({ agentNotes }: Evidence): number =>
  agentNotes.length - new Set(agentNotes.map(({ session, turn }) => `${session} ${turn}`)).size;

function report(result: Count, further: Record<string, string[]>, tell: (line: string) => void): void {
  const { unknown, ...lists } = result;
  for (const [name, cases] of Object.entries({ ...lists, ...further })) {
    if (cases.length === 0) continue;
    tell(`${name}: ${cases.length}`);
    for (const one of cases.slice(0, LISTED_CASES)) tell(`  ${one}`);
  }
  for (const { id, cause, arrived } of unknown)
    tell(`unknown: ${id}, which ${arrived ? 'did arrive' : 'did not arrive'}: ${cause}`);
}

function figures(times: number, evidence: Evidence, result: Count, revived: number): string {
  const arrived = result.unknown.filter((one) => one.arrived).length;
  const twice = {
    messages: result.messagesTwice,
    sessions: result.sessionsTwice,
    drafts: result.draftsTwice,
    mails: result.mailsTwice,
    copies: result.copiesTwice,
  };
  return [
    `kills: ${times}`,
    `mails in ${evidence.mails.length}, sessions ${evidence.sessions.length}, drafts ${evidence.drafts.length}, mails out ${evidence.arrived.length}`,
    `lost ${result.lost.length}`,
    ...Object.entries(twice).map(([what, cases]) => `${what} twice ${cases.length}`),
    `threads split ${result.threadsSplit.length}`,
    `unapproved sent ${result.unapprovedSent.length}`,
    `changed ${result.changed.length}`,
    `unexpected ${result.unexpected.length}`,
    `dead letters ${result.deadLetters.length} (and ${revived} revived)`,
    `unknown ${result.unknown.length} (${arrived} arrived, ${result.unknown.length - arrived} did not)`,
  ].join(', ');
}
