// One life of the gateway: it is started, mail comes, a person decides, and at its moment it is killed.
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { LiveEvent } from '../../../src/contracts/live-event.ts';
import type { TestGateway } from '../../support/gateway.ts';
import type { Random } from '../random.ts';
import type { Approver } from './approver.ts';
import { type Moment, matches } from './moments.ts';
import type { Postman } from './postman.ts';
import type { World } from './world.ts';

const MAILS_IN_A_LIFE = 6; // enough for every moment to come, few enough for two cores to keep up
const EVENT_LIMIT_MS = 5_000; // an event that does not come by then (nothing to send, say) is not waited for
const LONGEST_PAUSE_MS = 150; // between two mails, or two looks at the drafts, where no event comes

export interface Actors {
  world: World;
  postman: Postman;
  approver: Approver;
  random: Random;
}

/**
 * @param renumber whether a mailbox gets another UIDVALIDITY meanwhile
 * @returns whether the moment came, or the limit was reached first
 */
export async function liveUntil(actors: Actors, moment: Moment, renumber: boolean): Promise<boolean> {
  const { gateway } = actors.world;
  const over = new AbortController();
  await gateway.launch();
  const doing: Promise<unknown>[] = [bringMail(actors, gateway, over.signal)];
  let came = true;
  if (moment.at === 'start') {
    if (renumber) doing.push(actors.postman.renumber());
    await pause(moment.afterMs);
  } else {
    if (!(await gateway.ready())) throw new Error(`the gateway did not come back:\n${gateway.log()}`);
    const told = new EventEmitter<{ event: [LiveEvent] }>();
    doing.push(hear(gateway, told, over.signal), decide(actors, told, over.signal));
    if (renumber) doing.push(actors.postman.renumber());
    came = await comes(actors.world, moment, told);
    if (came) await pause(moment.afterMs);
  }
  over.abort(); // from here on a request without an answer is nobody's fault
  await gateway.kill();
  await Promise.all(doing);
  return came;
}

/** Mail that comes whether or not anybody listens; and now and then one is moved. */
async function bringMail(
  { postman, random }: Actors,
  gateway: TestGateway,
  over: AbortSignal,
): Promise<void> {
  for (let brought = 0; brought < MAILS_IN_A_LIFE && !over.aborted; brought++) {
    if (gateway.url !== '' || random.chance(0.5)) await postman.deliver();
    if (random.chance(0.2)) await postman.move();
    await pause(random.between(0, LONGEST_PAUSE_MS), undefined, { signal: over }).catch(() => undefined);
  }
}

async function hear(
  gateway: TestGateway,
  told: EventEmitter<{ event: [LiveEvent] }>,
  over: AbortSignal,
): Promise<void> {
  for await (const event of gateway.events(over)) if (event) told.emit('event', event);
}

/** Decides about drafts after events, at random distances. */
async function decide(
  { approver, random }: Actors,
  told: EventEmitter<{ event: [LiveEvent] }>,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await approver.look(over);
    const limit = AbortSignal.any([over, AbortSignal.timeout(LONGEST_PAUSE_MS)]);
    await once(told, 'event', { signal: limit }).catch(() => undefined);
    await pause(random.between(0, 40));
  }
}

async function comes(
  world: World,
  moment: Moment,
  told: EventEmitter<{ event: [LiveEvent] }>,
): Promise<boolean> {
  if (moment.at === 'ready') return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const limit = setTimeout(() => resolve(false), EVENT_LIMIT_MS);
  if (moment.at === 'mail read') void world.nextMailRead().then(() => resolve(true));
  told.on('event', (event) => matches(moment, event) && resolve(true));
  const came = await promise;
  clearTimeout(limit);
  return came;
}
