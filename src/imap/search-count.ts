// How many messages of the selected mailbox match, and the lowest of them: by the server's own count where it has ESEARCH
// (RFC 4731), so that a large mailbox is not listed.
import type { SearchCriteria } from '../contracts/connector.ts';
import { ask, type Selected } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { atom, rawCommand } from './raw-command.ts';
import { searchUids } from './search.ts';
import { searchKeys } from './search-keys.ts';

export interface Matches {
  count: number;
  /** The lowest UID; null where there is none. */
  first: number | null;
}

/** @throws PosternError `search_unsupported`, `search_refused`, `search_incomplete` */
export async function countMatches(
  connection: ImapConnection,
  criteria: SearchCriteria,
  selected: Selected,
  signal?: AbortSignal,
): Promise<Matches> {
  const { capabilities } = connection.client;
  if (!capabilities.has('ESEARCH')) {
    const uids = await searchUids(connection, criteria, selected, signal);
    return { count: uids.length, first: uids[0] ?? null };
  }
  const found: Matches = { count: 0, first: null };
  const keys = searchKeys(criteria, (capability) => capabilities.has(capability));
  await ask(
    connection,
    'count messages',
    () =>
      rawCommand(connection, 'UID SEARCH', [atom('RETURN'), [atom('MIN'), atom('COUNT')], ...keys], {
        ESEARCH: (tokens) => {
          const words = tokens.map((token) => (Array.isArray(token) ? '' : String(token?.value ?? '')));
          const after = (name: string): number | null => {
            const value = words[words.findIndex((word) => word.toUpperCase() === name) + 1] ?? '';
            return /^\d{1,10}$/.test(value) ? Number(value) : null;
          };
          found.count = after('COUNT') ?? found.count;
          found.first = after('MIN') ?? found.first;
        },
      }),
    signal,
  );
  return found;
}
