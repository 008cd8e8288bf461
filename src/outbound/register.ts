// Outbound's jobs: sending, looking up what is unknown, and filing a copy.
import type { Bus } from '../cluster/bus.ts';
import { accountOfOutbox, outboxPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { hastenSpread } from '../jobs/spread.ts';
import type { JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Store } from '../store/store.ts';
import { Cadence } from './cadence.ts';
import { type SignMail, topLines } from './dkim.ts';
import { HeldBack } from './held-back.ts';
import { wholeMail } from './mail-content.ts';
import { Outbox } from './outbox.ts';
import type { AccountSource, SmtpPool } from './pool.ts';
import { NOBODY_KNOWS, resolver } from './resolver.ts';
import { Sender } from './sender.ts';
import type { SentMailbox } from './sent-mailbox.ts';

const SENDS_AT_ONCE = 256; // thirty accounts' worth: servers that hang behind the content take their share for ten minutes
const BESIDE_CONNECTIONS = 3; // sends of an account that are made ready or written down meanwhile
const CLAIMED_AT_ONCE = 8; // what an account has on its way, where it says nothing else
const BULK_AT_ONCE = 128; // fifteen accounts' worth

export interface OutboundParts {
  store: Store;
  queue: JobQueue;
  worker: JobWorker;
  bus: Bus;
  clock: Clock;
  log: Logger;
  accounts: AccountSource;
  blobs: Pick<Blobs, 'find'>;
  pool: SmtpPool;
  sent: SentMailbox;
  /** Signs by DKIM; without it mail leaves unsigned. */
  sign?: SignMail;
  /** From 0 to 1, for the jitter of retries. */
  random?: () => number;
}

/** Registers the handlers of `submission.send`, `submission.resolve` and `submission.file`. */
export function registerOutbound(parts: OutboundParts): void {
  const { worker, accounts, blobs, sent, store } = parts;
  const outbox = new Outbox(store, parts.queue, parts.clock, parts.bus);
  const cadence = new Cadence(store, parts.clock);
  const heldBack = new HeldBack({ store, outbox, clock: parts.clock });
  const sender = new Sender({ ...parts, outbox, cadence, heldBack });
  const resolve = resolver({ ...parts, outbox });

  accounts.onChange((id) => {
    store
      .write((tx) => hastenSpread(tx, parts, outboxPool(id)))
      .catch((error: unknown) =>
        parts.log.warn({ account: id, error: explain(error) }, 'mail that waits looks at its limits later'),
      );
  });

  worker.handle('submission.send', ({ submission_id: id }, context) => sender.send(id, context), {
    concurrency: SENDS_AT_ONCE,
    poolLimit: (of) => parts.pool.limitFor(accountOfOutbox(of)) + BESIDE_CONNECTIONS,
    claimAtOnce: CLAIMED_AT_ONCE,
    handsOn: true,
    onDead: ({ submission_id: id }: { submission_id: string }, error) =>
      outbox.note(id, `Sending has stopped: ${error}`),
  });

  // Broadcasts take none of the others' places, here nor among the connections (pool.ts).
  worker.handle('submission.bulk', ({ submission_id: id }, context) => sender.send(id, context), {
    concurrency: BULK_AT_ONCE,
    poolLimit: (of) => parts.pool.limitFor(accountOfOutbox(of)) + BESIDE_CONNECTIONS,
    claimAtOnce: CLAIMED_AT_ONCE,
    handsOn: true,
    onDead: ({ submission_id: id }: { submission_id: string }, error) =>
      outbox.note(id, `Sending has stopped: ${error}`),
  });

  worker.handle('submission.resolve', ({ submission_id: id }, context) => resolve(id, context), {
    onDead: ({ submission_id: id }: { submission_id: string }, error) =>
      outbox.note(id, `${NOBODY_KNOWS}, and it could not be looked up: ${error}`),
  });

  worker.handle(
    'submission.file',
    async ({ submission_id: id }) => {
      const { row } = await outbox.load(id);
      const account = await accounts.get(row.account_id).catch(nullIfMissing);
      if (account?.settings.sent_copy !== 'append') return;
      const raw = await wholeMail(topLines(row.signature, row.dated_at), await blobs.find(row.raw_object_id));
      const copy = { messageId: row.message_id, raw, date: new Date(row.sent_at ?? row.dated_at) };
      const filed = await sent.file(account.id, copy);
      if (!filed) await outbox.note(id, 'Sent, but the account has no Sent mailbox to file a copy in.');
    },
    {
      onDead: ({ submission_id: id }: { submission_id: string }, error) =>
        outbox.note(id, `Sent, but no copy could be filed: ${error}`),
    },
  );
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === 'not_found') return null;
  throw error;
}
