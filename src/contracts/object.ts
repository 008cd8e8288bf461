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

export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'write a SHA-256 as 64 hexadecimal digits');

/** An upload that comes in parts and is not whole yet. */
export const partUploadView = z.object({
  id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  /** Of the whole in octets; null where its sender has not told. */
  size: z.number().int().nullable(),
  /** Octets of the parts that came. */
  received: z.number().int(),
  /** By their numbers. */
  parts: z.array(z.object({ number: z.number().int(), size: z.number().int(), sha256: z.string() })),
  created_at: z.number().int(),
  /** When it is removed unless it is completed by then. */
  expires_at: z.number().int(),
});
export type PartUploadView = z.infer<typeof partUploadView>;
