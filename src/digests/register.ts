// Digests wired: what looks whether one is due, what makes it, and what puts its mails into the outbox.
import type { Part } from '../kernel/lifecycle.ts';
import { Broadcasts } from './broadcasts.ts';
import { DigestClock, type DigestClockParts } from './digest-clock.ts';
import { Digests, type DigestsParts } from './digests.ts';
import { registerFire } from './fire.ts';
import { type RunParts, registerRun } from './run.ts';

export type DigestRoomParts = Omit<DigestsParts & RunParts & DigestClockParts, 'log'> & Pick<RunParts, 'log'>;

export interface DigestRoom {
  digests: Digests;
  broadcasts: Broadcasts;
  clock: Part;
}

/** Registers the handlers of `digest.fire` and `broadcast.run`. */
export function registerDigests(parts: DigestRoomParts): DigestRoom {
  const room = { ...parts, log: parts.log.child({ part: 'digests' }) };
  registerFire(room);
  registerRun(room);
  return { digests: new Digests(room), broadcasts: new Broadcasts(room), clock: new DigestClock(room) };
}
