// The port of everything that can run an agent: one event in, one answer out.
import type { AgentAnswer, SessionEvent } from '../contracts/session.ts';
import type { Tx } from '../store/store.ts';

export interface RunContext {
  /** Stays the same over all attempts of the turn. */
  turnId: string;
  attempt: number;
  limitMs: number;
  signal: AbortSignal;
  /** The folder that belongs to this attempt, with the attachments in it; null where the runner wants no files. */
  folder: string | null;
}

export interface RunResult {
  answer: AgentAnswer;
  /** What the agent said beside its answer (stderr), cut to its end; for people. */
  log: string | null;
  /** It took the event and works on with its token: the turn ends when it says so, or with its time. */
  worksOn?: true;
  /** Called in the transaction that keeps the answer: what was there for another attempt alone goes with it. */
  kept?: (tx: Tx) => Promise<void>;
}

export interface Runner {
  /** Whether it needs a folder, with the attachments laid into it before. */
  readonly wantsFiles: boolean;
  /** @throws PosternError that says whether the turn may be tried again */
  run(event: SessionEvent, context: RunContext): Promise<RunResult>;
}
