// Where a model's turn ends although the model does not: steps, tokens, calls in circles, calls that make no sense, and
// answers that are none.
import type { ModelRun } from '../../contracts/model-run.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { ModelStep, ToolCall } from './chat.ts';
import { malformedAnswer } from './failures.ts';
import type { TurnUsage } from './journal.ts';

const MOST_CALLS_A_STEP = 32;
const MOST_BAD_CALLS = 8; // in an attempt: who has not found the form by then does not find it
const MOST_SAME_CALLS = 4; // of one tool with one input; the next one ends the turn
const LONGEST_QUOTE_CHARS = 300;

/** Why no further step is asked for; null where there is room. */
export function usedUp(
  model: Pick<ModelRun, 'max_steps' | 'max_tokens'>,
  used: TurnUsage,
): PosternError | null {
  const tokens = used.input_tokens + used.output_tokens;
  if (tokens >= model.max_tokens)
    return new PosternError(
      'model_tokens',
      `The model used ${tokens} tokens; a turn may use ${model.max_tokens}.`,
      { hint: 'Raise max_tokens of the model, or ask less of it; then retry the session.' },
    );
  return used.steps >= model.max_steps ? tooManySteps(model.max_steps) : null;
}

/** Between turns `sessions/limits.ts` looks; a turn of a model may spend much by itself. */
export function tooDear(most: number | undefined, costMicros: number): PosternError | null {
  const cost = costMicros / 1_000_000;
  if (most === undefined || cost < most) return null;
  return new PosternError('session_cost', `The session has cost ${cost.toFixed(2)}, and may cost ${most}.`);
}

const tooManySteps = (most: number): PosternError =>
  new PosternError('model_steps', `The model did not come to an end in ${most} steps.`, {
    hint: 'Raise max_steps of the model, or look into its record for what it tried; then retry the session.',
  });

/** Why a turn ends with a step that is no end; null where it goes on. Nothing of such a step is carried out. */
export function endingOf(
  { end, text, calls }: ModelStep,
  model: Pick<ModelRun, 'max_steps' | 'url'>,
  used: TurnUsage,
): PosternError | null {
  if (end === 'refused') return new PosternError('model_refused', `The model refuses${quoted(text)}.`);
  if (end === 'cut')
    return new PosternError('model_cut', 'What the model wrote was cut off at its limit of tokens.', {
      hint: 'Raise max_output_tokens of the model, or give it less to read.',
    });
  if (end === 'broken') return malformedAnswer(new URL(model.url).origin, 'it does not say how it ended');
  if (calls.length > MOST_CALLS_A_STEP)
    return new PosternError('model_malformed', `The model made ${calls.length} calls in one step.`);
  return calls.length > 0 && used.steps >= model.max_steps ? tooManySteps(model.max_steps) : null;
}

const quoted = (text: string): string =>
  text.trim() === ''
    ? ''
    : `: ${text
        .replace(/[\p{C}\s]+/gu, ' ')
        .trim()
        .slice(0, LONGEST_QUOTE_CHARS)}`;

/** Counts the calls of one attempt. */
export class CallLimits {
  readonly #same = new Map<string, number>();
  #bad = 0;

  /** @throws PosternError `model_loop` */
  called({ tool, input }: ToolCall): void {
    const key = JSON.stringify([tool, input]);
    const times = (this.#same.get(key) ?? 0) + 1;
    this.#same.set(key, times);
    if (times > MOST_SAME_CALLS)
      throw new PosternError('model_loop', `The model called ${tool} ${times} times with the same input.`);
  }

  /** @throws PosternError `model_malformed` */
  bad({ tool }: ToolCall): void {
    this.#bad++;
    if (this.#bad > MOST_BAD_CALLS)
      throw new PosternError(
        'model_malformed',
        `The model made ${this.#bad} calls that cannot be carried out, the last of ${tool.slice(0, 100)}.`,
      );
  }
}
