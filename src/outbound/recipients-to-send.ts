// The recipients of a mail that is about to leave, and who of them is on the suppression list: read in one statement, so
// that a mail to people who may get it costs none more.
import {
  bySize,
  questions,
  type Suppression,
  stopsOfEveryMail,
  suppressedAmong,
} from '../bounces/suppressed.ts';
import type { SuppressionReason } from '../contracts/suppression.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { SubmissionRecipientsTable, SubmissionRow } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';

const recipientsAndStops = bySize(() =>
  keptQuery((db, id: string, now: number, account: string, ...values: string[]) =>
    db
      .selectFrom('submission_recipients')
      .select(['submission_id', 'position', 'address', 'state', 'response'])
      .where('submission_id', '=', id)
      .unionAll(
        stopsOfEveryMail(db, now, account, values)
          .clearSelect()
          .select((eb) => [
            'scope as submission_id',
            eb.lit(-1).as('position'),
            'value as address',
            'reason as state',
            'note as response',
          ]),
      )
      .orderBy('position'),
  ),
);

export interface RecipientsToSend {
  /** In the envelope's order. */
  recipients: SubmissionRecipientsTable[];
  /** Those of them to whom nothing may go, by their addresses. */
  suppressed: ReadonlyMap<string, Suppression>;
}

/** The recipients of a mail and who of them is suppressed: one statement for a mail to some hundred, that is no broadcast. */
export async function recipientsToSend(
  reader: Reader,
  row: SubmissionRow,
  addresses: readonly string[],
  now: number,
): Promise<RecipientsToSend> {
  const [first, ...others] = questions(addresses);
  const { values, asked } = first ?? { values: ['', ''], asked: new Map<string, string[]>() };
  const rows = await recipientsAndStops(values.length)(reader, row.id, now, row.account_id, ...values);
  const suppressed = new Map<string, Suppression>();
  const recipients: SubmissionRecipientsTable[] = [];
  for (const one of rows) {
    if (one.position >= 0) recipients.push(one);
    else
      for (const address of asked.get(one.address) ?? [])
        suppressed.set(address, { reason: one.state as SuppressionReason, note: one.response });
  }
  const list = row.broadcast_id === null ? null : await listOf(reader, row.broadcast_id);
  if (list === null && others.length === 0) return { recipients, suppressed };
  const question = { accountId: row.account_id, list, now };
  for (const [address, why] of await suppressedAmong(reader, question, addresses))
    suppressed.set(address, why);
  return { recipients, suppressed };
}

/** What the recipients of a broadcast leave: its digest, or the broadcast itself. */
async function listOf(reader: Reader, broadcastId: string): Promise<string | null> {
  const row = await reader
    .selectFrom('broadcasts')
    .select(['digest_name', 'name'])
    .where('id', '=', broadcastId)
    .executeTakeFirst();
  return row ? (row.digest_name ?? row.name) : null;
}
