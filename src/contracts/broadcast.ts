// Broadcasts: one mail for each of many, made from one template and approved as one. They are shown as drafts are, with what
// the first of them gets as the sample.
import { z } from 'zod';
import { language } from './digest.ts';
import { digest } from './draft.ts';
import { address } from './mail.ts';
import { templateName } from './template.ts';

export const broadcastState = z.enum([
  'waiting',
  'running',
  'paused',
  'done',
  'rejected',
  'cancelled',
  'failed',
]);
export type BroadcastState = z.infer<typeof broadcastState>;

/** How one of the mails looks. */
export const broadcastSample = z.object({
  to: z.array(address),
  subject: z.string(),
  text: z.string(),
  html: z.string().nullable(),
  language: z.string().nullable(),
});
export type BroadcastSample = z.infer<typeof broadcastSample>;

/** How many of the recipients are where. They add up to `total`, but for `bounced`, which are among the sent ones. */
export const broadcastCounts = z.object({
  total: z.number().int(),
  /** Whose turn has not come. */
  pending: z.number().int(),
  queued: z.number().int(),
  sent: z.number().int(),
  failed: z.number().int(),
  /** Of whom nobody knows whether they got it. */
  unknown: z.number().int(),
  suppressed: z.number().int(),
  unsubscribed: z.number().int(),
  cancelled: z.number().int(),
  bounced: z.number().int(),
});
export type BroadcastCounts = z.infer<typeof broadcastCounts>;

export const broadcastView = broadcastSample.omit({ language: true }).extend({
  id: z.string(),
  name: z.string(),
  state: broadcastState,
  /** A broadcast is never edited: always 1. */
  version: z.number().int(),
  /** Over the template, the data and the list: what an approval names. */
  digest,
  account_id: z.string(),
  from: address,
  template: z.string(),
  /** The digest that it is one of; null for one that was made by itself. */
  digest_name: z.string().nullable(),
  /** Why a person is asked. */
  reasons: z.array(z.string()),
  made_by: z.string(),
  feedback: z.string().nullable(),
  decided_by: z.string().nullable(),
  error: z.string().nullable(),
  counts: broadcastCounts,
  created_at: z.number().int(),
  updated_at: z.number().int(),
  started_at: z.number().int().nullable(),
  ended_at: z.number().int().nullable(),
});
export type BroadcastView = z.infer<typeof broadcastView>;

/** With some of the mails as they will look, and the beginning of the list. */
export const broadcastDetail = broadcastView.extend({
  samples: z.array(broadcastSample),
  recipients: z.array(z.object({ address: z.string(), name: z.string(), language: z.string().nullable() })),
  /** What the template is filled with, beside what each recipient has of their own. */
  data: z.record(z.string(), z.unknown()),
});
export type BroadcastDetail = z.infer<typeof broadcastDetail>;

export const broadcastRecipient = z.object({
  address: z.string(),
  state: z.enum(['queued', 'sent', 'failed', 'unknown', 'suppressed', 'unsubscribed', 'cancelled']),
  submission_id: z.string().nullable(),
  note: z.string().nullable(),
});
export type BroadcastRecipient = z.infer<typeof broadcastRecipient>;

const MAX_SENT_ALONG = 10_000; // in a request; longer lists come by a digest with a file or a query

export const broadcastInput = z.strictObject({
  /** Once: a second broadcast of the same name goes to nobody who unsubscribed from the first. */
  name: z.string().min(1).max(200),
  /** The account's id or label. */
  account: z.string().min(1),
  template: templateName,
  subject: z
    .string()
    .min(1)
    .max(900)
    .regex(/^[^\r\n]*$/, 'write one line')
    .optional(),
  language: language.optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  /** Addresses, or objects with `address`, and `name`, `language` and further fields for the template. */
  to: z
    .array(z.union([z.string().min(3).max(998), z.record(z.string().max(63), z.unknown())]))
    .min(1)
    .max(MAX_SENT_ALONG),
  unsubscribe: z.boolean().optional(),
});
export type BroadcastInput = z.infer<typeof broadcastInput>;

export const digestView = z.object({
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  template: z.string(),
  account: z.string().nullable(),
  approve: z.boolean(),
  missed: z.string(),
  /** When it is due next, epoch milliseconds; null while it is paused. */
  next_at: z.number().int().nullable(),
  paused_at: z.number().int().nullable(),
  paused_by: z.string().nullable(),
  last: z
    .object({
      id: z.string(),
      scheduled_for: z.number().int(),
      state: z.enum(['queued', 'made', 'empty', 'failed']),
      broadcast_id: z.string().nullable(),
      error: z.string().nullable(),
    })
    .nullable(),
});
export type DigestView = z.infer<typeof digestView>;
