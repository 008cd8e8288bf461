// The octets of an attachment on their one way: hashed to the end, whatever of them is kept.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { hashContent, stageContent } from './part-content.ts';

const FILE = randomBytes(10_000);
const SHA256 = createHash('sha256').update(FILE).digest('hex');

/** Pieces of one buffer, written over as they are taken. */
async function* pieces(): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(1_000);
  for (let at = 0; at < FILE.length; at += buffer.length) {
    FILE.copy(buffer, 0, at);
    yield buffer;
  }
}

/** Takes all, and holds it until its end. */
const stage = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const taken: Uint8Array[] = [];
  for await (const piece of bytes) taken.push(piece);
  return Buffer.concat(taken);
};

it('what fits is kept as it is, and hashed', async () => {
  const { size, hashes, staged } = await stageContent(stage, pieces(), FILE.length);
  assert.deepEqual([size, hashes.sha256], [FILE.length, SHA256]);
  assert.deepEqual(staged, FILE);
});

it('what does not fit is not kept, and hashed to its end all the same', async () => {
  const { size, hashes, staged } = await stageContent(stage, pieces(), FILE.length - 1);
  assert.deepEqual([size, hashes.sha256, staged], [FILE.length, SHA256, null]);
});

it('a store that fails is a failure, and what the pieces come from is let go', async () => {
  let isLetGo = false;
  const watched = (async function* () {
    try {
      yield* pieces();
    } finally {
      isLetGo = true;
    }
  })();
  const full = async (bytes: AsyncIterable<Uint8Array>): Promise<never> => {
    for await (const _ of bytes) throw new Error('the disk is full');
    throw new Error('there was nothing');
  };
  await assert.rejects(stageContent(full, watched, FILE.length), /the disk is full/);
  assert.ok(isLetGo);
});

it('nothing has the hashes of nothing', async () => {
  const { size, hashes } = await hashContent((async function* () {})());
  assert.deepEqual([size, hashes.md5], [0, createHash('md5').digest('hex')]);
});
