// Links: files that are too large for a mail, and are fetched from the gateway instead.
import { z } from 'zod';

/**
 * `waiting`: its mail has not been released. `active`: who has the link fetches the file. `used_up`: it was fetched as
 * often as it may be. `unused`: its mail will not leave, or leaves without it. The others say it themselves.
 */
export const linkState = z.enum(['waiting', 'active', 'used_up', 'expired', 'revoked', 'unused']);
export type LinkState = z.infer<typeof linkState>;

/** What is known of a link. The link itself stands in its mail alone. */
export const linkView = z.object({
  id: z.string(),
  state: linkState,
  account_id: z.string(),
  draft_id: z.string(),
  submission_id: z.string().nullable(),
  object_id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  /** In octets. */
  size: z.number().int(),
  created_at: z.number().int(),
  expires_at: z.number().int(),
  revoked_at: z.number().int().nullable(),
  /** When the file stopped being kept for this link. */
  removed_at: z.number().int().nullable(),
  /** Null: as often as anybody likes. */
  max_downloads: z.number().int().nullable(),
  /** How often the whole file went out; one that was fetched in pieces counts once they are as much as the file. */
  downloads: z.number().int(),
  last_download_at: z.number().int().nullable(),
});
export type LinkView = z.infer<typeof linkView>;
