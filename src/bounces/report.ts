// What a mail that came back says: which recipients it is about, and what became of the mail for each of them. Pure, over
// what the parser made of the mail; everything in it was written by somebody who may lie, and proves nothing by itself.

import type { MailHeaders } from '../contracts/mail.ts';
import type { BounceKind, ReportType } from '../contracts/suppression.ts';
import { headerOf, headerValues } from '../mail/headers.ts';
import { addressIn, afterType, type Fields, fieldGroups } from './delivery-status.ts';
import { answerIn, type Notice, readNotice } from './notice-text.ts';
import { type Cause, causeOf, type Said, statusIn } from './reasons.ts';
import { addressesIn, messageIdsIn, type Returned, returnedMail } from './returned.ts';

/** A mail as the parser reads it. */
export interface ReportMail {
  headers: MailHeaders;
  from: string | null;
  to: readonly string[];
  subject: string;
  text: string;
  parts: readonly { type: string; content: Uint8Array }[];
}

export interface ReportedRecipient {
  /** Null where none is named: only a mail to a single recipient tells which. */
  address: string | null;
  /** By which it was known before it was forwarded or expanded. */
  original: string | null;
  type: ReportType;
  kind: BounceKind;
  status: string | null;
  reason: string;
  diagnostic: string | null;
  remoteMta: string | null;
}

export interface Report {
  recipients: ReportedRecipient[];
  /** The ENVID that the mail left with (RFC 3461), where it says. */
  envelopeId: string | null;
  /** Those that may be the mail's. */
  messageIds: string[];
}

const STATUS_PARTS = new Set(['message/delivery-status', 'message/global-delivery-status']);
const RETURNED_PARTS = new Set([
  'message/rfc822',
  'text/rfc822-headers',
  'message/global',
  'message/global-headers',
  'text/rfc822-header',
]);
const DISPOSITION_PARTS = new Set([
  'message/disposition-notification',
  'message/global-disposition-notification',
]);
const LONGEST_DIAGNOSTIC_CHARS = 500; // of each recipient: all of them are looked through for a hundred phrases
const MOST_RECIPIENTS = 500;

const DAEMON =
  /^(?:mailer|mail|mdaemon|mailbox|mta)[-_.]?daemon|^mdaemon$|^post-?master|^mail[-_.]?(?:delivery|router|system)|^microsoftexchange[\da-f]{32}$|^(?:bounces?|ndr|mailadm(?:in)?)$/i;
const NOBODY =
  /^(?:mailer-daemon|mail-daemon|postmaster|abuse|support|help(?:desk)?|no-?reply|admin(?:istrator)?|info-mail|bounces?)@|@(?:\d{1,3}\.){3}\d{1,3}$/i;

/** Null where it is no report: an answer of a machine, a question whether one is human, a mail of a person. */
export function readReport(mail: ReportMail): Report | null {
  const returned = mail.parts
    .filter(({ type }) => RETURNED_PARTS.has(type))
    .map(({ content }) => returnedMail(content));
  const found =
    feedback(mail, returned) ?? disposition(mail) ?? deliveryStatus(mail) ?? notice(mail, returned);
  if (!found) return null;
  const written = ['in-reply-to', 'references'].flatMap((name) => headerValues(mail.headers, name)).join(' ');
  const ids = [
    ...(found.messageIds ?? []),
    ...returned.flatMap(({ messageId }) => messageId ?? []),
    ...messageIdsIn(written),
    ...messageIdsIn(mail.text),
  ];
  return {
    recipients: found.recipients.slice(0, MOST_RECIPIENTS),
    envelopeId: found.envelopeId ?? null,
    messageIds: [...new Set(ids)],
  };
}

type Found = Pick<Report, 'recipients'> & { envelopeId?: string | null; messageIds?: string[] };

