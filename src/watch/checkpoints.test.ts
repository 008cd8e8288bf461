// Where a mailbox is read on from, whatever its server says of its numbers.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { advance, attach, countBackfill, noteModseq, type Place, storedCheckpoint } from './checkpoints.ts';
import { insertPlaces } from './ledger-writes.ts';

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-checkpoints-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

interface Options {
  from?: Place['from'];
  toldUidNext?: boolean;
  now?: number;
}
const select = (
  uidValidity: string,
  uidNext: number,
  { from = null, toldUidNext = true, now = 2_000 }: Options = {},
) =>
  attach(
    store,
    { now: () => now },
    { accountId: 'acc_1', mailbox: 'INBOX', from },
    { uidValidity, uidNext, toldUidNext, exists: uidNext - 1 },
  );
const advanced = (to: Parameters<typeof advance>[1], uid: number, messages = 0) =>
  store.write((tx) => advance(tx, to, uid, 3_000, messages));

it('a mailbox that is new starts at its end, and what is there is none of its business', async () => {
  const { checkpoint, backfill, modseq, renumbered } = await select('1', 11);
  assert.deepEqual(
    [checkpoint.lastUid, checkpoint.attachedAt, checkpoint.renumberedTo, renumbered],
    [10, 2_000, 0, false],
  );
  assert.deepEqual([backfill, modseq], [null, null]);
});

it('where old mail counts as new it is a back-fill of its own, and new mail still starts at the end', async () => {
  const { checkpoint, backfill } = await select('1', 11, { from: 'zero' });
  assert.deepEqual([checkpoint.lastUid, checkpoint.attachedAt], [10, 0]);
  assert.deepEqual(backfill, { since: null, nextUid: 1, toUid: 10, total: 10, done: 0 });
});

it('where it counts from some time on, the time is kept, and what is to be read has yet to be counted', async () => {
  const { checkpoint } = await select('1', 11, { from: 500 });
  assert.equal(checkpoint.attachedAt, 500, 'what is older is history after a renumbering too');
  const { backfill } = await select('1', 11, { from: 700, now: 9_000 });
  assert.deepEqual(backfill, { since: 500, nextUid: 1, toUid: 10, total: null, done: 0 });
  await store.write((tx) => countBackfill(tx, checkpoint, 4, 7));
  assert.deepEqual((await select('1', 11)).backfill, {
    since: 500,
    nextUid: 7,
    toUid: 10,
    total: 4,
    done: 0,
  });
});

it('an empty mailbox has no history', async () => {
  assert.equal((await select('1', 1, { from: 'zero' })).backfill, null);
  assert.equal((await select('1', 1, { from: 'zero' })).backfill, null);
});

it('it goes on where it was, and only ever forward', async () => {
  const { checkpoint } = await select('1', 11);
  await advanced(checkpoint, 15);
  await advanced(checkpoint, 12);
  await advanced({ ...checkpoint, uidValidity: '0' }, 99);
  assert.equal((await select('1', 16)).checkpoint.lastUid, 15);
});

it('its back-fill goes on where it was, only ever forward, and ends with its last message', async () => {
  const { checkpoint } = await select('1', 11, { from: 'zero' });
  const history = { ...checkpoint, isBackfill: true };
  await advanced(history, 4, 4);
  await advanced(history, 3, 3);
  await advanced({ ...history, uidValidity: '0' }, 9, 5);
  await advanced(checkpoint, 12, 2);
  const { checkpoint: again, backfill } = await select('1', 13);
  assert.equal(again.lastUid, 12);
  assert.deepEqual(backfill, { since: null, nextUid: 5, toUid: 10, total: 10, done: 4 });
  await advanced(history, 10, 6);
  assert.equal((await select('1', 13)).backfill, null);
});

it('it is read again when UIDVALIDITY changes, and keeps what it knows of its history', async () => {
  const { checkpoint: before } = await select('1', 11);
  await store.write((tx) => noteModseq(tx, before, 99n));
  assert.equal((await select('1', 11)).modseq, 99n);
  const { checkpoint, backfill, modseq, renumbered } = await select('2', 8, { now: 9_000 });
  assert.equal(renumbered, true);
  assert.deepEqual([checkpoint.lastUid, checkpoint.renumberedTo, checkpoint.attachedAt], [7, 7, 2_000]);
  assert.deepEqual(backfill, { since: null, nextUid: 1, toUid: 7, total: 7, done: 0 });
  assert.equal(modseq, null, 'the count was of the old numbering');
  assert.deepEqual(await storedCheckpoint(store.db, 'acc_1', 'INBOX'), checkpoint);
});

it('a back-fill begins anew when the mailbox is renumbered in the middle of it', async () => {
  const { checkpoint } = await select('1', 11, { from: 'zero' });
  await advanced({ ...checkpoint, isBackfill: true }, 6, 6);
  const { backfill } = await select('2', 21, { from: 'zero' });
  assert.deepEqual(backfill, { since: null, nextUid: 1, toUid: 20, total: 20, done: 0 });
});

it('it is read again when the server numbers from below what was read without changing UIDVALIDITY', async () => {
  const { checkpoint } = await select('1', 11);
  await store.write((tx) => insertPlaces(tx, checkpoint, [{ uid: 10, messageId: 'msg_old', flags: [] }]));
  const { checkpoint: again, backfill, renumbered } = await select('1', 4);
  assert.equal(renumbered, true);
  assert.deepEqual([again.lastUid, again.renumberedTo, backfill?.toUid], [3, 3, 3]);
  const places = await store.db.selectFrom('locations').selectAll().execute();
  assert.deepEqual(places, [], 'an old place would name another message now');
  await advanced({ ...again, isBackfill: true }, 2, 2);
  const half = await select('1', 4);
  assert.deepEqual(
    [half.checkpoint, half.backfill?.nextUid, half.renumbered],
    [again, 3, false],
    'a restart half way goes on reading',
  );
});

it('it goes on where the last mail was deleted and the server does not tell UIDNEXT', async () => {
  await select('1', 11);
  const { checkpoint, renumbered } = await select('1', 4, { toldUidNext: false });
  assert.deepEqual([checkpoint.lastUid, renumbered], [10, false]);
});
