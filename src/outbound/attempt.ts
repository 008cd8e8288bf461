// An attempt to send a mail, and how it ended for each recipient.
import type { SubmissionRow } from '../store/schema.ts';
import type { Tx } from '../store/store.ts';
import type { Failure } from './failures.ts';

/** An attempt that is made, or was. */
export interface Attempt {
  submission: SubmissionRow;
  /** 1 is the first. */
  number: number;
  /** The lines that sign it, above its Date line; null where it leaves unsigned. */
  signature: string | null;
  /** Counts it for the limits of its account, in the transaction that lets its content go. */
  count?: ((tx: Tx) => Promise<void>) | undefined;
  /** Whether the ledger says that its content was about to leave; before that it says nothing of the attempt. */
  begun: boolean;
}

/** How one attempt ended for one recipient: its failure, or the words of the server that took it. */
export interface Outcome {
  address: string;
  failure: Failure | null;
  response: string | null;
}
