// What `postern agent try` is asked for: the command reads it, and the sandbox runs it.

/** A trial, as it was asked for. */
export interface TrialRequest {
  agent: string;
  /** The mails as they lie on a server, in the order in which they come. */
  mails: Buffer[];
  /** What a person answers when the agent asks, one after the other. */
  answers: string[];
  /** What a person says who rejects the agent's draft, one after the other. */
  feedback: string[];
  rulesDir: string;
  /** Of the mailbox; null: to whom the first mail is written. */
  address: string | null;
  /** The sender counts as one that a server vouches for. */
  isAsserted: boolean;
  /** Leaves the data of the trial behind. */
  keep: boolean;
  json: boolean;
}