/** RFC 5965. What the recipient's provider was told of it: spam, or that it is none. */
function feedback(mail: ReportMail, returned: readonly Returned[]): Found | null {
  const part = mail.parts.find(({ type }) => type === 'message/feedback-report');
  if (!part) return null;
  const [fields] = fieldGroups(part.content);
  const said = (fields?.get('feedback-type') ?? 'abuse').toLowerCase().trim();
  const named = [fields?.get('original-rcpt-to'), fields?.get('removal-recipient')].flatMap(
    (value) => addressIn(value) ?? [],
  );
  const to = named.length > 0 ? named : [...new Set(returned.flatMap((one) => one.to))];
  const isComplaint = said !== 'not-spam';
  const reason = isComplaint ? `a complaint (${said.slice(0, 40)})` : 'it was said to be no spam';
  const recipients = (to.length > 0 ? to : [null]).map((address) => ({
    ...plain(address, isComplaint ? 'complaint' : 'receipt', reason),
    remoteMta: afterType(fields?.get('reporting-mta')),
  }));
  return { recipients, envelopeId: fields?.get('original-envelope-id') ?? null };
}

/** RFC 8098. */
function disposition(mail: ReportMail): Found | null {
  const part = mail.parts.find(({ type }) => DISPOSITION_PARTS.has(type));
  if (!part) return null;
  const [fields] = fieldGroups(part.content);
  const said = (fields?.get('disposition') ?? '').split(';')[1]?.trim().slice(0, 40) ?? 'unknown';
  const address = addressIn(fields?.get('original-recipient')) ?? addressIn(fields?.get('final-recipient'));
  const id = /<[^<>\s]{1,500}>/.exec(fields?.get('original-message-id') ?? '')?.[0];
  return {
    recipients: [plain(address, 'receipt', `its program says: ${said}`)],
    messageIds: id === undefined ? [] : [id],
  };
}

/** RFC 3464. */
function deliveryStatus(mail: ReportMail): Found | null {
  const parts = mail.parts.filter(({ type }) => STATUS_PARTS.has(type));
  if (parts.length === 0) return null;
  const words = noticeOf(mail);
  const groups = parts.flatMap(({ content }) => fieldGroups(content));
  const known: Causes = new Map();
  const recipients = groups
    .filter(isOfRecipient)
    .slice(0, MOST_RECIPIENTS)
    .map((fields) => recipientOf(fields, words, known));
  if (recipients.length === 0) {
    const { pieces, isFailure, isDelay } = words;
    if (!isFailure && !isDelay) return null;
    return { recipients: inWords(mail, words, [...pieces.keys()]), envelopeId: envelopeIdOf(groups) };
  }
  return { recipients, envelopeId: envelopeIdOf(groups) };
}

const isOfRecipient = (fields: Fields): boolean =>
  fields.has('final-recipient') || fields.has('original-recipient') || fields.has('action');

function envelopeIdOf(groups: readonly Fields[]): string | null {
  for (const fields of groups) {
    const id = fields.get('original-envelope-id');
    if (id !== undefined) return id.trim().slice(0, 200);
  }
  return null;
}

/** What was found in a text: the notice is the same for all recipients. */
type Causes = Map<string, Cause>;

