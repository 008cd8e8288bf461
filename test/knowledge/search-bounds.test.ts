// Searches for what stands everywhere: they end at their time limit, and hold up nothing meanwhile.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { searchKnowledge } from '../../src/knowledge/search.ts';
import { addToIndex } from '../../src/store/full-text.ts';
import { FullTextReader } from '../../src/store/full-text-reader.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';

const CHUNKS = 2000;
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

describe('a search', () => {
  let folder: string;
  let store: Store;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-search-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    const texts = Array.from({ length: CHUNKS }, (_, i) => LETTERS.map((letter) => letter + i).join(' '));
    await store.write(async (tx) => {
      const rows = texts.map((text, number) => ({ content_id: 'cnt_1', number, text, source: '{}' }));
      for (let at = 0; at < rows.length; at += 200) {
        const found = await tx
          .insertInto('knowledge_chunks')
          .values(rows.slice(at, at + 200))
          .returning(['id', 'text'])
          .execute();
        await addToIndex(
          tx,
          found.map(({ id, text }) => ({ id, title: '', text })),
        );
      }
    });
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const everything = { query: LETTERS.map((letter) => `${letter}*`).join(' '), limit: 100 };

  it('that takes too long ends at its limit, and the next one is answered', async () => {
    const reader = new FullTextReader(join(folder, 'ledger.sqlite'), 1);
    try {
      await assert.rejects(searchKnowledge(store.db, reader.search, everything), {
        code: 'search_too_broad',
      });
    } finally {
      reader.stop();
    }
    const patient = new FullTextReader(join(folder, 'ledger.sqlite'), 60_000);
    try {
      const hits = await patient.search({ expression: '"z7"', limit: 5 });
      assert.deepEqual(
        hits.map(({ number }) => number),
        [7],
      );
      await assert.rejects(patient.search({ expression: '"', limit: 5 }), { code: 'search_failed' });
      assert.equal((await patient.search({ expression: '"z8"', limit: 5 })).length, 1);
    } finally {
      patient.stop();
    }
    await assert.rejects(patient.search({ expression: '"z7"', limit: 5 }), { code: 'stopping' });
  });

  it('lets the event loop turn while it runs', async () => {
    const reader = new FullTextReader(join(folder, 'ledger.sqlite'), 60_000);
    try {
      await reader.search({ expression: '"z7"', limit: 5 }); // the process is there
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const hits = await reader.search({
        expression: LETTERS.map((letter) => `"${letter}" *`).join(' AND '),
        limit: 5,
      });
      clearInterval(timer);
      assert.equal(hits.length, 5);
      assert.ok(turns > 5, `${turns} turns`);
    } finally {
      reader.stop();
    }
  });
});
