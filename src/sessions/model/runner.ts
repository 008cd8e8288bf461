// Agents that are language models: asked step by step, given what their calls of tools came to, until they have nothing more
// to call or a limit ends them. Whatever leaves, leaves through tools, and so through policy.
import type { ModelRun } from '../../contracts/model-run.ts';
import type { AgentAnswer, SessionEvent } from '../../contracts/session.ts';
import { codeOf, PosternError } from '../../kernel/errors.ts';
import type { RunContext, Runner } from '../runner.ts';
import { withLog } from '../turn-end.ts';
import type { AskModel, StepRequest, ToolAnswer, ToolCall } from './chat.ts';
import { TurnDeadline } from './deadline.ts';
import type { Journal, JournalTurn, KeptStep, KeptTurn } from './journal.ts';
import { CallLimits, endingOf, tooDear, usedUp } from './limits.ts';
import { eventForModel, instructionsFor } from './prompt.ts';
import { errorForModel, resultForModel, type SessionTool, type ToolBox } from './tools.ts';
import { costMicros, type ModelCounts, usageOf } from './usage.ts';

const LONGEST_LOG_CHARS = 65_536; // as of a program's stderr
const LONGEST_SUMMARY_CHARS = 10_000; // as of the action `done`

export interface ModelRunnerParts {
  journal: Journal;
  tools: ToolBox;
  counts: ModelCounts;
  /** The steps of one attempt of a turn. */
  ask: (attempt: number) => AskModel;
  /** Of the whole session, in the currency of the price. */
  mostCost?: number | undefined;
}

export function modelRunner(parts: ModelRunnerParts, model: ModelRun): Runner {
  return {
    wantsFiles: false,
    run: async (event, context) => {
      const deadline = new TurnDeadline(context.limitMs, context.signal);
      const turn = new ModelTurn(parts, model, event, context, deadline);
      try {
        const answer = await turn.run();
        return { answer, log: turn.log(), kept: (tx) => parts.journal.forget(tx, context.turnId) };
      } catch (error) {
        const why = deadline.reason(error);
        if (codeOf(why) !== 'stopping') parts.counts.failure(event.data.session.agent, codeOf(why));
        const log = turn.log();
        throw log !== null && why instanceof PosternError ? withLog(why, log) : why;
      } finally {
        deadline.clear();
      }
    },
  };
}

class ModelTurn {
  readonly #parts: ModelRunnerParts;
  readonly #model: ModelRun;
  readonly #event: SessionEvent;
  readonly #context: RunContext;
  readonly #deadline: TurnDeadline;
  readonly #limits = new CallLimits();
  readonly #steps: KeptStep[] = [];
  #offered: readonly SessionTool[] = [];
  #calls = 0;

  constructor(
    parts: ModelRunnerParts,
    model: ModelRun,
    event: SessionEvent,
    context: RunContext,
    deadline: TurnDeadline,
  ) {
    this.#parts = parts;
    this.#model = model;
    this.#event = event;
    this.#context = context;
    this.#deadline = deadline;
  }

