// Writes a batch of messages: many rows a statement, in few sizes of statement.
import type { MailContent } from '../contracts/mail.ts';
import type { Tx } from '../store/store.ts';
import type { Arrival } from './arrival.ts';
import type { Checkpoint } from './checkpoints.ts';

export interface NewArrival extends Arrival {
  uid: number;
  fingerprint: string;
  /** The Message-IDs by which the thread will be found: its own, and those it refers to. */
  references: string[];
}

const CHUNK_ROWS = 32; // a statement for 32 rows and one for a single row: two to prepare, and few to run

/** Inserts messages and their threads. Returns those that were not in the ledger. */
export async function insertArrivals(
  tx: Tx,
  arrivals: readonly NewArrival[],
  now: number,
): Promise<NewArrival[]> {
  const inserted = new Set<string>();
  for (const chunk of chunksOf(arrivals)) {
    const rows = await tx
      .insertInto('messages')
      .values(
        chunk.map((arrival) => ({
          id: arrival.id,
          account_id: arrival.account.id,
          fingerprint: arrival.fingerprint,
          message_id: arrival.metadata.message_id,
          thread_id: arrival.threadId,
          from_address: arrival.metadata.from?.address.toLowerCase() ?? null,
          subject: arrival.metadata.subject,
          date: arrival.metadata.date ?? arrival.arrivedAt,
          arrived_at: arrival.arrivedAt,
          size: arrival.metadata.size,
          kind: arrival.kind,
          kind_reason: arrival.kindReason,
          trust: JSON.stringify(arrival.trust),
          metadata: JSON.stringify(arrival.metadata),
          created_at: now,
        })),
      )
      .onConflict((conflict) => conflict.columns(['account_id', 'fingerprint']).doNothing())
      .returning('id')
      .execute();
    for (const row of rows) inserted.add(row.id);
  }
  const fresh = arrivals.filter((arrival) => inserted.has(arrival.id));
  const references = fresh.flatMap((arrival) =>
    [...new Set(arrival.references)].map((messageId) => ({
      account_id: arrival.account.id,
      message_id: messageId,
      thread_id: arrival.threadId,
    })),
  );
  for (const chunk of chunksOf(references)) {
    await tx
      .insertInto('thread_references')
      .values(chunk)
      .onConflict((conflict) => conflict.columns(['account_id', 'message_id']).doNothing())
      .execute();
  }
  return fresh;
}

/** Notes where messages lie; a place that is known already stays. */
export async function insertPlaces(
  tx: Tx,
  checkpoint: Checkpoint,
  places: readonly { uid: number; messageId: string }[],
): Promise<void> {
  for (const chunk of chunksOf(places)) {
    await tx
      .insertInto('locations')
      .values(
        chunk.map((place) => ({
          account_id: checkpoint.accountId,
          mailbox: checkpoint.mailbox,
          uid_validity: checkpoint.uidValidity,
          uid: place.uid,
          message_id: place.messageId,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['account_id', 'mailbox', 'uid_validity', 'uid']).doNothing(),
      )
      .execute();
  }
}

export async function insertContent(tx: Tx, messageId: string, content: MailContent): Promise<void> {
  await tx
    .insertInto('contents')
    .values({
      message_id: messageId,
      text: content.text,
      reply_text: content.reply_text,
      html: content.html,
      truncated: content.truncated ? 1 : 0,
    })
    .onConflict((conflict) => conflict.column('message_id').doNothing())
    .execute();
}

function* chunksOf<T>(rows: readonly T[]): Generator<T[]> {
  let at = 0;
  for (; at + CHUNK_ROWS <= rows.length; at += CHUNK_ROWS) yield rows.slice(at, at + CHUNK_ROWS);
  for (; at < rows.length; at++) yield rows.slice(at, at + 1);
}
