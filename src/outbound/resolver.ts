// Looks up a submission of which nobody knows whether the server took it, and settles it where that can be told.
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf } from '../kernel/errors.ts';
import type { Store } from '../store/store.ts';
import type { Outbox } from './outbox.ts';
import type { AccountSource } from './pool.ts';
import { nextAttemptAt } from './retry-schedule.ts';
import type { SentMailbox } from './sent-mailbox.ts';

const MAX_ATTEMPTS = 3; // with `on_unknown: resend`: a server that always drops must not flood its recipients

export const NOBODY_KNOWS = 'Nobody knows whether the server took this mail';

export interface ResolverParts {
  store: Store;
  outbox: Outbox;
  accounts: AccountSource;
  sent: SentMailbox;
  clock: Clock;
  random?: () => number;
}

/** The job `submission.resolve`. It throws what the IMAP server fails with, so that it is tried again. */
export function resolver({ store, outbox, accounts, sent, clock, random = Math.random }: ResolverParts) {
  return async (id: string, context: JobContext): Promise<void> => {
    const { row, recipients } = await outbox.load(id);
    if (row.state !== 'unknown') return;
    const account = await accounts.get(row.account_id).catch((error: unknown) => {
      if (codeOf(error) === 'not_found') return null;
      throw error;
    });
    if (!account) return outbox.note(id, `${NOBODY_KNOWS}, and its account was removed.`);
    // A copy may stem from an earlier attempt that reached some of the recipients: it says nothing of the others then.
    if (recipients.some(({ state }) => state === 'sent'))
      return outbox.note(id, `${NOBODY_KNOWS} for all of its recipients.`);
    const found = await sent.holds(account.id, row.message_id);
    const attempted = { attempts: row.attempts, firstAt: row.tried_at ?? row.created_at, connected: true };
    const next = row.attempts < MAX_ATTEMPTS ? nextAttemptAt(attempted, clock.now(), random()) : null;
    const resend = account.settings.on_unknown === 'resend' && next !== null;
    if (!found && !resend) {
      const looked = found === null ? 'there is no Sent mailbox to look in' : 'it is not in the Sent mailbox';
      return outbox.note(id, `${NOBODY_KNOWS}; ${looked}.`);
    }
    await store.write(async (tx) => {
      if (found) await outbox.settle(tx, id, 'sent', 'Found in the Sent mailbox.');
      else
        await outbox.settle(
          tx,
          id,
          'resend',
          'Not found in the Sent mailbox: sent again.',
          next ?? undefined,
        );
      await context.finish(tx);
    });
  };
}
