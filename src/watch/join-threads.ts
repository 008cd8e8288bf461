// Mails of one conversation that two mailboxes of an account take in at the same time are one thread.
import type { Account } from '../accounts/accounts.ts';
import type { Tx } from '../store/store.ts';
import { knownThreads } from './ledger-lookups.ts';
import type { NewArrival } from './ledger-writes.ts';

/**
 * Another mailbox of the account may have taken in a part of the same conversation since the threads were looked up:
 * two watchers that catch up at once would make two threads of it. Returns the arrivals whose thread is another now.
 */
export async function joinThreads(
  tx: Tx,
  account: Account,
  arrivals: readonly NewArrival[],
): Promise<NewArrival[]> {
  if (arrivals.length === 0 || account.settings.watch.mailboxes.length < 2) return [];
  const threads = await knownThreads(
    tx,
    account.id,
    arrivals.flatMap((arrival) => arrival.references),
  );
  const joined: NewArrival[] = [];
  for (const arrival of arrivals) {
    const found = arrival.references.map((id) => threads.get(id)).find((id) => id !== undefined);
    const threadId = found ?? arrival.threadId;
    for (const id of arrival.references) if (!threads.has(id)) threads.set(id, threadId);
    if (threadId === arrival.threadId) continue;
    arrival.threadId = threadId;
    arrival.isReply = true;
    joined.push(arrival);
  }
  return joined;
}
