// The suppression list, and what a report that came back says of one recipient.
import { z } from 'zod';

/** Why no mail goes to an address. */
export const suppressionReason = z.enum([
  'hard_bounce',
  'soft_bounces',
  'complaint',
  'unsubscribe',
  'manual',
]);
export type SuppressionReason = z.infer<typeof suppressionReason>;

/** What came back: that a mail was not or not yet delivered, that somebody complained, or that it was read. */
export const reportType = z.enum(['bounce', 'delay', 'delivered', 'complaint', 'receipt']);
export type ReportType = z.infer<typeof reportType>;

/**
 * Why a mail was not delivered. `hard`: nobody will ever get it there. `soft`: another one may arrive. `block`: the
 * server would not have it from us. `too_large`: another one may arrive. `unknown`: it does not say, or not clearly.
 */
export const bounceKind = z.enum(['hard', 'soft', 'block', 'too_large', 'unknown']);
export type BounceKind = z.infer<typeof bounceKind>;

const line = z.string().regex(/^[^\r\n]*$/, 'write one line');

export const suppressionView = z.object({
  id: z.string(),
  /** An address, or `@` and a domain. */
  address: z.string(),
  /** The account whose mail does not go there; null: that of all. */
  account_id: z.string().nullable(),
  /** The broadcast that it is about; `*`: all of them; null: every mail. */
  list: z.string().nullable(),
  reason: suppressionReason,
  note: z.string().nullable(),
  /** What it comes from: the id of a submission or of a message. */
  source: z.string().nullable(),
  created_by: z.string(),
  created_at: z.number().int(),
  expires_at: z.number().int().nullable(),
});
export type SuppressionView = z.infer<typeof suppressionView>;

export const suppressionInput = z.strictObject({
  /** An address, or a domain: `anna@example.org`, `@example.org` or `example.org`. */
  address: line.min(3).max(320),
  /** The account's id or label; absent: no account's mail goes there. */
  account: z.string().min(1).optional(),
  /** The broadcast that it is about; `*`: all of them; absent: every mail. */
  list: line.min(1).max(200).optional(),
  reason: suppressionReason.default('manual'),
  note: line.max(1000).optional(),
  /** Epoch milliseconds; absent: for good. */
  expires_at: z.number().int().positive().optional(),
});
export type SuppressionInput = z.output<typeof suppressionInput>;

/** What a report said of one recipient. */
export const bounceView = z.object({
  id: z.string(),
  /** The message in the ledger that is the report. */
  message_id: z.string(),
  account_id: z.string(),
  /** Null: it is not proved to be about a mail of ours, and changed nothing. */
  submission_id: z.string().nullable(),
  address: z.string(),
  report: reportType,
  kind: bounceKind,
  status: z.string().nullable(),
  reason: z.string(),
  diagnostic: z.string().nullable(),
  remote_mta: z.string().nullable(),
  matched_by: z.enum(['return-path', 'envelope-id', 'message-id']).nullable(),
  created_at: z.number().int(),
});
export type BounceView = z.infer<typeof bounceView>;
