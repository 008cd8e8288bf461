// What went wrong with a model, as errors that say whether another attempt can help and what a person can do.
import { PosternError } from '../../kernel/errors.ts';
import { isTemporary, waitAfter, wishOf } from '../../network/standard-webhooks.ts';

const LONGEST_QUOTE_CHARS = 300; // of a server's own words

/** What the adapter knows of a request that a server did not answer as a model does. */
export interface ServerRefusal {
  /** Absent where there is none: the answer came, and cannot be read. */
  status: number | undefined;
  retryAfter: string | undefined;
  /** The server's words. */
  message: string;
}

export interface FailedStep {
  /** Of the model's server. */
  origin: string;
  /** Of the turn. */
  attempt: number;
  now: number;
  /** Takes the key out of what the server says. */
  scrub: (text: string) => string;
}

/** 408, 429, 5xx and Anthropic's 529: later. What it will not take as it stands waits for a person. */
export function refusedByServer(refusal: ServerRefusal, step: FailedStep): PosternError {
  const { status } = refusal;
  const says = quoted(refusal.message, step.scrub);
  if (status === undefined || (status >= 200 && status < 300)) return malformed(step.origin, says);
  const message = `The model's server ${step.origin} answered with status ${status}${says}.`;
  if (isTemporary(status)) return unavailable(message, step, wishOf(refusal.retryAfter, step.now));
  if (status === 401 || status === 403)
    return new PosternError('model_denied', message, {
      hint: 'Look at the api_key_ref of the agent and at what its key may use; then retry the session.',
    });
  return new PosternError('model_rejected', message, {
    hint: 'Look at the url, the name and the limits of the model in the rules; then retry the session.',
  });
}

/** No connection, no answer in time: as of `ask`. Other errors stay as they are. */
export function unreachable(error: unknown, step: FailedStep): unknown {
  if (!(error instanceof PosternError) || error.code === 'stopping') return error;
  if (error.retry === 'never' && error.code !== 'answer_invalid') return error;
  if (error.code === 'answer_invalid') return new PosternError('model_malformed', error.message);
  return unavailable(error.message, step, 0);
}

const unavailable = (message: string, { attempt }: FailedStep, wishMs: number): PosternError =>
  new PosternError('model_unavailable', message, { retry: { afterMs: waitAfter(attempt, wishMs) } });

/** A server between, or a model that ran out of memory, mends itself more often than not. */
const malformed = (origin: string, says: string): PosternError =>
  new PosternError('model_malformed', `What ${origin} answered is no answer of a model${says}.`, {
    retry: 'later',
    hint: 'Look whether the url and the provider of the model go together.',
  });

/** @param says what is known of the way in which it is broken */
export const malformedAnswer = (origin: string, says: string): PosternError => malformed(origin, `: ${says}`);

function quoted(message: string, scrub: (text: string) => string): string {
  const text = scrub(message)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  if (text === '') return '';
  return `: ${text.length > LONGEST_QUOTE_CHARS ? `${text.slice(0, LONGEST_QUOTE_CHARS)}…` : text}`;
}
