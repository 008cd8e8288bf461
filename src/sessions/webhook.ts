// Agents behind an HTTP endpoint: one signed POST a turn by the Standard Webhooks specification, the answer in the body.
import type { AgentAnswer, SessionEvent } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Lookup } from '../network/public-address.ts';
import { ask, type EgressResponse } from '../network/request.ts';
import {
  eventHeaders,
  isTemporary,
  signatureHeader,
  waitAfter,
  wishOf,
} from '../network/standard-webhooks.ts';
import { readAnswer } from './answer.ts';
import type { RunContext, Runner, RunResult } from './runner.ts';

export interface WebhookOptions {
  url: string;
  /** `whsec_…`, read at every turn so that it can be changed without a restart. */
  secret: () => string;
  allowPrivate: boolean;
  now: () => number;
  /** Resolves names; the system's resolver where absent. */
  lookup?: Lookup;
}

export function webhookRunner(options: WebhookOptions): Runner {
  return { wantsFiles: false, run: (event, context) => deliver(options, event, context) };
}

async function deliver(
  options: WebhookOptions,
  event: SessionEvent,
  context: RunContext,
): Promise<RunResult> {
  const body = JSON.stringify(event);
  const webhook = { id: context.turnId, at: options.now() };
  const response = await ask({
    url: options.url,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'Postern',
      ...eventHeaders(webhook),
    },
    ownHeaders: await signatureHeader(options.secret(), webhook, body),
    body,
    allowPrivate: options.allowPrivate,
    lookup: options.lookup,
    timeoutMs: context.limitMs,
    signal: context.signal,
  }).catch((error: unknown) => {
    if (error instanceof PosternError && error.retry === 'later' && error.code !== 'stopping')
      throw again(error.code, error.message, context.attempt, 0);
    throw error;
  });
  return { answer: answerOf(response, options, context.attempt), log: null };
}

/** 2xx: handled, with an answer or without. 408, 429 and 5xx: again later. Any other: handled, and refused. */
function answerOf(response: EgressResponse, options: WebhookOptions, attempt: number): AgentAnswer {
  const { status, headers, body } = response;
  if (status >= 200 && status < 300) return saysAnswer(response) ? readAnswer(body) : { actions: [] };
  const origin = new URL(options.url).origin;
  const message = `${origin} answered with status ${status}.`;
  if (isTemporary(status))
    throw again('webhook_unavailable', message, attempt, wishOf(headers['retry-after'], options.now()));
  throw new PosternError('webhook_refused', message);
}

/** Many endpoints say `ok` in plain text: that is no answer, and nothing is wrong with it. */
const saysAnswer = ({ headers, body }: EgressResponse): boolean =>
  /^[^;]*[/+]json\b/i.test(headers['content-type'] ?? '') || body.trimStart().startsWith('{');

/** @param wishMs how long the endpoint wants to be left alone */
function again(code: string, message: string, attempt: number, wishMs: number): PosternError {
  return new PosternError('webhook_unavailable', message, {
    retry: { afterMs: waitAfter(attempt, wishMs) },
    details: { cause: code },
  });
}
