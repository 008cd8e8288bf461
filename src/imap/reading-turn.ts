// How much is read of servers in one turn of the event loop, over all connections. The library goes on for as long as
// what has arrived lasts, and 20,000 answers that come at once would hold up everybody else's mail for seconds.

import type { ServerAnswer } from './answer-guard.ts';

const MOST_ANSWERS = 100; // 5 ms of the library's reading
const MOST_BYTES = 64 * 1024; // as much as one chunk from the wire; long lines cost by their length

let answers = 0;
let bytes = 0;
let next: Promise<void> | null = null;

/** Counts an answer that is about to be read. @returns what to wait for first, where the turn has had its share */
export function awaitTurn({ payload, literals }: ServerAnswer): Promise<void> | undefined {
  next ??= new Promise((resolve) => {
    setImmediate(() => {
      answers = 0;
      bytes = 0;
      next = null;
      resolve();
    });
  });
  answers++;
  bytes += literals.reduce((sum, { length }) => sum + length, payload.length);
  return answers > MOST_ANSWERS || bytes > MOST_BYTES ? next : undefined;
}
