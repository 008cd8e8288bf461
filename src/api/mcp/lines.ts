// Lines and server-sent events out of a stream of text, each within a bound.
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/** Each line without its end; null stands for one that was longer than `limit`, of which nothing was kept. */
export async function* linesOf(input: Readable, limit: number): AsyncGenerator<string | null> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    const [rest = '', ...begun] = decoder.decode(chunk, { stream: true }).split('\n');
    length += rest.length;
    if (length <= limit) pieces.push(rest);
    for (const next of begun) {
      yield length > limit ? null : pieces.join('').replace(/\r$/, '');
      pieces = next.length > limit ? [] : [next];
      length = next.length;
    }
    if (length > limit) pieces = [];
  }
  if (length > limit) yield null;
  else if (length > 0) yield pieces.join('');
}

/** The data of each event. @throws Error for one that is longer than `limit` */
export async function* eventsOf(body: ReadableStream<Uint8Array>, limit: number): AsyncGenerator<string> {
  let data: string[] = [];
  let length = 0;
  for await (const line of linesOf(Readable.fromWeb(body), limit)) {
    if (line === null) throw new Error('The gateway sent an event that is too large.');
    if (line === '') {
      if (data.length > 0) yield data.join('\n');
      data = [];
      length = 0;
    } else if (line.startsWith('data:')) {
      length += line.length;
      if (length > limit) throw new Error('The gateway sent an event that is too large.');
      data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    }
  }
}
