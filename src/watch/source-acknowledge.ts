// What it means that a consumer acknowledges: its cursor moves forward over what was handed out to it, and nothing else.
import { PosternError } from '../kernel/errors.ts';
import type { Tx } from '../store/store.ts';
import { moveCursor } from './source-cursors.ts';
import { type SourcePosition, unknownPosition } from './source-position.ts';

/**
 * Moves the cursor forward to a position, with everything before it in its mailbox. Returns how many messages that
 * acknowledges: 0 where they were before.
 * @throws PosternError `position_unknown`, `uid_validity_changed`
 */
export async function acknowledge(
  tx: Tx,
  consumerId: string,
  position: SourcePosition,
  now: number,
): Promise<number> {
  const { mailbox, uid, uidValidity } = position;
  const cursor = await tx
    .selectFrom('source_cursors')
    .selectAll()
    .where('consumer_id', '=', consumerId)
    .where('mailbox', '=', mailbox)
    .executeTakeFirst();
  if (!cursor) throw unknownPosition();
  if (cursor.uid_validity !== uidValidity) {
    throw new PosternError(
      'uid_validity_changed',
      `The mailbox ${mailbox} was renumbered after this position was handed out.`,
      {
        hint: 'What was not acknowledged before comes again under its new position.',
        details: { uid_validity: Number(cursor.uid_validity) },
      },
    );
  }
  const here = tx
    .selectFrom('source_deliveries')
    .where('consumer_id', '=', consumerId)
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity);
  let count = 0;
  if (uid > cursor.last_uid) {
    const one = await here.select('uid').where('uid', '=', uid).executeTakeFirst();
    if (!one) throw unknownPosition();
    const counted = await here
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('uid', '>', cursor.last_uid)
      .where('uid', '<=', uid)
      .where('recognised', '=', 0)
      .executeTakeFirstOrThrow();
    count = Number(counted.count);
  }
  if (count > 0 || uid > cursor.last_uid || cursor.renumbered_from !== null) {
    const last_uid = Math.max(uid, cursor.last_uid);
    const acknowledged = cursor.acknowledged + count;
    await moveCursor(tx, cursor, { last_uid, acknowledged, renumbered_from: null }, now);
  }
  return count;
}
