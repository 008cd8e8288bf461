// One entry in the record of a session: what happened, when, and in which turn.
import { z } from 'zod';

export const recordKind = z
  .enum([
    ...(['came', 'called', 'refused', 'answered', 'asked', 'decided'] as const),
    ...(['bounced', 'failed', 'paused', 'cancelled', 'expired', 'ended'] as const),
  ])
  .describe(
    'came: what woke the agent. called: what the agent asked of the gateway. refused: what it was not allowed, and ' +
      'why. answered: the actions of its answer. asked: what a person is asked. decided: what a person, or policy, ' +
      'decided. bounced: what came back of a mail that it sent. failed: an attempt or a turn that failed. paused: its ' +
      'turn was ended by the kill switch. cancelled, expired, ended: how the session came to its end.',
  );
export type RecordKind = z.infer<typeof recordKind>;

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type RecordValue = z.infer<typeof scalar> | RecordValue[] | { [key: string]: RecordValue };
export type RecordData = Record<string, RecordValue>;

export const sessionRecord = z.object({
  id: z.string(),
  session_id: z.string(),
  /** Null for what happened between turns. */
  turn_id: z.string().nullable(),
  /** Counts the entries of the session from 1. */
  seq: z.number().int(),
  at: z.number().int(),
  kind: recordKind,
  data: z.record(z.string(), z.unknown()),
});
export type SessionRecord = Omit<z.infer<typeof sessionRecord>, 'data'> & { data: RecordData };
