// What the console, the CLI and other clients hear at /v1/events: that something changed, and what to read again.
import { z } from 'zod';

export const liveEventType = z.enum([
  'account.changed',
  'watch.changed',
  'watch.lagging',
  'watch.recovered',
  'message.received',
  'message.changed',
  'message.decided',
  'session.changed',
  'session.recorded',
  'agents.changed',
  'endpoint.changed',
  'draft.changed',
  'submission.changed',
  'submission.bounced',
  'submission.complained',
  'digest.changed',
  'broadcast.changed',
  'delivery.changed',
  'knowledge.changed',
  'rules.changed',
  'rules.refused',
  'dead_letter.added',
]);
export type LiveEventType = z.infer<typeof liveEventType>;

export const liveEvent = z.object({
  id: z.string(),
  type: liveEventType,
  at: z.number().int(),
  /** Ids and states, never content or secrets. */
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type LiveEvent = z.infer<typeof liveEvent>;
