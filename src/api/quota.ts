// What a session's turn uses of its quota: calls, and bytes that it is given to read. To ask, to wait and to end cost
// nothing, so that a turn whose quota is used up can still say so.
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { spend } from '../sessions/capabilities.ts';
import type { Store } from '../store/store.ts';
import type { SessionPrincipal } from './rooms.ts';

/** @throws PosternError `calls_limit` */
export const spendCall = (store: Store, { sessionId, capability = null }: SessionPrincipal): Promise<void> =>
  spend(store, sessionId, capability, { calls: 1 });

/**
 * The answer, once it is counted; a stream is counted at its end, and what is over the quota counts against the next.
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
  let bytes = 0;
  const counting = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      done(null, piece);
    },
  });
  // Whoever reads it hears of what breaks; the count is of what went through.
  void pipeline(answer, counting)
    .catch(() => undefined)
    .then(() => spend(store, sessionId, capability, { bytes }))
    .catch(() => undefined);
  return counting;
}
