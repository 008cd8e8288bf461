// A stream that is held before it is read.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { it } from 'node:test';
import { streamHolder } from './held-stream.ts';

async function* pieces(count: number, bytes: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(bytes, i);
}

it('a stream that is held is taken whole before the first byte is read, and gives the same bytes', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-held-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const count of [0, 1, 50]) {
    let isTaken = false;
    async function* source() {
      yield* pieces(count, 20_000);
      isTaken = true;
    }
    const held = await streamHolder(folder)(source());
    assert.ok(isTaken);
    assert.deepEqual(await readdir(folder), []);
    const whole = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(20_000, i)));
    assert.ok((await buffer(held)).equals(whole));
  }
});

it('a stream that breaks is an error, and nothing of it is given', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-held-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  async function* source() {
    yield Buffer.alloc(500_000);
    throw new Error('the connection broke');
  }
  await assert.rejects(streamHolder(folder)(source()), /the connection broke/);
});
