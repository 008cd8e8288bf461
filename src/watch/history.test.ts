// Where watching begins, and that old mail that a server puts back wakes nobody.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MailMetadata } from '../contracts/mail.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import type { Checkpoint } from './checkpoints.ts';
import { beginningOf, isHistory } from './history.ts';

const ATTACHED_AT = Date.UTC(2026, 10, 20);
const HOUR_MS = 3_600_000;
const renumbered = { attachedAt: ATTACHED_AT, renumberedTo: 5 } as Checkpoint;
const seen = (uid: number, internalDate: number, date: number | null = null) => ({
  message: { uid, internalDate } as FetchedMessage,
  metadata: { date } as MailMetadata,
});

it('mail from before is history also when the server puts it back after the renumbering was noticed', () => {
  assert.ok(isHistory(seen(3, ATTACHED_AT - HOUR_MS), renumbered));
  assert.ok(isHistory(seen(9, ATTACHED_AT - HOUR_MS), renumbered));
});

it('mail that came since watching began is new, under whichever number', () => {
  assert.ok(!isHistory(seen(3, ATTACHED_AT + HOUR_MS), renumbered));
  assert.ok(!isHistory(seen(9, ATTACHED_AT + HOUR_MS), renumbered));
});

it('old mail with a new arrival is told by its Date, up to the number that was reached', () => {
  const old = ATTACHED_AT - 72 * HOUR_MS;
  assert.ok(isHistory(seen(3, ATTACHED_AT + HOUR_MS, old), renumbered));
  assert.ok(!isHistory(seen(9, ATTACHED_AT + HOUR_MS, old), renumbered));
});

it('in a mailbox that was never renumbered, old mail that somebody moves there is new', () => {
  const never = { attachedAt: ATTACHED_AT, renumberedTo: 0 } as Checkpoint;
  assert.ok(!isHistory(seen(9, ATTACHED_AT - HOUR_MS), never));
});

it('watching begins with all there is, on a day, so long before the first time, or with what comes', () => {
  const now = Date.UTC(2026, 10, 21, 13, 30);
  assert.equal(beginningOf({ from_zero: true }, now), 'zero');
  assert.equal(beginningOf({ from_zero: false, since: '2026-01-01' }, now), Date.UTC(2026, 0, 1));
  assert.equal(beginningOf({ from_zero: false, since: '36h' }, now), now - 36 * HOUR_MS);
  assert.equal(beginningOf({ from_zero: false }, now), null);
});
