// Ids: a prefix that says what a thing is, then a ULID in lower case, so that ids sort by the time they were made.
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford's base 32, as in the ULID specification
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

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
  | 'plc';

let lastTime = 0;
const lastRandom = new Uint8Array(RANDOM_CHARS);

/**
 * A new id such as `msg_01jd3k…`. Ids made in one process strictly increase, also within one millisecond and when the
 * clock goes back; ids of several processes sort by time to the millisecond.
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  if (now > lastTime) {
    lastTime = now;
    randomFillSync(lastRandom);
    for (let i = 0; i < RANDOM_CHARS; i++) lastRandom[i] = (lastRandom[i] as number) & 31;
    // The top digit starts low, so that counting up within a millisecond never runs over.
    lastRandom[0] = (lastRandom[0] as number) & 15;
  } else {
    countUp();
  }
  return `${prefix}_${encodeTime(lastTime)}${encodeRandom()}`;
}

/** The least id of a noun that was made at that time or later. */
export const firstIdOf = (prefix: IdPrefix, at: number): string =>
  `${prefix}_${encodeTime(Math.max(0, at))}${ALPHABET[0]?.repeat(RANDOM_CHARS)}`;

function countUp(): void {
  for (let i = RANDOM_CHARS - 1; i >= 0; i--) {
    const digit = lastRandom[i] as number;
    if (digit < 31) {
      lastRandom[i] = digit + 1;
      return;
    }
    lastRandom[i] = 0;
  }
}

function encodeTime(time: number): string {
  let rest = time;
  let text = '';
  for (let i = 0; i < TIME_CHARS; i++) {
    text = ALPHABET[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeRandom(): string {
  let text = '';
  for (const digit of lastRandom) text += ALPHABET[digit];
  return text;
}
