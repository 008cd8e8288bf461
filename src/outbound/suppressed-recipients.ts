// The last look before a mail leaves: whoever is on the suppression list by now gets nothing, however the mail came here
// and whenever it was approved. What it costs is paid by those mails alone that it stops.
import type { Suppression } from '../bounces/suppressed.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Outbox } from './outbox.ts';
import { loadToSend, type ToSend } from './outgoing.ts';

/** What is said of a recipient that is stopped. */
export const stoppedBecause = ({ reason, note }: Suppression): string =>
  `On the suppression list: ${reason.replace('_', ' ')}${note === null ? '' : ` (${note})`}.`;

/**
 * Takes those off a mail who may get nothing.
 * @returns the mail for the others; null where nobody is left, or it is no longer waiting: then the job has ended
 */
export async function withoutSuppressed(
  parts: { store: Store; outbox: Outbox; clock: Clock },
  outgoing: ToSend,
  context: JobContext,
): Promise<ToSend | null> {
  const { row, recipients, suppressed } = outgoing;
  const stopped = recipients.filter(({ state, address }) => state === 'queued' && suppressed.has(address));
  if (stopped.length === 0) return outgoing;
  const isAll = recipients.every((one) => one.state !== 'queued' || suppressed.has(one.address));
  await parts.store.write(async (tx) => {
    for (const { position, address } of stopped)
      await stop(tx, row.id, position, stoppedBecause(suppressed.get(address) as Suppression));
    if (!isAll) return;
    await parts.outbox.fail(tx, outgoing, 'All its recipients are on the suppression list.');
    await context.finish(tx);
  });
  return isAll ? null : loadToSend(parts.store.db, row.id, parts.clock.now());
}

async function stop(tx: Tx, id: string, position: number, response: string): Promise<void> {
  await tx
    .updateTable('submission_recipients')
    .set({ state: 'suppressed', response })
    .where('submission_id', '=', id)
    .where('position', '=', position)
    .where('state', '=', 'queued')
    .execute();
}
