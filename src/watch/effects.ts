// What is done to messages at the IMAP server, as jobs: flags, labels and moves; and taking in a message once more that
// could not be understood.
import type { Accounts } from '../accounts/accounts.ts';
import { withSelected } from '../imap/ask.ts';
import { type FetchedMessage, fetchMetadata } from '../imap/fetch.ts';
import { changeFlags } from '../imap/operations.ts';
import type { ImapPool } from '../imap/pool.ts';
import { type JobPayload, messageLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobHandler, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { storedCheckpoint } from './checkpoints.ts';
import type { Ingest } from './ingest.ts';
import { moveAndNote, type SoughtMessage } from './moves.ts';
import { atAnyPlace, type TextParts } from './text.ts';

// An account's labels and moves come one after the other (its lane). Where servers hang, each of theirs waits for its time
// limit: with only a few at once, a handful of such accounts would hold up those of all others.
const EFFECTS_AT_ONCE = 64;

export interface EffectsParts extends TextParts {
  accounts: Accounts;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  ingest: Ingest;
}

export function registerEffects(parts: EffectsParts): void {
  const accountOf = async (messageId: string): Promise<SoughtMessage> => {
    const row = await parts.store.db
      .selectFrom('messages')
      .select(['account_id', 'message_id'])
      .where('id', '=', messageId)
      .executeTakeFirst();
    if (!row) throw new PosternError('message_gone', `The message ${messageId} is not in the ledger.`);
    return { id: messageId, accountId: row.account_id, messageId: row.message_id };
  };

  const options = { concurrency: EFFECTS_AT_ONCE };
  const flag: JobHandler<'message.flag'> = async (payload, context) => {
    const { message_id: id, add, remove = [] } = payload;
    await orSeek(parts, 'message.flag', payload, context, async () =>
      atAnyPlace(parts, await accountOf(id), (connection, place) =>
        changeFlags(connection, place, { add: add.map(keywordOf), remove: remove.map(keywordOf) }),
      ),
    );
  };
  parts.worker.handle('message.flag', flag, options);

  const move: JobHandler<'message.move'> = async (payload, context) => {
    const { message_id: id, mailbox, create = false } = payload;
    const { signal } = context;
    await orSeek(parts, 'message.move', payload, context, async () =>
      moveAndNote(parts, await accountOf(id), { mailbox, create }, signal),
    );
  };
  parts.worker.handle('message.move', move, options);

  const ingest: JobHandler<'message.ingest'> = async (payload, { signal }) => {
    const account = await parts.accounts.get(payload.account_id);
    const message = await fetchAgain(parts.imap, account.id, payload, signal);
    if (!message) return; // deleted meanwhile
    const checkpoint = await storedCheckpoint(parts.store.db, account.id, payload.mailbox);
    if (checkpoint?.uidValidity !== payload.uid_validity) return; // it was read again under its new number
    await parts.ingest.takeOne(account, checkpoint, message);
  };
  parts.worker.handle('message.ingest', ingest, options);
}

/**
 * A message that is gone may only be on its way to another mailbox, where it will be seen soon. It is sought there in a
 * lane of its own, with attempts of its own: of most such mail nothing is left, and the account's work goes on.
 */
async function orSeek<K extends 'message.flag' | 'message.move'>(
  { store, jobs, clock }: EffectsParts,
  kind: K,
  payload: JobPayload<K>,
  context: JobContext,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== 'message_gone') throw error;
    if (payload.sought || typeof error.retry !== 'object') throw error;
    const options = { lane: messageLane(payload.message_id), runAt: clock.now() + error.retry.afterMs };
    await store.write(async (tx) => {
      await context.finish(tx);
      await jobs.enqueue(tx, kind, { ...payload, sought: true }, options);
    });
  }
}

async function fetchAgain(
  imap: Pick<ImapPool, 'use'>,
  accountId: string,
  { mailbox, uid_validity: uidValidity, uid }: { mailbox: string; uid_validity: string; uid: number },
  signal: AbortSignal,
): Promise<FetchedMessage | null> {
  return imap.use(accountId, (connection) =>
    withSelected(connection, mailbox, { write: false, signal }, async (selected) => {
      if (selected.uidValidity !== uidValidity) return null; // it is read again under its new number
      return connection.run(
        'fetch a message',
        async () => {
          let found: FetchedMessage | null = null;
          for await (const message of fetchMetadata(connection, uid, uid)) found = message;
          if (!found && !connection.usable) throw connection.failure; // nobody said that it is not there
          return found;
        },
        signal,
      );
    }),
  );
}

/**
 * A label as an IMAP keyword. Keywords are atoms (RFC 9051 §9): what an atom cannot hold becomes `_`, so that
 * `Agent/Quotes` stays as it is and `très bien` is still a keyword.
 */
function keywordOf(flag: string): string {
  if (flag.startsWith('\\')) return flag;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what an atom cannot hold
  return flag.replace(/[\u0000-\u0020(){%*"\\\]\u007f-\uffff]/g, '_');
}