  /** What it said beside its calls, for people. */
  log(): string | null {
    const words = this.#steps.flatMap(({ text, calls }, i) =>
      calls.length > 0 && text.trim() !== '' ? [`${i + 1}: ${text.trim()}`] : [],
    );
    return words.length === 0 ? null : words.join('\n').slice(-LONGEST_LOG_CHARS);
  }

  async run(): Promise<AgentAnswer> {
    const { journal, tools, ask } = this.#parts;
    this.#offered = await tools.list(this.#event.data.session.token);
    const kept = await journal.open(this.#context.turnId);
    for (const step of kept.steps) {
      this.#steps.push(step);
      const answer = await this.#carryOut(step);
      if (answer) return answer;
    }
    const asking = ask(this.#context.attempt);
    for (;;) {
      const answer = await this.#carryOut(await this.#next(asking, kept));
      if (answer) return answer;
    }
  }

  /** Asks for a step, and keeps it before anything of it is done. */
  async #next(ask: AskModel, kept: KeptTurn): Promise<KeptStep> {
    const { used } = kept;
    const none = usedUp(this.#model, used) ?? tooDear(this.#parts.mostCost, kept.sessionCostMicros);
    if (none) throw none;
    const request = this.#request();
    const said = await this.#deadline.within(ask(request));
    const usage = usageOf(said, request);
    const cost = costMicros(this.#model, usage);
    used.steps++;
    used.input_tokens += usage.input;
    used.output_tokens += usage.output;
    used.cost_micros += cost;
    kept.sessionCostMicros += cost;
    this.#parts.counts.step(this.#event.data.session.agent, usage, cost);
    const step: KeptStep = { said: said.said, text: said.text, calls: said.calls, answers: [], usage };
    const end = endingOf(said, this.#model, used);
    // A step that ends the turn is paid for, and not gone on from: another attempt asks for it anew.
    const toKeep = end ? null : { number: this.#steps.length, step };
    await this.#parts.journal.said(this.#turn, used, cost, toKeep);
    if (end) throw end;
    this.#steps.push(step);
    return step;
  }

  get #turn(): JournalTurn {
    return { id: this.#context.turnId, sessionId: this.#event.data.session.id };
  }

  #request(): StepRequest {
    const { instructions } = this.#model;
    if (typeof instructions !== 'string') throw new Error('the rules in force hold the text of instructions');
    return {
      instructions: instructionsFor(instructions),
      event: eventForModel(this.#event),
      before: this.#steps,
      tools: this.#offered,
      timeoutMs: this.#deadline.leftMs(),
      signal: this.#deadline.signal,
    };
  }

  /** Makes the calls of a step that were not answered before. The end of the turn, where this is it. */
  async #carryOut(step: KeptStep): Promise<AgentAnswer | null> {
    if (step.calls.length === 0) return said(step.text);
    const number = this.#steps.length - 1;
    const first = this.#calls;
    this.#calls += step.calls.length;
    for (const [i, call] of step.calls.entries()) {
      if (i < step.answers.length) continue;
      step.answers.push(await this.#answer(call, first + i));
      await this.#parts.journal.answered(this.#turn, number, step);
    }
    return step.answers.some(({ ok, tool }) => ok && this.#ends(tool)) ? { actions: [] } : null;
  }

  #ends(tool: string): boolean {
    return this.#offered.some(({ name, ends }) => ends && name === tool);
  }

  /** @throws PosternError where the turn cannot go on: it stops, its token is dead, or it calls in circles */
  async #answer(call: ToolCall, index: number): Promise<ToolAnswer> {
    const { id, tool, input } = call;
    const refused = (error: PosternError): ToolAnswer => ({
      id,
      tool,
      ok: false,
      output: errorForModel(error),
    });
    if (call.problem !== null) {
      this.#limits.bad(call);
      return refused(new PosternError('invalid_call', call.problem));
    }
    this.#limits.called(call);
    const { token } = this.#event.data.session;
    const { signal } = this.#deadline;
    try {
      const result = await this.#deadline.within(
        this.#parts.tools.call(token, { tool, input, index, signal }),
      );
      return { id, tool, ok: true, output: resultForModel(result) };
    } catch (error) {
      if (!(error instanceof PosternError) || signal.aborted || ENDING.has(error.code)) throw error;
      if (error.code === 'invalid_input') this.#limits.bad(call);
      return refused(error);
    }
  }
}

/** Nothing that a model could answer to. */
const ENDING = new Set(['stopping', 'unauthorized', 'session_over', 'lease_lost']);

/** What a model says at its end is for people: the session's summary. */
function said(text: string): AgentAnswer {
  const summary = text.trim().slice(0, LONGEST_SUMMARY_CHARS);
  return { actions: summary === '' ? [] : [{ type: 'done', summary }] };
}
