// Text files and tables in text: decoded as they are read, in the charset that their bytes speak for.
import { isUtf8 } from 'node:buffer';
import { guessCharset } from '../../mail/charset.ts';
import { type Bytes, pieces } from './bytes.ts';

const SAMPLE_BYTES = 64 * 1024;
const MAX_LINE_CHARS = 16 * 1024; // a longer line is read in pieces

/** The charset of a text file: by its mark, by the zeros of UTF-16, by holding as UTF-8, else by how its octets pair. */
export function charsetOf(sample: Buffer): string {
  if (sample[0] === 0xff && sample[1] === 0xfe) return 'utf-16le';
  if (sample[0] === 0xfe && sample[1] === 0xff) return 'utf-16be';
  if (sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf) return 'utf-8';
  const zeros = zerosOf(sample);
  if (zeros.odd * 4 > sample.length && zeros.even * 20 < sample.length) return 'utf-16le';
  if (zeros.even * 4 > sample.length && zeros.odd * 20 < sample.length) return 'utf-16be';
  return holdsAsUtf8(sample) ? 'utf-8' : guessCharset(firstHigh(sample));
}

/** The sample may end in the middle of a character. */
function holdsAsUtf8(sample: Buffer): boolean {
  for (let cut = 0; cut <= 3 && cut <= sample.length; cut++) {
    if (isUtf8(sample.subarray(0, sample.length - cut))) return true;
  }
  return false;
}

/** From the first line with an octet above ASCII on: a guess looks only at a few thousand octets. */
function firstHigh(sample: Buffer): Buffer {
  const at = sample.findIndex((octet) => octet >= 0x80);
  return at <= 0 ? sample : sample.subarray(Math.max(0, sample.lastIndexOf(0x0a, at)));
}

function zerosOf(sample: Buffer): { even: number; odd: number } {
  let even = 0;
  let odd = 0;
  for (let at = 0; at < sample.length; at++) {
    if (sample[at] !== 0) continue;
    if ((at & 1) === 0) even++;
    else odd++;
  }
  return { even, odd };
}

/** The text, piece by piece. */
export function* decoded(bytes: Bytes): Generator<string> {
  const decoder = new TextDecoder(charsetOf(bytes.read(0, SAMPLE_BYTES)));
  for (const piece of pieces(bytes)) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

/** The lines of a text without their ends; a very long one comes in pieces. */
export function* linesOf(texts: Iterable<string>): Generator<string> {
  let rest = '';
  for (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield* cut(line);
    while (rest.length > MAX_LINE_CHARS) {
      yield rest.slice(0, MAX_LINE_CHARS);
      rest = rest.slice(MAX_LINE_CHARS);
    }
  }
  if (rest !== '') yield* cut(rest);
}

function* cut(line: string): Generator<string> {
  for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_CHARS) {
    yield line.slice(at, at + MAX_LINE_CHARS);
  }
}
