// A job that ended without success, as people see it.
import type { Selectable } from 'kysely';
import type { JobsTable } from '../store/schema.ts';

export interface DeadLetter {
  id: string;
  kind: string;
  lane: string | null;
  attempts: number;
  error: string | null;
  payload: Record<string, unknown>;
  created_at: number;
  updated_at: number;
}

export function deadLetterOf(row: Selectable<JobsTable>): DeadLetter {
  return {
    id: row.id,
    kind: row.kind,
    lane: row.lane,
    attempts: row.attempts,
    error: row.error,
    payload: readable(row.payload),
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** A payload that is no JSON must not hide the other dead letters. */
function readable(payload: string): Record<string, unknown> {
  try {
    return JSON.parse(payload) as Record<string, unknown>;
  } catch {
    return { unreadable: payload };
  }
}
