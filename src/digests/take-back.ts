// What a cancelled broadcast has in the outbox, and has not begun to leave, is taken back. Whoever is killed in the middle does
// it again: the job of the broadcast looks once more.
import type { Outbox } from '../outbound/outbox.ts';
import type { Store } from '../store/store.ts';
import type { BroadcastRow } from './broadcast-rows.ts';

const CANCELLED_AT_ONCE = 50; // other writes wait for the end of a transaction

export interface TakeBackParts {
  store: Store;
  outbox: Pick<Outbox, 'cancel'>;
}

export async function takeBack(
  { store, outbox }: TakeBackParts,
  { id, feedback }: Pick<BroadcastRow, 'id' | 'feedback'>,
): Promise<void> {
  const why = `The broadcast was cancelled. ${feedback ?? ''}`.trim();
  for (let after = ''; ; ) {
    const rows = await store.db
      .selectFrom('submissions')
      .select('id')
      .where('broadcast_id', '=', id)
      .where('state', '=', 'queued')
      .where('id', '>', after)
      .orderBy('id')
      .limit(CANCELLED_AT_ONCE)
      .execute();
    const last = rows.at(-1);
    if (!last) return;
    await store.write(async (tx) => {
      for (const row of rows) await outbox.cancel(tx, row.id, why);
    });
    after = last.id;
  }
}
