// Objects: files that are uploaded once and attached to mails by their id.
import { z } from 'zod';

export const mediaType = z
  .string()
  .max(255)
  .regex(/^[\w.+-]+\/[\w.+-]+$/, 'write a media type such as application/pdf');

/** By which the HTML of a mail shows a picture (RFC 2392), without angle brackets. */
export const contentId = z
  .string()
  .max(250)
  .regex(/^[\w.!#$%&'*+/=?^`{|}~-]+(?:@[\w.-]+)?$/, 'write a content id such as logo@example.org');

export const objectView = z.object({
  id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  /** In octets. */
  size: z.number().int(),
  sha256: z.string(),
  created_at: z.number().int(),
  /** When it is removed unless a mail has taken it by then; null once one has, and with that it stays. */
  expires_at: z.number().int().nullable(),
});
export type ObjectView = z.infer<typeof objectView>;
