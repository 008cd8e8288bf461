// Sessions wired: the turns of agents, the decisions that waited for text or proof, and the sessions that sleep.
import { type LateDecisionParts, registerLateDecisions } from './decide-later.ts';
import { Sessions } from './sessions.ts';
import { registerTurns, type TurnParts } from './turn.ts';

export type SessionRoomParts = TurnParts & LateDecisionParts;

/** Registers the handlers of `message.decide`, `session.turn` and `session.wake`. */
export function registerSessions(parts: SessionRoomParts): Sessions {
  registerLateDecisions(parts);
  registerTurns({ ...parts, log: parts.log.child({ part: 'sessions' }) });
  const sessions = new Sessions(parts);
  parts.worker.handle('session.wake', ({ session_id: id, until }) => sessions.wake(id, until));
  return sessions;
}
