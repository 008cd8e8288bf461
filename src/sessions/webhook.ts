// Agents behind an HTTP endpoint: one signed POST a turn by the Standard Webhooks specification, the answer in the body.
import { Webhook } from 'standardwebhooks';
import type { AgentAnswer, SessionEvent } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Lookup } from '../network/public-address.ts';
import { ask, type EgressResponse } from '../network/request.ts';
import { readAnswer } from './answer.ts';
import type { RunContext, Runner, RunResult } from './runner.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The waits before the second and later attempts, as the specification recommends. */
const SCHEDULE_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
const LONGEST_WAIT_MS = 24 * HOUR;

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
  const at = new Date(options.now());
  const response = await ask({
    url: options.url,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'Postern',
      'webhook-id': context.turnId, // the same for every attempt, so that the other side can tell a repetition
      'webhook-timestamp': String(Math.floor(at.getTime() / SECOND)),
      'webhook-signature': signerOf(options.secret()).sign(context.turnId, at, body),
    },
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

function signerOf(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    throw new PosternError(
      'webhook_secret_invalid',
      'The secret of the webhook is not of the form whsec_ and base64.',
      { hint: 'Make one: echo whsec_$(openssl rand -base64 32)' },
    );
  }
}

/** 2xx: handled, with an answer or without. 408, 429 and 5xx: again later. Any other: handled, and refused. */
function answerOf(response: EgressResponse, options: WebhookOptions, attempt: number): AgentAnswer {
  const { status, headers, body } = response;
  if (status >= 200 && status < 300) return saysAnswer(response) ? readAnswer(body) : { actions: [] };
  const origin = new URL(options.url).origin;
  const message = `${origin} answered with status ${status}.`;
  if (status >= 500 || status === 408 || status === 429)
    throw again('webhook_unavailable', message, attempt, wishOf(headers['retry-after'], options.now()));
  throw new PosternError('webhook_refused', message);
}

/** Many endpoints say `ok` in plain text: that is no answer, and nothing is wrong with it. */
const saysAnswer = ({ headers, body }: EgressResponse): boolean =>
  /^[^;]*[/+]json\b/i.test(headers['content-type'] ?? '') || body.trimStart().startsWith('{');

/** @param wishMs how long the endpoint wants to be left alone */
function again(code: string, message: string, attempt: number, wishMs: number): PosternError {
  const scheduled = SCHEDULE_MS[Math.min(attempt, SCHEDULE_MS.length) - 1] ?? LONGEST_WAIT_MS;
  const jittered = Math.round(scheduled * (0.9 + Math.random() * 0.2));
  return new PosternError('webhook_unavailable', message, {
    retry: { afterMs: Math.max(jittered, wishMs) },
    details: { cause: code },
  });
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), at most a day. */
function wishOf(retryAfter: string | undefined, now: number): number {
  if (retryAfter === undefined) return 0;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * SECOND : Date.parse(retryAfter) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
