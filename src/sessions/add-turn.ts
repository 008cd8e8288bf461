// The next turn of a session: its row, what came in the record, and the job that runs it, in one transaction.
import type { Bus } from '../cluster/bus.ts';
import type { RecordData } from '../contracts/session-record.ts';
import { agentPool, sessionLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { WEBHOOK_ATTEMPTS } from '../network/standard-webhooks.ts';
import { rowInsert } from '../store/insert-rows.ts';
import type { Tx } from '../store/store.ts';
import type { EarlyTurns } from './begin.ts';
import type { ArrivedMail } from './event.ts';
import { record } from './record.ts';

/** Of every kind of agent: webhooks need them all, others end sooner by what their errors say. */
export const TURN_ATTEMPTS = WEBHOOK_ATTEMPTS;

const insertTurns = rowInsert(
  'turns',
  [
    ...(['id', 'session_id', 'number', 'cause', 'message_id', 'sender', 'agent'] as const),
    ...(['account_id', 'draft_id', 'feedback', 'author', 'state', 'created_at'] as const),
  ],
  ['id'],
);
export interface NewTurn {
  sessionId: string;
  number: number;
  cause: 'message' | 'feedback' | 'answer' | 'wake';
  messageId: string | null;
  sender: string | null;
  agent: string;
  accountId: string;
  draftId: string | null;
  feedback: string | null;
  author: string | null;
  now: number;
  /** Where it may begin with this commit, and the mail that it is for. */
  early?: { turns: EarlyTurns; mail: ArrivedMail | null };
}

export interface TurnsParts {
  jobs: JobQueue;
  clock: Clock;
  bus?: Bus | undefined;
}

export async function addTurn(tx: Tx, parts: TurnsParts, turn: NewTurn): Promise<void> {
  const id = newId('trn', turn.now);
  const row = {
    id,
    session_id: turn.sessionId,
    number: turn.number,
    cause: turn.cause,
    message_id: turn.messageId,
    sender: turn.sender,
    agent: turn.agent,
    account_id: turn.accountId,
    draft_id: turn.draftId,
    feedback: turn.feedback,
    author: turn.author,
    state: 'queued',
    created_at: turn.now,
  };
  await insertTurns(tx, [row]);
  await record(parts, tx, { sessionId: turn.sessionId, turnId: id, kind: 'came', data: cameAs(turn) });
  const isTaken = await parts.jobs.put(
    tx,
    'session.turn',
    { turn_id: id },
    {
      lane: sessionLane(turn.sessionId),
      pool: agentPool(turn.agent),
      maxAttempts: TURN_ATTEMPTS,
      atOnce: true,
    },
  );
  if (!isTaken) return;
  const starting = {
    id,
    session_id: turn.sessionId,
    number: turn.number,
    agent: turn.agent,
    account_id: turn.accountId,
    sender: turn.sender,
    started_at: null,
  };
  await turn.early?.turns.begin(tx, starting, turn.early.mail);
}

const cameAs = ({ number, cause, messageId, draftId, author, feedback }: NewTurn): RecordData => ({
  ...{ turn: number, cause },
  ...(messageId === null ? {} : { message_id: messageId }),
  ...(draftId === null ? {} : { draft_id: draftId }),
  ...(author === null ? {} : { by: author }),
  ...(feedback === null ? {} : { text: feedback }),
});
