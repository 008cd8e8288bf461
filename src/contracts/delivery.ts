// Mail posted to websites: what a delivery is. The event that a receiver is sent stands in mail-event.ts.
import { z } from 'zod';

/**
 * `queued` waits for its next attempt, `delivering` is on its way. `delivered` (2xx) and `refused` (4xx) are handled.
 * `dead` has had its attempts, and can be run again.
 */
export const deliveryState = z.enum(['queued', 'delivering', 'delivered', 'refused', 'dead']);
export type DeliveryState = z.infer<typeof deliveryState>;

export const deliveryView = z.object({
  /** The `webhook-id` of every attempt. */
  id: z.string(),
  account_id: z.string(),
  message_id: z.string(),
  rule: z.string(),
  destination: z.string(),
  state: deliveryState,
  attempts: z.number().int(),
  /** The HTTP status of the last answer; null where there was none. */
  status: z.number().int().nullable(),
  error: z.string().nullable(),
  next_attempt_at: z.number().int().nullable(),
  created_at: z.number().int(),
  updated_at: z.number().int(),
  /** When the receiver took or refused it. */
  handled_at: z.number().int().nullable(),
});
export type DeliveryView = z.infer<typeof deliveryView>;
