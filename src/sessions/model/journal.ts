// The conversation of a turn, kept step by step before anything of a step is done. A turn that was cut off goes on from
// there: no step is paid for twice, and a call that may have taken effect already is made again under the same number, so
// that it takes effect once.
import { PosternError } from '../../kernel/errors.ts';
import type { Store, Tx } from '../../store/store.ts';
import { type RecordParts, record } from '../record.ts';
import type { SaidMessage, ToolAnswer, ToolCall, Usage } from './chat.ts';

export interface KeptStep {
  said: SaidMessage;
  text: string;
  calls: ToolCall[];
  /** Of its calls, in their order; fewer where the turn was cut off among them. */
  answers: ToolAnswer[];
  usage: Usage;
}

export interface TurnUsage {
  steps: number;
  input_tokens: number;
  output_tokens: number;
  cost_micros: number;
}

export interface KeptTurn {
  steps: KeptStep[];
  /** In all attempts, those steps too that were not kept. */
  used: TurnUsage;
  /** Of all turns of the session so far. */
  sessionCostMicros: number;
}

export interface Journal {
  open(turnId: string): Promise<KeptTurn>;
  /**
   * What a turn and its session have used with a step that was just said; and the step itself, where the turn goes on.
   * @param number of the step within the turn, from 0
   */
  said(
    turn: JournalTurn,
    used: TurnUsage,
    cost: number,
    kept: { number: number; step: KeptStep } | null,
  ): Promise<void>;
  /** The turn has ended with its answer: nobody goes on from its steps, which hold the mail that was read. */
  forget(tx: Tx, turnId: string): Promise<void>;
  /** Keeps what the calls of a step came to so far, and records the last of them where it was none that can be made. */
  answered(turn: JournalTurn, number: number, step: Pick<KeptStep, 'calls' | 'answers'>): Promise<void>;
}

export interface JournalTurn {
  id: string;
  sessionId: string;
}

const LONGEST_NAME_CHARS = 100; // of a tool that is none
const NOTHING: TurnUsage = { steps: 0, input_tokens: 0, output_tokens: 0, cost_micros: 0 };

export interface JournalParts extends RecordParts {
  store: Store;
}

export class LedgerJournal implements Journal {
  readonly #parts: JournalParts;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  async open(turnId: string): Promise<KeptTurn> {
    const { db } = this.#parts.store;
    const turn = await db
      .selectFrom('turns')
      .innerJoin('sessions', 'sessions.id', 'turns.session_id')
      .select(['turns.usage', 'sessions.cost_micros'])
      .where('turns.id', '=', turnId)
      .executeTakeFirst();
    const rows = await db
      .selectFrom('model_steps')
      .select(['said', 'answers'])
      .where('turn_id', '=', turnId)
      .orderBy('number')
      .execute();
    const steps = rows.map(({ said, answers }) => ({
      ...(JSON.parse(said) as Omit<KeptStep, 'answers'>),
      answers: JSON.parse(answers) as ToolAnswer[],
    }));
    const used = { ...NOTHING, ...(JSON.parse(turn?.usage ?? '{}') as Partial<TurnUsage>) };
    return { steps, used, sessionCostMicros: turn?.cost_micros ?? 0 };
  }

  async said(
    turn: JournalTurn,
    used: TurnUsage,
    cost: number,
    kept: { number: number; step: KeptStep } | null,
  ): Promise<void> {
    await this.#parts.store.write(async (tx) => {
      await tx
        .updateTable('turns')
        .set({ usage: JSON.stringify(used) })
        .where('id', '=', turn.id)
        .execute();
      if (cost > 0)
        await tx
          .updateTable('sessions')
          .set((eb) => ({ cost_micros: eb('cost_micros', '+', cost) }))
          .where('id', '=', turn.sessionId)
          .execute();
      if (kept) await keep(tx, turn, kept.number, kept.step);
    });
  }

  async forget(tx: Tx, turnId: string): Promise<void> {
    await tx.deleteFrom('model_steps').where('turn_id', '=', turnId).execute();
  }

  async answered(
    turn: JournalTurn,
    number: number,
    { calls, answers }: Pick<KeptStep, 'calls' | 'answers'>,
  ): Promise<void> {
    const last = calls[answers.length - 1];
    await this.#parts.store.write(async (tx) => {
      await tx
        .updateTable('model_steps')
        .set({ answers: JSON.stringify(answers) })
        .where('turn_id', '=', turn.id)
        .where('number', '=', number)
        .execute();
      // The others are recorded where they are made.
      if (!last || last.problem === null) return;
      const data = {
        call: last.tool.slice(0, LONGEST_NAME_CHARS),
        code: 'invalid_call',
        reason: last.problem,
      };
      await record(this.#parts, tx, { sessionId: turn.sessionId, turnId: turn.id, kind: 'refused', data });
    });
  }
}

async function keep(
  tx: Tx,
  turn: JournalTurn,
  number: number,
  { answers, ...step }: KeptStep,
): Promise<void> {
  const row = await tx
    .insertInto('model_steps')
    .values({ turn_id: turn.id, number, said: JSON.stringify(step), answers: JSON.stringify(answers) })
    .onConflict((conflict) => conflict.columns(['turn_id', 'number']).doNothing())
    .returning('number')
    .executeTakeFirst();
  if (!row) throw new PosternError('lease_lost', `The turn ${turn.id} was taken over by another worker.`);
}
