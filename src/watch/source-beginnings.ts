// Where a consumer begins, or is moved to, in each of its mailboxes: asked of the mail server.
import type { SourceStart } from '../contracts/source.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { firstUidSince, type MailboxState, mailboxStates, nextUidOf } from '../imap/read-range.ts';
import { type Beginning, FROM_ZERO } from './source-cursors.ts';
import { type SourcePosition, unknownPosition } from './source-position.ts';

export interface Placed {
  state: MailboxState;
  beginning: Beginning;
}

/**
 * @param mailboxes null: all
 * @param now epoch milliseconds
 * @throws PosternError `mailbox_missing`
 */
export async function beginningsFrom(
  connection: ImapConnection,
  mailboxes: readonly string[] | null,
  from: SourceStart,
  now: number,
  signal?: AbortSignal,
): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const state of await mailboxStates(connection, mailboxes, signal)) {
    let beginning = FROM_ZERO;
    if (from !== 'zero') {
      const first = from === 'now' ? null : await firstUidSince(connection, state, from, signal);
      const lastUid = (first ?? (await nextUidOf(connection, state, signal))) - 1;
      beginning = { lastUid, skippedBefore: from === 'now' ? now : Date.parse(from) };
    }
    placed.push({ state, beginning });
  }
  return placed;
}

/** Behind a position that was handed out. @throws PosternError `position_unknown` when it means nothing any more */
export async function beginningsAt(
  connection: ImapConnection,
  { mailbox, uid, uidValidity }: SourcePosition,
  signal?: AbortSignal,
): Promise<Placed[]> {
  const [state] = await mailboxStates(connection, [mailbox], signal, () => undefined);
  if (state?.uidValidity !== uidValidity) throw unknownPosition();
  return [{ state, beginning: { lastUid: uid, skippedBefore: null } }];
}
