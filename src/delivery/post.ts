// One attempt of a delivery: its body is put together, signed and POSTed, and the answer says what becomes of it.
import type { ImapConnection } from '../imap/connection.ts';
import type { Place } from '../imap/operations.ts';
import { durationMs } from '../kernel/duration.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Lookup } from '../network/public-address.ts';
import { ask, type EgressResponse } from '../network/request.ts';
import { secretHeaders, signingSecrets } from '../network/secret-headers.ts';
import {
  eventHeaders,
  isTemporary,
  signatureHeader,
  waitAfter,
  wishOf,
} from '../network/standard-webhooks.ts';
import type { Artifacts } from '../objects/artifacts.ts';
import { octetsOf } from '../rules/quantity.ts';
import { atAnyPlace, type TextParts } from '../watch/text.ts';
import { writeEvent } from './event-body.ts';
import { writeRaw } from './raw-body.ts';
import { Spool } from './spool.ts';
import type { Subject } from './subject.ts';

const SHORTEST_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 300_000; // a receiver that thinks for longer should take the mail and think afterwards
const LARGEST_LIMIT_BYTES = 128 * 1024 * 1024;
/** Of a body: what a receiver is sent at most, whatever a mail claims to hold. */
const LARGEST_BODY_BYTES = 256 * 1024 * 1024;
/** Mail that is nowhere to be found is sought until this attempt, some 35 minutes: it may be on its way to another mailbox. */
const ATTEMPTS_TO_FIND = 4;
/** Failures of reading that no further attempt mends. */
const FINAL = new Set(['mail_too_large', 'mail_too_complex', 'not_found']);

export interface PostParts extends TextParts {
  artifacts: Pick<Artifacts, 'stage' | 'keep' | 'find'>;
  /** Where large bodies are put together. */
  folder: string;
  resolveSecret: (reference: string) => string;
  clock: { now(): number };
  /** Resolves names; the system's resolver where absent. */
  lookup?: Lookup | undefined;
}

export interface Attempt {
  /** 1 is the first since it was put in, or run again. */
  number: number;
  signal: AbortSignal;
}

export interface Handled {
  outcome: 'delivered' | 'refused';
  status: number;
}

/**
 * @returns what the receiver did with it: 2xx took it, 4xx refused it for good
 * @throws PosternError `post_unavailable` with the time of the next attempt and, in its details, the `status`
 */
export async function post(parts: PostParts, subject: Subject, attempt: Attempt): Promise<Handled> {
  const { destination, delivery } = subject;
  const own = secretHeaders(destination.headers, parts.resolveSecret); // before any work: a secret that is missing stays missing
  const secrets = signingSecrets(destination.secret_ref, parts.resolveSecret);
  const spool = new Spool(parts.folder);
  try {
    const about = await readInto(spool, parts, subject, attempt);
    const event = { id: delivery.id, at: parts.clock.now() };
    const signed = secrets === null ? {} : await signatureHeader(secrets, event, spool.open());
    const response = await ask({
      url: destination.url,
      headers: { ...about, 'user-agent': 'Postern', ...eventHeaders(event) },
      ownHeaders: { ...own, ...signed },
      body: { bytes: spool.bytes, open: () => spool.open() },
      statusOnly: true,
      allowPrivate: destination.allow_private,
      lookup: parts.lookup,
      timeoutMs: Math.min(Math.max(durationMs(destination.timeout), SHORTEST_TIMEOUT_MS), LONGEST_TIMEOUT_MS),
      signal: attempt.signal,
    }).catch((error: unknown) => {
      throw bySchedule(error, attempt);
    });
    return handled(response, parts.clock.now(), destination.url, attempt);
  } finally {
    await spool.close();
  }
}

/** Puts the body together at one of the message's places. The connection is free again before anything is sent. */
async function readInto(
  spool: Spool,
  parts: PostParts,
  subject: Subject,
  attempt: Attempt,
): Promise<Record<string, string>> {
  const { destination, message } = subject;
  const limit = Math.min(octetsOf(destination.max_body_size), LARGEST_LIMIT_BYTES);
  const write = async (connection: ImapConnection, place: Place): Promise<Record<string, string>> => {
    await spool.truncate(0); // of a place where it was no more
    return destination.format === 'raw'
      ? writeRaw(spool, connection, place, subject, limit, attempt.signal)
      : writeJson(spool, parts, connection, place, subject, limit, attempt.signal);
  };
  try {
    return await atAnyPlace(parts, message, write);
  } catch (error) {
    if (FINAL.has(codeOf(error))) throw error;
    if (codeOf(error) === 'message_gone' && attempt.number >= ATTEMPTS_TO_FIND) throw final(error);
    throw bySchedule(error, attempt, true);
  }
}

/** @returns the request headers that belong to the body */
async function writeJson(
  spool: Spool,
  { artifacts }: PostParts,
  connection: ImapConnection,
  place: Place,
  { delivery, destination, account, message }: Subject,
  limit: number,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const { id, settings } = account;
  const retentionDays = destination.attachment_retention_days ?? null;
  await writeEvent(
    spool,
    artifacts,
    connection,
    place,
    {
      eventId: delivery.id,
      account: { id, label: settings.label, address: settings.address },
      hostname: settings.imap.host,
      tags: destination.tags,
      arrivedAt: message.arrivedAt,
      about: { rule: delivery.rule, destination: delivery.destination },
      message,
    },
    {
      limit,
      withContents: destination.include_attachments || retentionDays !== null,
      retentionDays,
      journal: destination.journal,
      largestReadBytes: settings.max_message_bytes,
      largestEventBytes: LARGEST_BODY_BYTES,
      signal,
    },
  );
  return { 'content-type': 'application/json' };
}

const final = (error: unknown): PosternError =>
  new PosternError(codeOf(error), (error as Error).message, { cause: error });

function handled({ status, headers }: EgressResponse, now: number, url: string, attempt: Attempt): Handled {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status };
  if (status >= 400 && status < 500 && !isTemporary(status)) return { outcome: 'refused', status };
  // Nobody handled it either where the answer is a redirect without an address.
  throw new PosternError('post_unavailable', `${new URL(url).origin} answered with status ${status}.`, {
    retry: { afterMs: waitAfter(attempt.number, wishOf(headers['retry-after'], now)) },
    details: { status },
  });
}

/**
 * A failure that may pass waits as the schedule says.
 * @param always also one that its own room would not try again: a mailbox whose password is wrong today
 */
function bySchedule(error: unknown, attempt: Attempt, always = false): unknown {
  if (!(error instanceof PosternError) || codeOf(error) === 'stopping' || attempt.signal.aborted)
    return error;
  if (error.retry === 'never' && !always) return error;
  return new PosternError(error.code, error.message, {
    retry: { afterMs: waitAfter(attempt.number) },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: error.details,
    cause: error,
  });
}
