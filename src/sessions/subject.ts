// What an agent's turn is about: its message, and the people of its thread; and what an action of its answer wants.
import type { MailContent, MailMetadata, Trust } from '../contracts/mail.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { storedTrust } from '../mail/trust.ts';
import type { Store } from '../store/store.ts';
import { doubtfulOwn } from '../watch/own-mail.ts';
import { storedContent } from '../watch/text.ts';
import type { StoredAction } from './answer.ts';
import { type People, peopleOf } from './people.ts';
import { isOver } from './state.ts';

export interface TurnSubject {
  turnId: string;
  sessionId: string;
  accountId: string;
  threadId: string;
  agent: string;
  message: {
    id: string;
    /** Its conversation: the session's own, but where the policy lets the agent read others. */
    threadId: string;
    trust: Trust;
    kind: string;
    kindReason: string;
    metadata: MailMetadata;
    /** Null where the text was never read. */
    content: MailContent | null;
  };
  /** Of the thread's mail that is not surely the account's own: the weakest, for the agent is shown all of it. */
  trust: Trust;
  people: People;
}

export interface ActionSubject extends TurnSubject {
  index: number;
  action: StoredAction;
}

/** Null for a session that was cancelled. @throws PosternError `not_found` */
export async function loadSubject(
  store: Store,
  turnId: string,
  index: number,
): Promise<ActionSubject | null> {
  const turn = await store.db
    .selectFrom('turns')
    .select('answer')
    .where('id', '=', turnId)
    .executeTakeFirst();
  const action = (JSON.parse(turn?.answer ?? '{"actions":[]}') as { actions: StoredAction[] }).actions[index];
  if (!action) throw new PosternError('not_found', `The turn ${turnId} has no action ${index}.`);
  const subject = await loadTurnSubject(store, turnId);
  return subject && { ...subject, index, action };
}

/**
 * Null for a session that was cancelled.
 * @param meant another message of the thread than the turn's own
 * @throws PosternError `not_found`
 */
export async function loadTurnSubject(
  store: Store,
  turnId: string,
  meant?: string,
): Promise<TurnSubject | null> {
  const turn = await store.db
    .selectFrom('turns')
    .innerJoin('sessions', 'sessions.id', 'turns.session_id')
    .select(['turns.number', 'turns.session_id', 'turns.account_id', 'turns.agent'])
    .select(['sessions.thread_id', 'sessions.state'])
    .where('turns.id', '=', turnId)
    .executeTakeFirst();
  if (!turn) throw new PosternError('not_found', `There is no turn ${turnId}.`);
  if (isOver(turn.state)) return null;
  const messageId = meant ?? (await messageOfTurn(store, turn.session_id, turn.number));
  const message = await store.db
    .selectFrom('messages')
    .selectAll()
    .where('id', '=', messageId)
    .where('account_id', '=', turn.account_id)
    .executeTakeFirst();
  if (!message) throw notFound('message', messageId);
  const content = await store.db
    .selectFrom('contents')
    .selectAll()
    .where('message_id', '=', messageId)
    .executeTakeFirst();
  const mails = await store.db
    .selectFrom('messages')
    .select(['metadata', 'trust'])
    .where('thread_id', '=', turn.thread_id)
    .where('kind', '<>', 'own')
    .orderBy('arrived_at')
    .orderBy('id')
    .execute();
  return {
    turnId,
    sessionId: turn.session_id,
    accountId: turn.account_id,
    threadId: turn.thread_id,
    agent: turn.agent,
    message: {
      id: messageId,
      kind: message.kind,
      kindReason: message.kind_reason,
      threadId: message.thread_id,
      trust: storedTrust(message.trust),
      metadata: JSON.parse(message.metadata) as MailMetadata,
      content: content ? storedContent(content) : null,
    },
    trust: weakest([
      ...[message, ...mails].map(({ trust }) => storedTrust(trust)),
      ...(await doubtfulOwn(store.db, turn.thread_id)).map(({ trust }) => trust),
    ]),
    people: await peopleOf(
      store,
      turn.thread_id,
      mails.map(({ metadata, trust }) => ({
        metadata: JSON.parse(metadata) as MailMetadata,
        trust: storedTrust(trust),
      })),
    ),
  };
}

/** The message that a turn is about: its own, or for feedback and answers that of the turn before. */
export async function messageOfTurn(store: Store, sessionId: string, number: number): Promise<string> {
  const row = await store.db
    .selectFrom('turns')
    .select('message_id')
    .where('session_id', '=', sessionId)
    .where('number', '<=', number)
    .where('message_id', 'is not', null)
    .orderBy('number', 'desc')
    .executeTakeFirst();
  if (!row?.message_id) throw new PosternError('not_found', `The session ${sessionId} has no message.`);
  return row.message_id;
}

/** The weakest, with all that warns of any of them. */
function weakest(all: readonly Trust[]): Trust {
  const levels = ['unverified', 'asserted', 'verified'];
  const least = all.reduce((one, other) =>
    levels.indexOf(other.level) < levels.indexOf(one.level) ? other : one,
  );
  return { ...least, flags: [...new Set(all.flatMap(({ flags }) => flags))] };
}
