// Ids: a prefix that says what a thing is, then a ULID in lower case, so that ids sort by the time they were made.
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford's base 32, as in the ULID specification
const TIME_CHARS = 10;
const HEAD_RANDOM_CHARS = 12; // and four that count: 16 in all, as the specification has
const LARGEST_COUNT = 2 ** 20 - 1;
const random = new Uint8Array(HEAD_RANDOM_CHARS + 2);

/** The nouns that have ids, by their prefix. */
export type IdPrefix =
  | 'acc'
  | 'att'
  | 'msg'
  | 'thr'
  | 'dec'
  | 'dlv'
  | 'ses'
  | 'trn'
  | 'rec'
  | 'tst'
  | 'drf'
  | 'sub'
  | 'job'
  | 'obj'
  | 'evt'
  | 'key'
  | 'req'
  | 'aud'
  | 'qry'
  | 'src'
  | 'rul'
  | 'rlv'
  | 'rot'
  | 'doc'
  | 'cnt'
  | 'plc'
  | 'dgf'
  | 'brd'
  | 'sup'
  | 'bnc'
  | 'dom'
  | 'dkm'
  | 'lnk'
  | 'upl';

let lastTime = 0;
/** What the ids of one millisecond have in common: the time, and twelve random digits. */
let head = '';
/** Their last four digits. */
let count = 0;

/**
 * A new id such as `msg_01jd3k…`. Ids made in one process strictly increase, also within one millisecond and when the
 * clock goes back; ids of several processes sort by time to the millisecond.
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  if (now > lastTime) begin(now);
  else if (count === LARGEST_COUNT) begin(lastTime + 1);
  else count++;
  return `${prefix}_${head}${digit(count >> 15)}${digit(count >> 10)}${digit(count >> 5)}${digit(count)}`;
}

/** What sorts before every id of a noun that was made at that time or later. */
export const beforeIdsOf = (prefix: IdPrefix, at: number): string =>
  `${prefix}_${encodeTime(Math.max(0, at))}`;

function begin(time: number): void {
  lastTime = time;
  randomFillSync(random);
  head = encodeTime(time);
  for (let i = 0; i < HEAD_RANDOM_CHARS; i++) head += digit(random[i] as number);
  count = ((random[HEAD_RANDOM_CHARS] as number) << 8) | (random[HEAD_RANDOM_CHARS + 1] as number); // low: it counts up
}

const digit = (number: number): string => ALPHABET[number & 31] as string;

function encodeTime(time: number): string {
  let rest = time;
  let text = '';
  for (let i = 0; i < TIME_CHARS; i++) {
    text = digit(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
