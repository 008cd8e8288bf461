// What models use: counted for each turn and session in the ledger, and for metrics since the start.
import type { ModelRun } from '../../contracts/model-run.ts';
import type { ModelStep, StepRequest, Usage } from './chat.ts';

const CHARS_PER_TOKEN = 4; // of English text and JSON; a bound is all that hangs on it

/** What a step used, by the server's count, or by the characters where it does not count. */
export function usageOf(step: ModelStep, request: StepRequest): Usage {
  if (step.usage) return step.usage;
  const { instructions, event, before, tools } = request;
  const read = instructions.length + event.length + JSON.stringify([before, tools]).length;
  return {
    input: Math.ceil(read / CHARS_PER_TOKEN),
    output: Math.ceil(JSON.stringify(step.said).length / CHARS_PER_TOKEN),
  };
}

/** In millionths of the currency of the price: so many of them does a token cost, since prices are of a million tokens. */
export const costMicros = ({ price }: Pick<ModelRun, 'price'>, { input, output }: Usage): number =>
  price ? Math.round(input * price.input + output * price.output) : 0;

export interface ModelFigures {
  agent: string;
  steps: number;
  input: number;
  output: number;
  costMicros: number;
  /** Turns that ended without an answer, by their code. */
  failures: Record<string, number>;
}

/** Since the start of this process. Agents come from rules, so there are few. */
export class ModelCounts {
  readonly #byAgent = new Map<string, ModelFigures>();

  step(agent: string, usage: Usage, cost: number): void {
    const figures = this.#of(agent);
    figures.steps++;
    figures.input += usage.input;
    figures.output += usage.output;
    figures.costMicros += cost;
  }

  failure(agent: string, code: string): void {
    const { failures } = this.#of(agent);
    failures[code] = (failures[code] ?? 0) + 1;
  }

  figures(): ModelFigures[] {
    return [...this.#byAgent.values()];
  }

  #of(agent: string): ModelFigures {
    const known = this.#byAgent.get(agent);
    if (known) return known;
    const figures = { agent, steps: 0, input: 0, output: 0, costMicros: 0, failures: {} };
    this.#byAgent.set(agent, figures);
    return figures;
  }
}
