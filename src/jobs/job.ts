// A job as its holder sees it, and what it carries.
import type { Selectable } from 'kysely';
import { PosternError } from '../kernel/errors.ts';
import type { JobsTable } from '../store/schema.ts';
import { type JobKind, jobKinds } from './kinds.ts';

export interface Job {
  id: string;
  kind: JobKind;
  lane: string | null;
  pool: string | null;
  /** JSON, as it was put in: read by `payloadOf` when the job runs, so that a bad one harms no other job. */
  payload: string;
  attempts: number;
  maxAttempts: number;
}

/** @throws PosternError `job_payload_invalid` for what another version or a person put in */
export function payloadOf(job: Job): unknown {
  try {
    return jobKinds[job.kind].parse(JSON.parse(job.payload));
  } catch (error) {
    throw new PosternError(
      'job_payload_invalid',
      `The payload of the ${job.kind} job ${job.id} cannot be read.`,
      {
        cause: error,
      },
    );
  }
}

export function jobOf(row: Selectable<JobsTable>): Job {
  return {
    id: row.id,
    kind: row.kind as JobKind,
    lane: row.lane,
    pool: row.pool,
    payload: row.payload,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
  };
}

export interface EnqueueOptions {
  lane?: string;
  /** Epoch milliseconds; now where absent. */
  runAt?: number;
  maxAttempts?: number;
  /** Whose share of the workers it takes, such as an agent's; how many of a pool run at once is the handler's to say. */
  pool?: string;
  /**
   * Takes the place in its lane of `job`, which ends in the same transaction: before whatever was put in meanwhile.
   * `step` orders several of them.
   */
  inPlaceOf?: { job: string; step: number };
  /** Begins with the commit where this process has room and nothing comes before it. */
  atOnce?: boolean;
}

/** Ids sort as text: one that begins with another comes right after it. */
export const idAfter = ({ job, step }: { job: string; step: number }): string =>
  `${job}.${String(step).padStart(3, '0')}`;
