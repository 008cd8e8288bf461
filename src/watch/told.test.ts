// What a server tells of changes is kept within bounds, and nothing of it is taken for what it is not.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Told } from './told.ts';

const INBOX = { path: 'INBOX' };
const flagsOf = (seq: number, uid?: number) => ({ ...INBOX, seq, uid, flags: new Set(['\\Seen']) });

it('the flags of a message that is told of twice are the last', () => {
  const told = new Told();
  told.flags(flagsOf(1, 7));
  told.flags({ ...flagsOf(1, 7), flags: new Set(['\\Flagged']) });
  assert.deepEqual(told.byUid, [{ uid: 7, flags: ['\\Flagged'], modseq: undefined }]);
});

it('numbers move up when a message before them is removed, and the removed one is nobody', () => {
  const told = new Told();
  for (const seq of [2, 4, 5]) told.flags(flagsOf(seq));
  told.expunged({ ...INBOX, seq: 4, vanished: false });
  assert.deepEqual(told.numbers, [2, 4]);
  assert.equal(told.unnamedRemoval, true);
});

it('neighbours that vanish are one span', () => {
  const told = new Told();
  for (const uid of [3, 4, 5, 9, 10]) told.expunged({ ...INBOX, uid, vanished: true });
  assert.deepEqual(told.takeSpans(), [
    { from: 3, to: 5 },
    { from: 9, to: 10 },
  ]);
  assert.deepEqual([told.takeSpans(), told.unnamedRemoval], [[], false]);
});

it('what answers a question of ours is no news', () => {
  const told = new Told();
  told.expunged({ ...INBOX, uid: 3, vanished: true, earlier: true });
  assert.equal(told.isEmpty, true);
  told.expunged({ ...INBOX, uid: 4, vanished: true, earlier: false });
  assert.equal(told.isEmpty, false);
});

it('a server that never stops telling fills no memory', () => {
  const told = new Told();
  for (let uid = 1; uid <= 100_000; uid += 2) {
    told.flags(flagsOf(uid, uid));
    told.expunged({ ...INBOX, uid, vanished: true });
  }
  assert.deepEqual([told.byUid.length, told.takeSpans().length], [1_000, 10_000]);
  assert.deepEqual([told.overflown, told.unnamedRemoval], [true, true], 'the rest is compared');
});
