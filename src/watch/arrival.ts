// What watching hands on, and the port through which what comes after it decides: in the same transaction.
import type { Account } from '../accounts/accounts.ts';
import type { MailContent, MailKind, MailMetadata, Trust } from '../contracts/mail.ts';
import type { Tx } from '../store/store.ts';

/** A message that is new to the ledger. */
export interface Arrival {
  id: string;
  account: Account;
  mailbox: string;
  threadId: string;
  /** Whether the thread was known before. */
  isReply: boolean;
  kind: MailKind;
  kindReason: string;
  trust: Trust;
  flags: string[];
  arrivedAt: number;
  metadata: MailMetadata;
}

/** What is to be done about one arrival. Opaque to watching. */
export interface Decision {
  /** True where an agent will read the text, so that it is fetched while the connection is at hand. */
  readonly wantsText: boolean;
  /** Whether the decision itself hangs on the text: once that is read, it is taken anew. */
  readonly hangsOnText?: boolean;
}

export interface Decider<D extends Decision = Decision> {
  /**
   * Pure and fast: it stands in the way of every message. Null: nothing is to be done.
   * @param content the text, where it was read already
   */
  decide(arrival: Arrival, content?: MailContent | null): D | null;
  /**
   * Writes decisions and their jobs in the transaction that takes the message in.
   * @param content the text of the message, where it was read on the way in
   */
  record(tx: Tx, arrival: Arrival, decision: D, content: MailContent | null): Promise<void>;
}

/** Reads the text of a message on the connection that has just fetched its metadata; null where that fails. */
export type TextReader = (uid: number, metadata: MailMetadata) => Promise<MailContent | null>;
