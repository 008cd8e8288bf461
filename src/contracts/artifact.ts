// Artifacts: attachments that an event refers to, kept for some days.
import { z } from 'zod';
import { partHashes } from './mail-event.ts';

export const artifactView = z.object({
  id: z.string(),
  /** The event that refers to it. */
  event_id: z.string(),
  account_id: z.string(),
  /** The IMAP section number of the part in its message. */
  part: z.string(),
  filename: z.string().nullable(),
  content_type: z.string(),
  /** In octets. */
  size: z.number().int(),
  hashes: partHashes,
  created_at: z.number().int(),
  /** When it is removed. */
  expires_at: z.number().int(),
});
export type ArtifactView = z.infer<typeof artifactView>;
