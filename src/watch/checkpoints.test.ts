// Where a mailbox is read on from, whatever its server says of its numbers.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { advance, attach, storedCheckpoint } from './checkpoints.ts';
import { insertPlaces } from './ledger-writes.ts';

let folder: string;
let store: Store;
const place = { accountId: 'acc_1', mailbox: 'INBOX', fromZero: false };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-checkpoints-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const select = (uidValidity: string, uidNext: number, toldUidNext = true, now = 2_000) =>
  attach(store, { now: () => now }, place, { uidValidity, uidNext, toldUidNext });

it('a mailbox that is new starts at its end, or at its beginning where old mail counts as new', async () => {
  const { checkpoint, renumbered } = await select('1', 11);
  assert.deepEqual(
    [checkpoint.lastUid, checkpoint.attachedAt, checkpoint.renumberedTo, renumbered],
    [10, 2_000, 0, false],
  );
  const all = await attach(
    store,
    { now: () => 2_000 },
    { accountId: 'acc_1', mailbox: 'All', fromZero: true },
    { uidValidity: '1', uidNext: 11, toldUidNext: true },
  );
  assert.deepEqual([all.checkpoint.lastUid, all.checkpoint.attachedAt], [0, 0]);
});

it('it goes on where it was, and only ever forward', async () => {
  const { checkpoint } = await select('1', 11);
  await store.write((tx) => advance(tx, checkpoint, 15, 0));
  await store.write((tx) => advance(tx, checkpoint, 12, 0));
  await store.write((tx) => advance(tx, { ...checkpoint, uidValidity: '0' }, 99, 0));
  assert.equal((await select('1', 16)).checkpoint.lastUid, 15);
});

it('it is read again when UIDVALIDITY changes, and keeps what it knows of its history', async () => {
  await select('1', 11);
  const { checkpoint, renumbered } = await select('2', 8, true, 9_000);
  assert.equal(renumbered, true);
  assert.deepEqual([checkpoint.lastUid, checkpoint.renumberedTo, checkpoint.attachedAt], [0, 7, 2_000]);
  assert.deepEqual(await storedCheckpoint(store.db, 'acc_1', 'INBOX'), checkpoint);
});

it('it is read again when the server numbers from below what was read without changing UIDVALIDITY', async () => {
  const { checkpoint } = await select('1', 11);
  await store.write((tx) => insertPlaces(tx, checkpoint, [{ uid: 10, messageId: 'msg_old' }]));
  const { checkpoint: again, renumbered } = await select('1', 4);
  assert.equal(renumbered, true);
  assert.deepEqual([again.lastUid, again.renumberedTo], [0, 3]);
  const places = await store.db.selectFrom('locations').selectAll().execute();
  assert.deepEqual(places, [], 'an old place would name another message now');
  assert.deepEqual((await select('1', 4)).checkpoint, again, 'a restart half way goes on reading');
  await store.write((tx) => advance(tx, again, 3, 0));
  assert.equal((await select('1', 4)).renumbered, false);
});

it('it goes on where the last mail was deleted and the server does not tell UIDNEXT', async () => {
  await select('1', 11);
  const { checkpoint, renumbered } = await select('1', 4, false);
  assert.deepEqual([checkpoint.lastUid, renumbered], [10, false]);
});
