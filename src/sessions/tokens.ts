// The bearer token of a session: random, stored as a hash, good for one turn.
import { createHash, randomBytes } from 'node:crypto';
import type { Capability } from '../contracts/capability.ts';
import type { Store } from '../store/store.ts';
import { readCapability } from './capabilities.ts';

export const TOKEN_PREFIX = 'pst_';

export interface SessionPrincipal {
  kind: 'session';
  sessionId: string;
  accountId: string;
  threadId: string;
  agent: string;
  /** What the policy granted when the turn began; where that is not known, the rules alone count. */
  capability?: Capability | null;
}

export function newToken(): { token: string; hash: string } {
  const token = TOKEN_PREFIX + randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Whose token it is; null when it is none, or not any more. The hash is looked up, so no comparison can be timed. */
export async function principalOf(
  store: Store,
  token: string,
  now: number,
): Promise<SessionPrincipal | null> {
  if (!token.startsWith(TOKEN_PREFIX)) return null;
  const row = await store.db
    .selectFrom('sessions')
    .select(['id', 'account_id', 'thread_id', 'agent', 'token_expires_at', 'capability'])
    .where('token_hash', '=', hashOf(token))
    .executeTakeFirst();
  if (!row || (row.token_expires_at ?? 0) <= now) return null;
  return {
    kind: 'session',
    sessionId: row.id,
    accountId: row.account_id,
    threadId: row.thread_id,
    agent: row.agent,
    capability: readCapability(row.capability),
  };
}
