// Mail posted to websites: what a delivery is, and the event that a receiver is sent.
import { z } from 'zod';
import { mailHead, mailHeaders, mailKind, trust } from './mail.ts';

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

/** A leaf of the MIME tree, as a receiver reads it. */
export const postedPart = z.object({
  /** The IMAP section number, such as `1` or `2.1`. */
  path: z.string(),
  content_type: z.string(),
  charset: z.string().nullable(),
  filename: z.string().nullable(),
  disposition: z.enum(['inline', 'attachment']).nullable(),
  content_id: z.string().nullable(),
  /** The part's own headers, as those of the message. */
  headers: mailHeaders,
  /** What a part of the readable body says; null for the others. */
  body_text: z.string().nullable(),
  /** True where a limit cut `body_text`. */
  truncated: z.boolean(),
  /** The decoded octets, with `include_attachments`; null where they are left out. */
  content_base64: z.string().nullable(),
  /** Decoded octets; an estimate where the part was not read. */
  size: z.number().int().nonnegative(),
  /** Of the decoded octets, in hexadecimal, with `include_attachments`. */
  hashes: z.object({ md5: z.string(), sha1: z.string(), sha256: z.string() }).nullable(),
  /** `size`: it is larger than `max_body_size`. */
  omitted: z.enum(['size']).nullable(),
});
export type PostedPart = z.infer<typeof postedPart>;

/** The body of a `json` delivery. */
export const postedEvent = z.object({
  type: z.literal('message.received'),
  /** When the message arrived at its mailbox. */
  timestamp: z.string(),
  routing: z.object({
    /** As the `webhook-id` of every attempt. */
    event_id: z.string(),
    /** Epoch milliseconds, as `timestamp`. */
    event_time: z.number().int(),
    event_type: z.literal('message.received'),
    /** The mail server it came from. */
    hostname: z.string(),
    /** The tags of the destination. */
    tags: z.array(z.string()),
  }),
  data: z.object({
    account: z.object({ id: z.string(), label: z.string(), address: z.string() }),
    rule: z.string(),
    destination: z.string(),
    message: z.object({
      id: z.string(),
      thread_id: z.string(),
      ...mailHead,
      date: z.string(),
      size: z.number().int(),
      kind: mailKind,
      trust,
      text: z.string(),
      reply_text: z.string(),
      html: z.string().nullable(),
      /** True where a limit cut the text or left out a part of it. */
      truncated: z.boolean(),
      headers: mailHeaders,
      parts: z.array(postedPart),
    }),
  }),
});
export type PostedEvent = z.infer<typeof postedEvent>;
