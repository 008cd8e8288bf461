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

const ACCEPTED = 202;
const GONE = 410;

export interface WebhookOptions {
  url: string;
  /** `whsec_…`, the one that signs first in front. Read at every turn so that they can be changed without a restart. */
  secrets: () => readonly string[];
  allowPrivate: boolean;
  /** For the answer; never longer than the turn. */
  timeoutMs: number;
  now: () => number;
  /** Knows which endpoints are gone. */
  endpoints: EndpointStates;
  /** Resolves names; the system's resolver where absent. */
  lookup?: Lookup;
}

export interface EndpointStates {
  /** Why it is asked no more; null while it is. */
  whyDisabled(url: string): Promise<string | null>;
  disable(url: string, about: Disabling): Promise<void>;
}

export interface Disabling {
  /** Whose turn was told that it is gone. */
  agent: string;
  turnId: string;
  reason: string;
}

export function webhookRunner(options: WebhookOptions): Runner {
  return { wantsFiles: false, run: (event, context) => deliver(options, event, context) };
}

async function deliver(
  options: WebhookOptions,
  event: SessionEvent,
  context: RunContext,
): Promise<RunResult> {
  const why = await options.endpoints.whyDisabled(options.url);
  if (why !== null) throw disabled(why);
  const response = await postEvent(options, context.turnId, JSON.stringify(event), {
    timeoutMs: Math.min(options.timeoutMs, context.limitMs),
    signal: context.signal,
  }).catch((error: unknown) => {
    if (error instanceof PosternError && error.retry === 'later' && error.code !== 'stopping')
      throw again(error.code, error.message, context.attempt, 0);
    throw error;
  });
  if (response.status === GONE) {
    const reason = `${new URL(options.url).origin} answered with status ${GONE}.`;
    await options.endpoints.disable(options.url, {
      agent: event.data.session.agent,
      turnId: context.turnId,
      reason,
    });
    throw disabled(reason);
  }
  const answer = answerOf(response, options, context.attempt);
  const works = response.status === ACCEPTED && answer === null;
  return { answer: answer ?? { actions: [] }, log: null, ...(works ? { worksOn: true } : {}) };
}

/**
 * POSTs what is signed at this moment.
 * @param id the same for every attempt
 * @throws PosternError as `ask` does, and `webhook_secret_invalid`
 */
export async function postEvent(
  { url, secrets, allowPrivate, now, lookup }: Omit<WebhookOptions, 'endpoints' | 'timeoutMs'>,
  id: string,
  body: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<EgressResponse> {
  const webhook = { id, at: now() };
  return ask({
    url,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'Postern',
      ...eventHeaders(webhook),
    },
    ownHeaders: await signatureHeader(secrets(), webhook, body),
    body,
    ownBody: true, // the session's token is in it
    allowPrivate,
    lookup,
    timeoutMs,
    signal,
  });
}

/** 2xx: handled, with an answer or (null) without. 408, 429 and 5xx: again later. Any other: handled, and refused. */
function answerOf(
  response: EgressResponse,
  options: Pick<WebhookOptions, 'url' | 'now'>,
  attempt: number,
): AgentAnswer | null {
  const { status, headers, body } = response;
  if (status >= 200 && status < 300) return saysAnswer(response) ? readAnswer(body) : null;
  const message = `${new URL(options.url).origin} answered with status ${status}.`;
  if (isTemporary(status))
    throw again('webhook_unavailable', message, attempt, wishOf(headers['retry-after'], options.now()));
  throw new PosternError('webhook_refused', message);
}

/** Many endpoints say `ok` in plain text: that is no answer, and nothing is wrong with it. */
const saysAnswer = ({ headers, body }: EgressResponse): boolean =>
  /^[^;]*[/+]json\b/i.test(headers['content-type'] ?? '') || body.trimStart().startsWith('{');

/** A dead letter, and not a refusal: what came for it is run again once somebody has put it in use again. */
const disabled = (reason: string): PosternError =>
  new PosternError('endpoint_disabled', `The endpoint is disabled: ${reason}`, {
    hint: 'Enable it with `postern webhook enable AGENT --redrive`, once it is back.',
  });

/** @param wishMs how long the endpoint wants to be left alone */
function again(code: string, message: string, attempt: number, wishMs: number): PosternError {
  return new PosternError('webhook_unavailable', message, {
    retry: { afterMs: waitAfter(attempt, wishMs) },
    details: { cause: code },
  });
}
