// What a program printed, as an answer: JSON with actions, plain words, or what coding agents print at the end of a run.
import type { AgentAnswer } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import { readAnswer } from './answer.ts';

/** `actions`: `{"actions": […]}`. `text`: the words of a reply. `json-result`: the last JSON object with a `result`. */
export type OutputForm = 'actions' | 'text' | 'json-result';

const LONGEST_REPLY_CHARS = 1_000_000; // as actions have it

/** @throws PosternError `answer_invalid`, and `agent_failed` where the program says in its result that it failed */
export function answerIn(output: string, form: OutputForm): AgentAnswer {
  if (form === 'actions') return readAnswer(output);
  return replyOf(form === 'text' ? output : resultIn(output));
}

/** No words are no reply. */
function replyOf(text: string): AgentAnswer {
  const words = text.trim();
  if (words.length > LONGEST_REPLY_CHARS)
    throw new PosternError('answer_invalid', `The reply has more than ${LONGEST_REPLY_CHARS} characters.`);
  return { actions: words === '' ? [] : [{ type: 'reply', text: words }] };
}

/** One JSON value, or one a line: the last that has a result counts. */
function resultIn(output: string): string {
  const whole = jsonOf(output.trim());
  const values = whole === undefined ? output.split('\n').map(jsonOf) : [whole].flat();
  for (const value of values.reverse()) {
    if (typeof value !== 'object' || value === null) continue;
    const { result, is_error: isError } = value as { result?: unknown; is_error?: unknown };
    if (isError === true)
      throw new PosternError('agent_failed', `The agent says that it failed: ${short(result)}`);
    if (typeof result === 'string') return result;
  }
  throw new PosternError('answer_invalid', 'The agent printed no JSON object with a text as its `result`.', {
    hint: 'Let it print {"result": "…"}, or say `output: text` or `output: actions` in its rule.',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const short = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 300) : 'no reason is given';
