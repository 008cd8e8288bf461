// Fetches a range of UIDs and commits it batch by batch: the one way in for new mail and for history.
import type { Account } from '../accounts/accounts.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type FetchedMessage, fetchChunks } from '../imap/fetch.ts';
import type { Logger } from '../kernel/logger.ts';
import type { TextReader } from './arrival.ts';
import type { Checkpoint } from './checkpoints.ts';
import type { Ingest } from './ingest.ts';
import { textReader } from './text.ts';

const BATCH_MESSAGES = 500; // one commit: smaller ones write the same pages of the indexes more often
const HISTORY_BATCH_MESSAGES = 250; // for history steps aside for new mail, and tells how far it is
const TEXT_BATCH_MESSAGES = 20; // text is read on the way in for a trickle of mail, not for a flood

export interface TakeParts {
  account: Account;
  connection: ImapConnection;
  ingest: Ingest;
  log: Logger;
  signal: AbortSignal;
}

export interface UidRange {
  from: number;
  /** `*`: all there is from there on. */
  to: number | '*';
  /** Only these of them, in the words of a FETCH: `7,9:12`. */
  set?: string;
  /** Only mail that arrived from then on, epoch milliseconds. */
  since?: number | null;
}

/**
 * Takes in what the server has in the range, and moves the checkpoint on to its end, or to the last message.
 * @param onTaken told after each commit: so many messages were dealt with, and so many of them were new
 * @returns how many messages the server has there
 */
export async function takeRange(
  { account, connection, ingest, log, signal }: TakeParts,
  checkpoint: Checkpoint,
  range: UidRange,
  onTaken: (messages: number, added: number) => void,
): Promise<number> {
  const batchSize = checkpoint.isBackfill ? HISTORY_BATCH_MESSAGES : BATCH_MESSAGES;
  let batch: FetchedMessage[] = [];
  let ascending = true;
  const unreadBefore = connection.unreadAnswers;
  let highest = range.from - 1;
  let count = 0;
  let isWhole = false;
  const commit = async (reader: TextReader | null): Promise<void> => {
    const taken = batch;
    batch = [];
    // A server that answers out of order must not move the checkpoint past what it has not yet sent; nor may an answer
    // that could not be read, whose message is asked for again at the end.
    const isGapless = ascending && (isWhole || connection.unreadAnswers === unreadBefore);
    const { added } = await ingest.take(account, checkpoint, taken, isGapless ? highest : null, reader);
    if (isGapless) checkpoint.lastUid = highest;
    onTaken(taken.length, added);
  };
  const answers = fetchChunks(connection, range.from, range.to, range.set);
  for await (const chunk of connection.each('fetch mail', answers, signal)) {
    for (const message of chunk) {
      if (range.to !== '*' && message.uid > range.to) continue; // nobody asked for it
      if (message.uid < highest) ascending = false;
      highest = Math.max(highest, message.uid);
      count++;
      if (message.internalDate < (range.since ?? 0)) continue;
      batch.push(message);
      if (batch.length >= batchSize) await commit(null);
    }
  }
  if (!connection.usable) throw connection.failure;
  ascending = true; // the whole range was answered
  isWhole = true;
  if (range.to !== '*') highest = range.to;
  // What came out of order may lie below a checkpoint that has moved on meanwhile.
  if (highest > checkpoint.lastUid || batch.length > 0)
    await commit(batch.length <= TEXT_BATCH_MESSAGES ? textReader(connection, log) : null);
  return count;
}
