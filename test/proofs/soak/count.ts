// Counts at the end, from the mail on the server and the ledger of a gateway, what was lost and what happened twice.
import type { MessageView } from '../../../src/contracts/mail.ts';
import type { DeadLetterView } from '../../../src/contracts/page.ts';
import type { SessionView } from '../../../src/contracts/session.ts';
import type { TestGateway } from '../../support/gateway.ts';
import { everything } from '../kills/evidence.ts';
import { numberIn } from './postman.ts';
import { type Asked, mailboxesOf, type World } from './world.ts';

export interface Count {
  messages: number;
  sessions: number;
  /** Each list names the cases, in words. */
  lost: string[];
  messagesTwice: string[];
  sessionsTwice: string[];
  unexpected: string[];
  deadLetters: string[];
}

export const holds = ({ messages: _m, sessions: _s, ...lists }: Count): boolean =>
  Object.values(lists).every((cases) => cases.length === 0);

/** What is there at the end. */
export interface Evidence {
  /** The numbers of the mails that the IMAP server has. */
  mails: readonly number[];
  messages: readonly Pick<MessageView, 'id' | 'subject'>[];
  sessions: readonly Pick<SessionView, 'id' | 'message_id' | 'state' | 'turns' | 'error'>[];
  deadLetters: readonly Pick<DeadLetterView, 'id' | 'kind' | 'error'>[];
  /** What the agent was asked by this gateway. */
  asked: readonly Pick<Asked, 'session' | 'message'>[];
}

export async function gather(
  gateway: TestGateway,
  mails: readonly number[],
  asked: readonly Asked[],
): Promise<Evidence> {
  return {
    mails,
    messages: await everything<MessageView>(gateway, '/v1/messages'),
    sessions: await everything<SessionView>(gateway, '/v1/sessions'),
    deadLetters: await everything<DeadLetterView>(gateway, '/v1/dead-letters'),
    asked,
  };
}

/** The numbers of all mails that the IMAP server has. */
export async function mailsOnServer({ dovecot, users }: World): Promise<number[]> {
  const numbers: number[] = [];
  for (const user of users)
    for (const mailbox of mailboxesOf(user))
      for (const { raw } of await dovecot.fetchAll(user, mailbox)) {
        const number = numberIn(/^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '');
        if (number !== null) numbers.push(number);
      }
  return numbers;
}

/** How many mails are not in the ledger yet, and how many sessions are not at their end. */
export async function leftToDo(gateway: TestGateway, mails: number): Promise<number> {
  const messages = await everything<MessageView>(gateway, '/v1/messages');
  const sessions = await everything<SessionView>(gateway, '/v1/sessions');
  const open = sessions.filter(({ state }) => state === 'queued' || state === 'running').length;
  return Math.max(mails - messages.length, 0) + Math.max(mails - sessions.length, 0) + open;
}

/** Pure. */
export function count({ mails, messages, sessions, deadLetters, asked }: Evidence): Count {
  const result: Count = {
    messages: messages.length,
    sessions: sessions.length,
    lost: [],
    messagesTwice: [],
    sessionsTwice: [],
    unexpected: [],
    deadLetters: deadLetters.map(({ id, kind, error }) => `${kind} ${id}: ${error}`),
  };
  const byNumber = Map.groupBy(messages, ({ subject }) => numberIn(subject));
  const byMessage = Map.groupBy(sessions, ({ message_id: id }) => id);
  const onServer = new Set(mails);
  for (const number of onServer) {
    const of = byNumber.get(number) ?? [];
    if (of.length === 0) result.lost.push(`mail ${number} is not in the ledger`);
    if (of.length > 1) result.messagesTwice.push(`mail ${number} is ${of.map(({ id }) => id).join(', ')}`);
    const started = of.flatMap(({ id }) => byMessage.get(id) ?? []);
    if (of.length > 0 && started.length === 0) result.lost.push(`mail ${number} started no session`);
    if (started.length > 1) result.sessionsTwice.push(`mail ${number} started ${started.length} sessions`);
    for (const { id, state, turns, error } of started) {
      if (state !== 'done') result.lost.push(`session ${id} of mail ${number} is ${state}: ${error}`);
      if (turns > 1) result.sessionsTwice.push(`session ${id} of mail ${number} had ${turns} turns`);
    }
  }
  for (const number of byNumber.keys())
    if (number === null || !onServer.has(number)) result.unexpected.push(`a message ${number}`);
  // What the agent itself saw: a ledger could have forgotten a session that it started. The same turn may come again
  // after a kill.
  for (const [message, turns] of Map.groupBy(asked, ({ message }) => message)) {
    const ids = new Set(turns.map(({ session }) => session));
    if (ids.size > 1)
      result.sessionsTwice.push(`the agent was asked about ${message} in ${[...ids].join(', ')}`);
  }
  return result;
}
