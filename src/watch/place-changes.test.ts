// What is noted of the places of messages: their flags, and that they are gone.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Checkpoint } from './checkpoints.ts';
import { insertPlaces } from './ledger-writes.ts';
import { firstKnownUid, latestPlaces, noteFlags, noteGone } from './place-changes.ts';
import { placesOf } from './places.ts';

const inbox = { accountId: 'acc_1', mailbox: 'INBOX', uidValidity: '1' } as Checkpoint;
let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-places-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
  const uids = [3, 4, 5, 9];
  await store.write((tx) =>
    insertPlaces(
      tx,
      inbox,
      uids.map((uid) => ({ uid, messageId: `msg_${uid}`, flags: ['\\Recent'] })),
    ),
  );
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const flags = (uid: number, ...names: string[]) =>
  store.write((tx) => noteFlags(tx, inbox, [{ uid, flags: names, modseq: undefined }]));
const gone = (from: number, to: number, limit = 100) =>
  store.write((tx) => noteGone(tx, inbox, { from, to }, 7_000, limit));

it('flags that are known already, in whatever order, are no change', async () => {
  assert.deepEqual(await flags(4, '\\Seen', 'a'), [{ messageId: 'msg_4', uid: 4, flags: ['\\Seen', 'a'] }]);
  assert.deepEqual(await flags(4, 'a', '\\Recent', '\\Seen'), []);
  assert.deepEqual(await flags(6, '\\Seen'), [], 'of mail that nobody took in');
});

it('a span that a server calls gone takes only what was known there, so many at a time, and once', async () => {
  assert.deepEqual(
    (await gone(1, 4_000_000_000, 3)).map(({ uid }) => uid),
    [3, 4, 5],
  );
  assert.deepEqual(await gone(1, 4_000_000_000), [{ messageId: 'msg_9', uid: 9, flags: null }]);
  assert.deepEqual(await gone(1, 4_000_000_000), []);
  assert.deepEqual(await latestPlaces(store.db, inbox, 10), []);
  assert.equal(await firstKnownUid(store.db, inbox), 3);
});

it('a message that is told of is there, whatever was thought before', async () => {
  await gone(4, 4);
  assert.deepEqual((await flags(4)).length, 1);
  assert.deepEqual(
    (await latestPlaces(store.db, inbox, 2)).map(({ uid }) => uid),
    [9, 5],
  );
  assert.equal((await latestPlaces(store.db, inbox, 10)).length, 4);
});

it('a message is looked for where it lies, and last where it is gone from', async () => {
  const archive = { ...inbox, mailbox: 'Archive' };
  await store.write((tx) => insertPlaces(tx, archive, [{ uid: 1, messageId: 'msg_9', flags: [] }]));
  assert.deepEqual(
    (await placesOf(store.db, 'msg_9')).map(({ mailbox }) => mailbox),
    ['INBOX', 'Archive'],
  );
  await gone(9, 9);
  assert.deepEqual(
    (await placesOf(store.db, 'msg_9')).map(({ mailbox }) => mailbox),
    ['Archive', 'INBOX'],
  );
});
