// Waits until nothing is left to do: all mail taken in, no session at work, nothing on its way, every copy filed.
import { setTimeout as pause } from 'node:timers/promises';
import type { DraftView, SubmissionView } from '../../../src/contracts/draft.ts';
import type { MessageView } from '../../../src/contracts/mail.ts';
import type { DeadLetterView } from '../../../src/contracts/page.ts';
import type { SessionView } from '../../../src/contracts/session.ts';
import type { Approver } from './approver.ts';
import { everything, flagsOf, sentCopiesOf } from './evidence.ts';
import { LABEL, type Mail, numberIn, RULES } from './mails.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 200; // what happens in the mailboxes of a server tells nobody
const KILLED = 'The process ended during the last attempt.';
const BUSY = new Set(['queued', 'running']);

/**
 * @param revived ids of the dead letters that were given their attempts again, added to
 * @returns what is still open when the time is over; nothing, if all is well
 */
export async function untilQuiet(
  world: World,
  mails: readonly Mail[],
  approver: Approver,
  limitMs: number,
  revived: Set<string>,
): Promise<string[]> {
  const limit = AbortSignal.timeout(limitMs);
  for (;;) {
    await reviveCrashed(world, revived);
    const open = await whatIsOpen(world, mails, approver, limit);
    if (open.length === 0 || limit.aborted) return open;
    await pause(LOOK_EVERY_MS);
  }
}

async function whatIsOpen(
  world: World,
  mails: readonly Mail[],
  approver: Approver,
  limit: AbortSignal,
): Promise<string[]> {
  const { gateway } = world;
  const messages = await everything<MessageView>(gateway, '/v1/messages');
  const numbers = new Set(messages.map(({ subject }) => numberIn(subject)));
  const missing = mails.filter(({ number }) => !numbers.has(number));
  if (missing.length > 0) return missing.map(({ number }) => `mail ${number} is not in the ledger`);

  const sessions = await everything<SessionView>(gateway, '/v1/sessions');
  const busy = sessions.filter(({ state }) => BUSY.has(state));
  if (busy.length > 0) return busy.map(({ id, state }) => `session ${id} is ${state}`);

  await approver.look(limit, true);
  const waiting = await everything<DraftView>(gateway, '/v1/drafts', 'state=waiting');
  const undecided = waiting.filter((draft) => approver.willDecide(draft));
  if (undecided.length > 0) return undecided.map(({ id }) => `draft ${id} waits`);

  const submissions = await everything<SubmissionView>(gateway, '/v1/submissions');
  const onTheWay = submissions.filter(({ state }) => state === 'queued' || state === 'sending');
  if (onTheWay.length > 0) return onTheWay.map(({ id, state }) => `submission ${id} is ${state}`);

  const copies = new Set(await sentCopiesOf(world));
  const unfiled = submissions.filter(({ state, message_id: id }) => state === 'sent' && !copies.has(id));
  if (unfiled.length > 0) return unfiled.map(({ id }) => `the copy of ${id} is not in Sent`);

  const flags = await flagsOf(world);
  return mails
    .filter(({ number, rules }) => rules.includes(RULES.questions) && !flags.get(number)?.has(LABEL))
    .map(({ number }) => `mail ${number} has no label`);
}

/**
 * A job that was killed at each of its attempts lies with the dead letters, where a person gives it its attempts again.
 * Any other dead letter stays, and counts against the gateway.
 */
async function reviveCrashed({ gateway }: World, revived: Set<string>): Promise<void> {
  for (const { id, error } of await everything<DeadLetterView>(gateway, '/v1/dead-letters')) {
    if (error !== KILLED || revived.has(id)) continue; // once: whoever dies without a kill is not excused
    revived.add(id);
    await gateway.request('POST', `/v1/dead-letters/${id}/retry`);
  }
}
