// What runs the jobs of a kind, and what it is given.
import type { Tx } from '../store/store.ts';
import type { JobKind, JobPayload } from './kinds.ts';

export interface JobContext {
  /** The job's own id. */
  id: string;
  /** Which attempt this is; 1 is the first. */
  attempt: number;
  lastAttempt: boolean;
  /** Aborted when the worker stops or the lease was lost. */
  signal: AbortSignal;
  /** Ends the job inside the transaction that holds its effects; where it is never called, the worker ends the job. */
  finish(tx: Tx): Promise<void>;
  /** Puts the job off in the transaction that saw why; the attempt does not count. */
  putOff(tx: Tx, runAt: number): Promise<void>;
}

export type JobHandler<K extends JobKind> = (payload: JobPayload<K>, context: JobContext) => Promise<void>;

export interface HandlerOptions {
  concurrency?: number;
  /** How many jobs of a pool may run at once, on all nodes. Those of a full one hold no worker while they wait. */
  poolLimit?: (pool: string) => number;
  /** How many are claimed in one statement where there are pools; a pool may run over by one less. 1 where absent. */
  claimAtOnce?: number;
  /**
   * A job that ends takes the next of its pool in the same transaction. For pools whose limit stays as it is: nobody counts
   * then.
   */
  handsOn?: boolean;
  /**
   * Told when the job ends without success, so that a room can say so where people look. It comes before the job is
   * buried, and after a crash in between once more.
   */
  onDead?: (payload: never, error: string) => Promise<void>;
}
