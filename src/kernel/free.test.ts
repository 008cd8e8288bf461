// Memory that is given back at once.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { free } from './free.ts';

it('a piece of its own is emptied, and a part of something larger is left alone', () => {
  const own = Buffer.from(new Uint8Array(100_000).buffer);
  free(own);
  assert.equal(own.length, 0);
  free(own);
  const large = Buffer.from(new Uint8Array([1, 2, 3]).buffer);
  free(large.subarray(1));
  free(large.subarray(0, 2));
  assert.deepEqual([...large], [1, 2, 3]);
  const pooled = Buffer.from('short ones share their memory');
  free(pooled);
  assert.equal(pooled.toString(), 'short ones share their memory');
  free(new Uint8Array(new SharedArrayBuffer(8)));
});
