// Events over HTTP by the Standard Webhooks specification (standardwebhooks.com): how they are signed, what an answer
// means, and when they are sent again. The one door of its library.
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { PosternError } from '../kernel/errors.ts';

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
const FEWEST_KEY_BYTES = 24; // so says the specification
const MOST_KEY_BYTES = 64;
/** As many as the schedule has steps. */
export const WEBHOOK_ATTEMPTS = SCHEDULE_MS.length + 1;

export interface WebhookEvent {
  /** The same for every attempt, so that the other side can tell a repetition. */
  id: string;
  /** Of this attempt, epoch milliseconds. */
  at: number;
}

/** What says which event this is; a signature goes with it where there is a secret. */
export const eventHeaders = ({ id, at }: WebhookEvent) => ({
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(at / SECOND)),
});

/**
 * The signature over id, time and body, HMAC-SHA256; with several secrets one of each, in their order: while a secret is
 * changed for another, the other side may know either.
 * @param body whole, or piece by piece for one that is not held in memory
 * @throws PosternError `webhook_secret_invalid`, which does not show the secret
 */
export async function signatureHeader(
  secrets: string | readonly string[],
  { id, at }: WebhookEvent,
  body: string | AsyncIterable<Uint8Array>,
): Promise<{ 'webhook-signature': string }> {
  const hmacs = [secrets].flat().map((secret) => createHmac('sha256', keyOf(secret)));
  const update = (piece: string | Uint8Array): void => {
    for (const hmac of hmacs) hmac.update(piece);
  };
  update(`${id}.${Math.floor(at / SECOND)}.`);
  if (typeof body === 'string') update(body);
  else for await (const piece of body) update(piece);
  return { 'webhook-signature': hmacs.map((hmac) => `v1,${hmac.digest('base64')}`).join(' ') };
}

function keyOf(secret: string): Buffer {
  const invalid = (what: string): PosternError =>
    new PosternError('webhook_secret_invalid', `The secret of the webhook ${what}.`, {
      hint: 'Make one: echo whsec_$(openssl rand -base64 32)',
    });
  try {
    new Webhook(secret); // it decides what a secret is, and signs nothing that is not held in memory
  } catch {
    throw invalid('is not of the form whsec_ and base64');
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (key.length < FEWEST_KEY_BYTES || key.length > MOST_KEY_BYTES)
    throw invalid(`has not ${FEWEST_KEY_BYTES} to ${MOST_KEY_BYTES} bytes`);
  return key;
}

/** 408, 429 and 5xx are worth another attempt. */
export const isTemporary = (status: number): boolean => status >= 500 || status === 408 || status === 429;

/**
 * How long to wait before the next attempt: by the schedule with a tenth of jitter, and at least as long as wished.
 * @param attempt the one that failed; 1 is the first
 */
export function waitAfter(attempt: number, wishMs = 0): number {
  const scheduled = SCHEDULE_MS[Math.min(attempt, SCHEDULE_MS.length) - 1] ?? LONGEST_WAIT_MS;
  return Math.max(Math.round(scheduled * (0.9 + Math.random() * 0.2)), wishMs);
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3) as milliseconds from now, at most a day. */
export function wishOf(retryAfter: string | undefined, now: number): number {
  if (retryAfter === undefined) return 0;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * SECOND : Date.parse(retryAfter) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
