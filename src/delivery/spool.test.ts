// The body of a request while it is put together: the same in memory and in a file, and nothing left of it.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeContent } from './part-content.ts';
import { Spool } from './spool.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-spool-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** What a receiver is sent. A piece is there only until the next. */
async function sent(spool: Spool): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of spool.open()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

for (const [what, size] of [
  ['in memory', 1_000],
  ['in a file', 700_000],
] as const) {
  describe(`a body ${what}`, () => {
    it('is read as often as it is sent, and leaves nothing in its folder', async () => {
      const spool = new Spool(join(folder, what));
      const bytes = Buffer.alloc(size, 'Grüße ');
      for (let at = 0; at < size; at += 70_001) await spool.write(bytes.subarray(at, at + 70_001));
      await spool.write('end');
      for (let times = 0; times < 2; times++)
        assert.ok((await sent(spool)).equals(Buffer.concat([bytes, Buffer.from('end')])));
      assert.equal(spool.bytes, size + 3);
      assert.deepEqual(await readdir(join(folder, what)).catch(() => []), []);
      await spool.close();
    });

    it('forgets what is taken back', async () => {
      const spool = new Spool(join(folder, what));
      await spool.write(Buffer.alloc(size, 'a'));
      await spool.write('bbb');
      await spool.truncate(size + 1);
      await spool.write('c');
      assert.equal((await sent(spool)).toString('latin1', size), 'bc');
      await spool.close();
    });
  });
}

it('a part of any length in any pieces becomes base64, and one over the limit nothing but its hashes', async () => {
  for (const [length, step] of [
    ...[0, 1, 2, 3, 4, 76, 1_000].map((few) => [few, 5] as const),
    [900_001, 250_000] as const,
  ]) {
    const bytes = Buffer.from(Array.from({ length }, (_, at) => (at * 7) % 256));
    async function* pieces() {
      for (let at = 0; at < length; at += step) yield bytes.subarray(at, at + step);
    }
    const spool = new Spool(folder);
    await spool.write('"');
    const fits = await writeContent(spool, pieces(), length);
    assert.equal((await sent(spool)).toString(), `"${bytes.toString('base64')}`);
    assert.deepEqual([fits.fits, fits.size], [true, length]);
    if (length === 0) continue;
    const over = await writeContent(spool, pieces(), length - 1);
    assert.deepEqual(over, { ...fits, fits: false });
    assert.equal((await sent(spool)).toString(), `"${bytes.toString('base64')}`);
    await spool.close();
  }
});
