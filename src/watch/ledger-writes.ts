// Writes a batch of messages: many rows a statement, in few sizes of statement.
import type { MailContent } from '../contracts/mail.ts';
import { rowInsert } from '../store/insert-rows.ts';
import type { Tx } from '../store/store.ts';
import type { Arrival } from './arrival.ts';
import type { Checkpoint } from './checkpoints.ts';
import { knownMessages } from './ledger-lookups.ts';

export interface NewArrival extends Arrival {
  uid: number;
  fingerprint: string;
  /** By which the thread will be found: its own Message-ID, those it refers to, and the keys of providers. */
  references: string[];
}

const insertMessages = rowInsert(
  'messages',
  [
    ...(['id', 'account_id', 'fingerprint', 'message_id', 'thread_id', 'from_address', 'subject'] as const),
    ...(['date', 'arrived_at', 'size', 'kind', 'kind_reason', 'trust', 'metadata', 'created_at'] as const),
  ],
  ['account_id', 'fingerprint'],
);
const insertReferences = rowInsert(
  'thread_references',
  ['account_id', 'message_id', 'thread_id'],
  ['account_id', 'message_id'],
);
const insertLocations = rowInsert(
  'locations',
  ['account_id', 'mailbox', 'uid_validity', 'uid', 'message_id', 'flags'],
  ['account_id', 'mailbox', 'uid_validity', 'uid'],
);

const insertContents = rowInsert(
  'contents',
  ['message_id', 'text', 'reply_text', 'html', 'truncated', 'notes'],
  ['message_id'],
);

/** Inserts messages of one account and their threads. Returns those that were not in the ledger. */
export async function insertArrivals(
  tx: Tx,
  arrivals: readonly NewArrival[],
  now: number,
): Promise<readonly NewArrival[]> {
  const inserted = await insertMessages(
    tx,
    arrivals.map((arrival) => messageRow(arrival, now)),
  );
  const fresh = inserted === arrivals.length ? arrivals : await insertedOf(tx, arrivals);
  const references = fresh.flatMap((arrival) =>
    [...new Set(arrival.references)].map((messageId) => ({
      account_id: arrival.account.id,
      message_id: messageId,
      thread_id: arrival.threadId,
    })),
  );
  await insertReferences(tx, references);
  return fresh;
}

const messageRow = (arrival: NewArrival, now: number) => ({
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
});

/** Those under whose id the ledger knows the fingerprint: the others were there before. */
async function insertedOf(tx: Tx, arrivals: readonly NewArrival[]): Promise<NewArrival[]> {
  const accountId = arrivals[0]?.account.id ?? '';
  const known = await knownMessages(
    tx,
    accountId,
    arrivals.map((arrival) => arrival.fingerprint),
  );
  return arrivals.filter((arrival) => known.get(arrival.fingerprint) === arrival.id);
}

/** Notes where messages lie; a place that is known already stays. */
export async function insertPlaces(
  tx: Tx,
  checkpoint: Pick<Checkpoint, 'accountId' | 'mailbox' | 'uidValidity'>,
  places: readonly { uid: number; messageId: string; flags: readonly string[] }[],
): Promise<void> {
  const { accountId, mailbox, uidValidity } = checkpoint;
  await insertLocations(
    tx,
    places.map(({ uid, messageId, flags }) => ({
      account_id: accountId,
      mailbox,
      uid_validity: uidValidity,
      uid,
      message_id: messageId,
      flags: flagsText(flags),
    })),
  );
}

/** Flags as the ledger keeps them. `\Recent` is of a connection, and not of the message. */
export const flagsText = (flags: Iterable<string>): string =>
  JSON.stringify([...flags].filter((flag) => flag !== '\\Recent').sort());

export async function insertContent(tx: Tx, messageId: string, content: MailContent): Promise<void> {
  const { text, reply_text, html, truncated, ...rest } = content;
  const notes = JSON.stringify(rest);
  const row = { message_id: messageId, text, reply_text, html, truncated: truncated ? 1 : 0, notes };
  await insertContents(tx, [row]);
}
