// The tables of digests and broadcasts, as schema.ts has the others.

export interface DigestSchedulesTable {
  /** The digest's name in the rules files. */
  name: string;
  /** What `next_at` was reckoned from: where it is another one now, the time that comes is reckoned anew. */
  cron: string;
  timezone: string;
  /** When it is due next, epoch milliseconds; null where no time comes. */
  next_at: number | null;
  paused_at: number | null;
  paused_by: string | null;
  created_at: number;
  updated_at: number;
}

export interface DigestFiringsTable {
  id: string;
  digest: string;
  /** What makes it one and the same: `at:` and the time that it was due, or `run:` and the request of a person. */
  occasion: string;
  /** Epoch milliseconds: when it was due, or asked for. */
  scheduled_for: number;
  cause: 'schedule' | 'run';
  state: 'queued' | 'made' | 'empty' | 'failed';
  /** JSON of contracts/digest digestDefinition, as it was then. */
  definition: string;
  broadcast_id: string | null;
  error: string | null;
  created_at: number;
  ended_at: number | null;
}

export interface BroadcastsTable {
  id: string;
  account_id: string;
  name: string;
  /** The digest that it is one of; null for one that was made over REST. */
  digest_name: string | null;
  firing_id: string | null;
  state: string;
  /** `sha256:…` over the content: what an approval names. */
  digest: string;
  /** The object that holds all that was approved: template, data and list. */
  content_object_id: string;
  /** JSON of contracts/broadcast broadcastSample: how it looks for the first recipient. */
  sample: string;
  /** JSON list of sentences. */
  reasons: string;
  total: number;
  made_by: string;
  feedback: string | null;
  decided_by: string | null;
  decided_at: number | null;
  error: string | null;
  /** JSON list of addresses. */
  report_to: string;
  created_at: number;
  updated_at: number;
  started_at: number | null;
  ended_at: number | null;
}

export interface BroadcastRecipientsTable {
  broadcast_id: string;
  /** From 0, as in the content. */
  position: number;
  address: string;
  state: 'pending' | 'queued' | 'sent' | 'failed' | 'unknown' | 'suppressed' | 'unsubscribed' | 'cancelled';
  submission_id: string | null;
  note: string | null;
  updated_at: number;
}
