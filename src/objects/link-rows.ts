// The rows of links: how they are read with the draft that names them, and what state they are in.
import type { Selectable } from 'kysely';
import type { LinkState, LinkView } from '../contracts/link.ts';
import type { LinksTable } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';

/** A link with its draft; null where the draft is not there. */
export type LinkRow = Selectable<LinksTable> & {
  draft_state: string | null;
  draft_version: number | null;
  submission_id: string | null;
  submission_state: string | null;
};

export const linkRows = (reader: Reader) =>
  reader
    .selectFrom('links')
    .leftJoin('drafts', 'drafts.id', 'links.draft_id')
    .leftJoin('submissions', 'submissions.id', 'drafts.submission_id')
    .selectAll('links')
    .select([
      'drafts.state as draft_state',
      'drafts.version as draft_version',
      'drafts.submission_id',
      'submissions.state as submission_state',
    ]);

/** How often the whole file went out. */
const downloadsOf = ({ bytes_sent, size }: LinkRow): number => Math.floor(bytes_sent / Math.max(size, 1));

function stateOf(row: LinkRow, now: number): LinkState {
  if (row.revoked_at !== null) return 'revoked';
  if (row.expires_at <= now || row.removed_at !== null) return 'expired';
  if (row.draft_version !== row.version || row.submission_state === 'cancelled') return 'unused';
  if (row.draft_state === 'waiting') return 'waiting';
  if (row.draft_state !== 'approved') return 'unused';
  return row.max_downloads !== null && downloadsOf(row) >= row.max_downloads ? 'used_up' : 'active';
}

export const viewOfLink = (row: LinkRow, now: number): LinkView => ({
  id: row.id,
  state: stateOf(row, now),
  account_id: row.account_id,
  draft_id: row.draft_id,
  submission_id: row.submission_id,
  object_id: row.object_id,
  filename: row.filename,
  content_type: row.content_type,
  size: row.size,
  created_at: row.created_at,
  expires_at: row.expires_at,
  revoked_at: row.revoked_at,
  removed_at: row.removed_at,
  max_downloads: row.max_downloads,
  downloads: downloadsOf(row),
  last_download_at: row.last_download_at,
});
