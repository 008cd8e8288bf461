// What a session's turn uses of its quota: calls, and bytes that it is given to read. To ask, to wait and to end cost
// nothing, so that a turn whose quota is used up can still say so.
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { spend } from '../sessions/capabilities.ts';
import type { Store } from '../store/store.ts';
import type { SessionPrincipal } from './rooms.ts';

const COUNTED_AT_ONCE_BYTES = 1024 * 1024; // of a stream

/** @throws PosternError `calls_limit` */
export const spendCall = (store: Store, { sessionId, capability = null }: SessionPrincipal): Promise<void> =>
  spend(store, sessionId, capability, { calls: 1 });

/**
 * The answer, once it is counted; a stream is counted while it goes, and breaks off over the quota.
 * @throws PosternError `bytes_limit`
 */
export async function spendAnswer(
  store: Store,
  { sessionId, capability = null }: SessionPrincipal,
  answer: unknown,
): Promise<unknown> {
  if (capability === null) return answer;
  if (!(answer instanceof Readable)) {
    const bytes = answer === undefined ? 0 : Buffer.byteLength(JSON.stringify(answer));
    await spend(store, sessionId, capability, { bytes });
    return answer;
  }
  await spend(store, sessionId, capability, {}); // it may be used up already
  let uncounted = 0;
  const count = (): Promise<void> => {
    const bytes = uncounted;
    uncounted = 0;
    return spend(store, sessionId, capability, { bytes });
  };
  const counting = new Transform({
    transform(piece: Buffer, _encoding, done) {
      uncounted += piece.length;
      if (uncounted < COUNTED_AT_ONCE_BYTES) return done(null, piece);
      count().then(() => done(null, piece), done);
    },
  });
  // Whoever reads it hears of what breaks; the rest is counted, also of what was read in part.
  void pipeline(answer, counting)
    .catch(() => undefined)
    .then(count)
    .catch(() => undefined);
  return counting;
}
