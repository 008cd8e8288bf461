// The record of a session: numbered in order, bounded, there only with what it tells of, and told to whoever listens.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { memoryBus } from '../cluster/memory.ts';
import type { LiveEvent } from '../contracts/live-event.ts';
import { systemClock } from '../kernel/clock.ts';
import { openSqlite } from '../store/sqlite.ts';
import { record, recordsOf } from './record.ts';

async function openBook() {
  const folder = await mkdtemp(join(tmpdir(), 'postern-record-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  const bus = memoryBus(systemClock);
  const heard: LiveEvent[] = [];
  bus.subscribe((event) => void heard.push(event));
  return {
    store,
    heard,
    parts: { clock: systemClock, bus },
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

it('numbers what happens in each session by itself, and reads it in order and in pages', async () => {
  await using book = await openBook();
  await book.store.write(async (tx) => {
    for (const [sessionId, turnId] of [
      ['ses_1', 'trn_1'],
      ['ses_2', 'trn_2'],
      ['ses_1', null],
    ] as const)
      await record(book.parts, tx, { sessionId, turnId, kind: 'came', data: { turn: turnId } });
  });
  const { db } = book.store;
  const all = await recordsOf(db, 'ses_1', { limit: 10 });
  assert.deepEqual(
    all.map(({ seq, turn_id, data }) => [seq, turn_id, data]),
    [
      [1, 'trn_1', { turn: 'trn_1' }],
      [2, null, { turn: null }],
    ],
  );
  assert.deepEqual((await recordsOf(db, 'ses_1', { limit: 1, after: all[0]?.id }))[0]?.seq, 2);
  assert.equal((await recordsOf(db, 'ses_2', { limit: 10 })).length, 1);
  assert.deepEqual(
    book.heard.map(({ type, data }) => [type, data.session_id]),
    [
      ['session.recorded', 'ses_1'],
      ['session.recorded', 'ses_2'],
      ['session.recorded', 'ses_1'],
    ],
  );
});

it('holds nothing of what was undone, and tells nobody', async () => {
  await using book = await openBook();
  const work = book.store.write(async (tx) => {
    await record(book.parts, tx, { sessionId: 'ses_1', turnId: null, kind: 'came', data: {} });
    throw new Error('undone');
  });
  await assert.rejects(work, /undone/);
  assert.deepEqual(await recordsOf(book.store.db, 'ses_1', { limit: 10 }), []);
  assert.deepEqual(book.heard, []);
});

it('cuts what is too large, and keeps what it is about', async () => {
  await using book = await openBook();
  const many = Array.from({ length: 100_000 }, () => 'a"');
  await book.store.write(async (tx) => {
    const entry = { sessionId: 'ses_1', turnId: null, kind: 'called' as const };
    await record(book.parts, tx, { ...entry, data: { tool: 'reply', text: 'x'.repeat(1_000_000) } });
    await record(book.parts, tx, { ...entry, data: { tool: 'reply', to: many } });
  });
  const [text, list] = await recordsOf(book.store.db, 'ses_1', { limit: 10 });
  assert.equal(text?.data.tool, 'reply');
  assert.ok(String(text?.data.text).length < 2_000);
  assert.equal(text?.data.cut, true);
  assert.equal(list?.data.cut, true);
  assert.ok(JSON.stringify(list?.data).length < 16_000);
});
