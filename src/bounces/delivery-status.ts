// The fields of a machine-readable report: of the mail as a whole, then of each recipient (RFC 3464 §2, RFC 5965 §3).
import { readRawHeaders } from '../mail/headers.ts';

const MAX_OCTETS = 512 * 1024; // about a thousand recipients
const MAX_GROUPS = 1_001;

/** The values of a group of fields, by their names in lower case; the first of each name counts. */
export type Fields = ReadonlyMap<string, string>;

/** The groups of a report, as blank lines part them. */
export function fieldGroups(content: Uint8Array): Fields[] {
  const text = Buffer.from(content.subarray(0, MAX_OCTETS)).toString('latin1');
  const groups: Fields[] = [];
  for (const block of text.split(/\r?\n(?:[ \t]*\r?\n)+/)) {
    if (block.trim() === '') continue;
    const fields = new Map<string, string>();
    for (const { name, value } of readRawHeaders(Buffer.from(block.replace(/^\s+/, ''), 'latin1')))
      if (!fields.has(name)) fields.set(name, value);
    if (fields.size > 0) groups.push(fields);
    if (groups.length === MAX_GROUPS) break;
  }
  return groups;
}

/** An address field without its type: `rfc822; anna@example.org`. Null where it holds none. */
export function addressIn(value: string | undefined): string | null {
  if (value === undefined) return null;
  const bare = value.replace(/^[\w-]{1,40}\s*;/, '').trim();
  const found = /<?([^\s<>;,"]{1,64}@[^\s<>;,"]{1,255})>?/.exec(bare.slice(0, 1_000));
  return found?.[1]?.replace(/[.)]+$/, '') ?? null;
}

/** What stands after the type of a field: `smtp; 550 no such user`, `dns; mx.example.org`. */
export const afterType = (value: string | undefined): string | null =>
  value === undefined ? null : value.replace(/^[\w-]{1,40}\s*;\s*/, '').trim() || null;
