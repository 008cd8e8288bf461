// The port of everything that can run an agent: one event in, one answer out.
import type { AgentAnswer, SessionEvent } from '../contracts/session.ts';

export interface RunContext {
  /** Stays the same over all attempts of the turn. */
  turnId: string;
  attempt: number;
  limitMs: number;
  signal: AbortSignal;
  /** The folder that belongs to this attempt; attachments lie in it already where the runner asked for them. */
  folder: string;
}

export interface RunResult {
  answer: AgentAnswer;
  /** What the agent said beside its answer (stderr), cut to its end; for people. */
  log: string | null;
}

export interface Runner {
  /** Whether attachments are to be laid into the folder before. */
  readonly wantsFiles: boolean;
  /** @throws PosternError that says whether the turn may be tried again */
  run(event: SessionEvent, context: RunContext): Promise<RunResult>;
}
