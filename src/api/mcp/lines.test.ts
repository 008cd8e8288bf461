import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { it } from 'node:test';
import { eventsOf, linesOf } from './lines.ts';

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
const inPieces = (text: string, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      Buffer.from(text).subarray(i * size, (i + 1) * size),
    ),
  );

it('lines are the same in whatever pieces they come', async () => {
  const text = 'one\ntwo\r\n\nthree\nlast';
  for (const size of [1, 2, 3, 5, 100])
    assert.deepEqual(await collect(linesOf(inPieces(text, size), 10)), ['one', 'two', '', 'three', 'last']);
});

it('a character that is cut in two is whole', async () => {
  const bytes = Buffer.from('ä€😀\n');
  const pieces = Readable.from([...bytes].map((byte) => Buffer.from([byte])));
  assert.deepEqual(await collect(linesOf(pieces, 10)), ['ä€😀']);
});

it('a line that is too long is passed over, and nothing of it is kept', async () => {
  for (const size of [1, 4, 100])
    assert.deepEqual(
      await collect(linesOf(inPieces(`ok\n${'x'.repeat(50)}\nok\n${'y'.repeat(50)}`, size), 10)),
      ['ok', null, 'ok', null],
    );
});

it('events are their data, without what a client need not know', async () => {
  const text =
    ': hello\n\nid: 1\nevent: message\ndata: {"a":\ndata: 1}\n\nretry: 5\n\ndata:two\n\ndata: unfinished';
  const body = ReadableStream.from<Uint8Array>(inPieces(text, 7));
  assert.deepEqual(await collect(eventsOf(body, 100)), ['{"a":\n1}', 'two']);
  const long = ReadableStream.from<Uint8Array>(inPieces(`${'data: 123456\n'.repeat(20)}\n`, 7));
  await assert.rejects(collect(eventsOf(long, 100)), /too large/);
});
