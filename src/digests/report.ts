// How a broadcast ended, told to those whom its digest names: a mail of the gateway's own words, put into the outbox in the
// transaction that ends the broadcast, so that it comes once.
import type { Accounts } from '../accounts/accounts.ts';
import type { BroadcastCounts } from '../contracts/broadcast.ts';
import type { Drafts } from '../drafts/drafts.ts';
import { fromOf, newMessageId } from '../drafts/prepare.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { parseRecipient } from '../mail/recipient.ts';
import type { Store, Tx } from '../store/store.ts';
import { type BroadcastRow, broadcastRow, countsOf } from './broadcast-rows.ts';

interface ReportParts {
  store: Store;
  clock: Clock;
  accounts: Pick<Accounts, 'get'>;
  drafts: Pick<Drafts, 'prepare' | 'insert'>;
}

export interface Report {
  record(tx: Tx): Promise<void>;
  discard(): Promise<void>;
}

/** Null where nobody is to be told. */
export async function prepareReport(parts: ReportParts, id: string): Promise<Report | null> {
  const { store, clock, accounts, drafts } = parts;
  const row = await broadcastRow(store.db, id);
  const to = JSON.parse(row.report_to) as string[];
  if (to.length === 0) return null;
  const counts = (await countsOf(store.db, [row])).get(id) as BroadcastCounts;
  const from = fromOf(await accounts.get(row.account_id));
  const prepared = await drafts.prepare({
    from,
    to: to.map(parseRecipient),
    cc: [],
    bcc: [],
    subject: `Broadcast “${row.name}”: sent to ${counts.sent} of ${counts.total}`,
    text: reportText(row, counts, clock.now()),
    html: null,
    attachments: [],
    in_reply_to: null,
    references: [],
    message_id: newMessageId(from),
    auto_submitted: 'auto-generated',
  });
  const origin = {
    ...{ accountId: row.account_id, sessionId: null, threadId: newId('thr', clock.now()), turnId: null },
    ...{ actionIndex: null, answersMessageId: null, author: `broadcast ${id}`, acquaints: false },
  };
  return {
    record: async (tx) => {
      await drafts.insert(tx, origin, prepared, { approvedBy: row.made_by });
    },
    discard: () => prepared.discard(),
  };
}

function reportText(row: BroadcastRow, counts: BroadcastCounts, now: number): string {
  const time = (at: number | null): string => (at === null ? '-' : new Date(at).toISOString());
  const lines: [string, string | number][] = [
    ['Broadcast', `${row.name} (${row.id})`],
    ['Approved by', row.decided_by ?? '-'],
    ['Began', time(row.started_at)],
    ['Ended', time(now)],
    ['Recipients', counts.total],
    ['Sent', counts.sent],
    ['Failed', counts.failed],
    ['Unknown', counts.unknown],
    ['Suppressed', counts.suppressed],
    ['Unsubscribed', counts.unsubscribed],
    ['Cancelled', counts.cancelled],
    ['Bounced so far', counts.bounced],
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(15)}${value}`).join('\n')}\n`;
}
