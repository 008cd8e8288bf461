// The endpoints behind which agents are, as people see them.
import { z } from 'zod';

export const endpointView = z.object({
  id: z.string(),
  /** Origin and path: a query may hold what is nobody's business. */
  endpoint: z.string(),
  /** Who is behind it; nobody where the rules do not name it any more. */
  agents: z.array(z.string()),
  /** `disabled`: it said that it is gone (410), and is asked no more. */
  state: z.enum(['active', 'disabled']),
  reason: z.string().nullable(),
  disabled_at: z.number().int().nullable(),
  /** Turns of its agents that wait for the first time, that wait for another attempt, that run, and that failed for good. */
  queued: z.number().int(),
  retrying: z.number().int(),
  running: z.number().int(),
  dead: z.number().int(),
});
export type EndpointView = z.infer<typeof endpointView>;

/** What became of a test event. */
export const endpointTest = z.object({
  agent: z.string(),
  endpoint: z.string(),
  webhook_id: z.string(),
  /** Whether a turn would have been handled. */
  ok: z.boolean(),
  /** Of the answer; null where there was none. */
  status: z.number().int().nullable(),
  took_ms: z.number().int(),
  problem: z.string().nullable(),
});
export type EndpointTest = z.infer<typeof endpointTest>;