function recipientOf(fields: Fields, words: Notice, known: Causes): ReportedRecipient {
  const final = addressIn(fields.get('final-recipient'));
  const original = addressIn(fields.get('original-recipient'));
  const address = final ?? original;
  const action =
    (fields.get('action') ?? '')
      .toLowerCase()
      .trim()
      .split(/[\s(;]/)[0] ?? '';
  const diagnostic = afterType(fields.get('diagnostic-code'))?.slice(0, LONGEST_DIAGNOSTIC_CHARS) ?? null;
  const remoteMta = afterType(fields.get('remote-mta'));
  const written = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(fields.get('status') ?? '')?.[0] ?? null;
  const base = {
    address,
    original,
    status: written,
    diagnostic,
    remoteMta,
  };
  const isSuccess = /^2\./.test(fields.get('status') ?? '');
  if (/^(?:delivered|relayed|expanded)$/.test(action) || (action === '' && isSuccess))
    return {
      ...base,
      type: 'delivered',
      kind: 'unknown',
      reason: `the server says: ${action || 'delivered'}`,
    };
  const said = words.pieces.get(address ?? '') ?? words.words;
  const status = exactStatus(written, diagnostic) ?? statusIn(answerIn(said) ?? '');
  const cause = clearest(
    status,
    [diagnostic, answerIn(said), fields.get('x-display-name') === undefined ? said : null],
    known,
  );
  const type =
    action === 'delayed' || (action === '' && words.isDelay && !isFinal(status)) ? 'delay' : 'bounce';
  return { ...base, status, type, ...cause };
}

const isFinal = (status: string | null): boolean => status?.startsWith('5.') === true;

/** Many servers write 5.0.0 where the answer that they quote says more. */
function exactStatus(written: string | null, diagnostic: string | null): string | null {
  const quoted = statusIn(diagnostic ?? '');
  if (written === null || /^[45]\.0\.0$/.test(written)) return quoted ?? written;
  return written;
}

/** The first of the texts that tells why; what the status says where none does. */
function clearest(
  status: string | null,
  texts: readonly (string | null)[],
  known: Causes = new Map(),
): Cause {
  const cached = (said: Said): Cause => {
    const key = `${said.status} ${said.words}`;
    const cause = known.get(key) ?? causeOf(said);
    known.set(key, cause);
    return cause;
  };
  for (const words of texts) {
    if (words && cached({ status: null, words }).kind !== 'unknown') return cached({ status, words });
  }
  return causeOf({ status, words: '' });
}

/** In words alone. @returns null where nothing failed, or where it was not a mail server that says so */
function notice(mail: ReportMail, returned: readonly Returned[]): Found | null {
  const words = noticeOf(mail);
  const failed = headerValues(mail.headers, 'x-failed-recipients')
    .flatMap((value) => addressesIn(value))
    .slice(0, MOST_RECIPIENTS);
  const local = mail.from?.split('@', 1)[0] ?? '';
  const isNull = /^<\s*>|^<#@\[\]>/.test(headerOf(mail.headers, 'return-path') ?? '');
  const isServer =
    failed.length > 0 ||
    DAEMON.test(local) ||
    headerOf(mail.headers, 'x-ms-exchange-message-is-ndr') !== undefined;
  const answer = answerIn(words.words);
  if (words.isChallenge && answer === null) return null;
  if (!words.isFailure && !words.isDelay && failed.length === 0) return null;
  if (!isServer && !(isNull && answer !== null)) return null;
  const named = failed.length > 0 ? failed : [...words.pieces.keys()];
  const to = named.length > 0 ? named : [...new Set(returned.flatMap((one) => one.to))];
  return { recipients: inWords(mail, words, to) };
}

function inWords(mail: ReportMail, words: Notice, to: readonly string[]): ReportedRecipient[] {
  const lower = new Map([...words.pieces].map(([address, said]) => [address.toLowerCase(), said]));
  const type = words.isDelay ? 'delay' : 'bounce';
  const known = new Map<string, Omit<ReportedRecipient, 'address'>>(); // many may share what is said of them
  const told = (said: string): Omit<ReportedRecipient, 'address'> => {
    const answer = answerIn(said) ?? (to.length > 1 ? null : answerIn(words.words));
    const status = statusIn(answer ?? '') ?? statusIn(said);
    const cause = clearest(status, [answer, said, to.length > 1 ? null : words.words, mail.subject]);
    return { original: null, type, status, ...cause, diagnostic: answer, remoteMta: null };
  };
  return (to.length > 0 ? to : [null]).map((address) => {
    const said = lower.get(address?.toLowerCase() ?? '') ?? words.words;
    const about = known.get(said) ?? told(said);
    known.set(said, about);
    return { address, ...about };
  });
}

function noticeOf(mail: ReportMail): Notice {
  const others = new Set([...mail.to, mail.from ?? ''].map((address) => address.toLowerCase()));
  return readNotice(
    mail.subject,
    mail.text,
    (address) => others.has(address.toLowerCase()) || NOBODY.test(address),
  );
}

const plain = (address: string | null, type: ReportType, reason: string): ReportedRecipient => ({
  ...{
    address,
    original: null,
    type,
    kind: 'unknown',
    status: null,
    reason,
    diagnostic: null,
    remoteMta: null,
  },
});
