// What a session's token is worth, and what the session has read that is not to be trusted: kept with the session, so that
// neither a restart nor another process forgets it.
import { type Capability, capability, type TaintCause } from '../contracts/capability.ts';
import type { Agent } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { octetsOf } from '../rules/quantity.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader, Store, Tx } from '../store/store.ts';

const MOST_CAUSES = 20; // of taint; one is enough to taint, and nobody reads more

/** What a turn may, as its JSON: the policy of its agent as it is now, for a time. */
export function grant(
  { may, limits }: Pick<Agent, 'may' | 'limits'>,
  [granted_at, expires_at]: readonly [from: number, to: number],
): string {
  const { calls, drafts, bytes } = limits;
  const granted: Capability = { may, quota: { calls, drafts, bytes }, granted_at, expires_at };
  return JSON.stringify(granted);
}

/** Null for none, and for one that an older version wrote and that is not understood: then the rules alone count. */
export function readCapability(json: string | null): Capability | null {
  if (json === null) return null;
  const read = capability.safeParse(JSON.parse(json));
  return read.success ? read.data : null;
}

const capabilityOf = keptQuery((db, id: string) =>
  db.selectFrom('sessions').select(['capability', 'taint']).where('id', '=', id),
);

export async function sessionOf(
  { db }: { db: Reader },
  sessionId: string,
): Promise<{ granted: Capability | null; taint: TaintCause[] }> {
  const [row] = await capabilityOf(db, sessionId);
  if (!row) return { granted: null, taint: [] };
  return { granted: readCapability(row.capability), taint: JSON.parse(row.taint) as TaintCause[] };
}

/** Adds causes to the session's taint, which is never taken away. Each is noted once. */
export async function taintSession(tx: Tx, sessionId: string, causes: readonly TaintCause[]): Promise<void> {
  if (causes.length === 0) return;
  const { taint } = await sessionOf({ db: tx }, sessionId);
  const known = new Set(taint.map(({ text }) => text));
  const more = [...new Map(causes.map((cause) => [cause.text, cause])).values()].filter(
    ({ text }) => !known.has(text),
  );
  if (more.length === 0 || taint.length >= MOST_CAUSES) return;
  await tx
    .updateTable('sessions')
    .set({ taint: JSON.stringify([...taint, ...more].slice(0, MOST_CAUSES)) })
    .where('id', '=', sessionId)
    .execute();
}

/** How much a session's turn has used is counted in the ledger, so that two processes count together. */
export interface Use {
  calls?: number;
  bytes?: number;
}

/**
 * Counts what a turn uses of its quota. What is over it is refused before it is given.
 * @throws PosternError `calls_limit`, `bytes_limit`
 */
export async function spend(
  store: Store,
  sessionId: string,
  granted: Capability | null,
  { calls = 0, bytes = 0 }: Use,
): Promise<void> {
  if (granted === null) return;
  const { quota } = granted;
  const row = await store.write((tx) =>
    tx
      .updateTable('sessions')
      .set((eb) => ({
        calls_used: eb('calls_used', '+', calls),
        bytes_used: eb('bytes_used', '+', bytes),
      }))
      .where('id', '=', sessionId)
      .returning(['calls_used', 'bytes_used'])
      .executeTakeFirst(),
  );
  if (!row) return;
  if (calls > 0 && row.calls_used > quota.calls)
    throw exceeded('calls_limit', `made ${quota.calls} calls`, 'calls');
  if (row.bytes_used > octetsOf(quota.bytes)) throw exceeded('bytes_limit', `read ${quota.bytes}`, 'bytes');
}

const exceeded = (code: string, what: string, limit: string): PosternError =>
  new PosternError(code, `The turn has ${what}, as much as it may.`, {
    hint: `Raise limits.${limit} of the agent, or do it with less.`,
  });
