// What a failed send means: refused for good, refused for now, or a mail of which nobody knows whether it was taken.
import { PosternError } from '../kernel/errors.ts';
import { explainNetworkError, type Where } from '../kernel/network-errors.ts';
import { isOneAnswer } from './answers.ts';

export interface Failure {
  /**
   * permanent: the server said 5xx. temporary: it did not take the mail, and may later. unknown: the content was on its
   * way and the connection ended before the server's answer.
   */
  kind: 'permanent' | 'temporary' | 'unknown';
  /** Stable: `refused`, `deferred`, `closing`, `too_many_recipients`,
   * `out_of_step`, `outcome_unknown`, or a code of the network such as `connection_lost`. */
  code: string;
  /** One line for a person; what the server said where it said something. */
  text: string;
}

/** What the server said of one recipient. */
export interface Refusal {
  address: string;
  failure: Failure;
}

/** The parts of nodemailer's errors that tell what happened. */
export interface SmtpError {
  code?: string;
  /** The command that was answered or waited for: `RCPT TO`, `DATA`, `CONN`. */
  command?: string;
  responseCode?: number;
  response?: string;
  recipient?: string;
}

/** 552 and 452 that count recipients (RFC 5321 §4.5.3.1.10), and say nothing of his mailbox or of the mail. */
const COUNTS = /^(?:452|552)(?:[ -]\d\.5\.3\b|(?![ -]\d\.\d))/;
/** 503 speaks of the order of commands, 530 of the sign-in (RFC 4954 §6): neither is about this mail. */
const NOT_OF_THE_MAIL = [503, 530];
const MAX_TEXT_CHARS = 500; // a few lines of a server's prose

/** How far a send had come when it failed. */
export type Stage = 'envelope' | 'content';

/**
 * @param stage `content` from the moment when the first byte after DATA may have left
 * @param scrub takes secrets out of what a server says
 */
export function classify(
  error: unknown,
  stage: Stage,
  where: Where,
  scrub: (text: string) => string,
): Failure {
  const failure = (error ?? {}) as SmtpError;
  const code = failure.responseCode ?? 0;
  const said = code > 0 ? oneLine(scrub(failure.response ?? '')) : '';
  // Only an answer to the end of the content settles what began: EMESSAGE is nodemailer's name for it. Whatever else
  // comes after the first byte (a drop, a timeout, an answer that is none) leaves the outcome open.
  const settles = code >= 400 && code < 600 && isOneAnswer(failure.response ?? '');
  if (stage === 'content' && !(failure.code === 'EMESSAGE' && settles)) {
    return {
      kind: 'unknown',
      code: 'outcome_unknown',
      text: `The connection ended before ${where.host} said whether it took the mail (${reason(error, where, scrub)}).`,
    };
  }
  // An answer that belongs to no command: one that came by itself, or was cut off by the end of the connection.
  if (failure.command === 'CONN' && code >= 200 && code !== 421)
    return outOfStep(where, scrub(failure.response ?? ''));
  if (code >= 500 && settles && !NOT_OF_THE_MAIL.includes(code))
    return { kind: 'permanent', code: 'refused', text: said };
  // 421: the server closes the connection (RFC 5321 §3.8), which a connection that lay idle must expect.
  if (code === 421) return { kind: 'temporary', code: 'closing', text: said };
  if (code >= 400) return { kind: 'temporary', code: 'deferred', text: said };
  if (failure.code === 'EMESSAGE' && failure.command === 'MAIL FROM') {
    // nodemailer's own comparison with the SIZE that the server announced (RFC 1870 §6.1): as good as its 552.
    return { kind: 'permanent', code: 'message_too_large', text: oneLine((error as Error).message) };
  }
  if (failure.code === 'EENVELOPE' && /^Invalid (?:sender|recipient) /.test(reason(error, where, scrub))) {
    // An address that would be more than an address on the wire. The doors let none in; it is not said to any server.
    return { kind: 'permanent', code: 'address_refused', text: oneLine((error as Error).message) };
  }
  if (error instanceof PosternError)
    return { kind: 'temporary', code: error.code, text: oneLine(error.message) };
  const network = explainNetworkError(error, where);
  return {
    kind: 'temporary',
    code: network?.code ?? (failure.code === 'ETIMEDOUT' ? 'timeout' : 'connection_lost'),
    text:
      network?.message ??
      oneLine(`The SMTP server ${where.host}:${where.port}: ${reason(error, where, scrub)}.`),
  };
}

/**
 * How it went for each recipient: those whom the server refused by name have a failure of their own.
 * @param failure of the whole attempt; null where the others were taken
 */
export function failuresOf(
  recipients: readonly string[],
  rejected: readonly SmtpError[],
  failure: Failure | null,
  where: Where,
  scrub: (text: string) => string,
): { address: string; failure: Failure | null }[] {
  const own = new Map(rejected.map((error) => [error.recipient, error]));
  const someAccepted = own.size < recipients.length;
  return recipients.map((address) => {
    const error = own.get(address);
    if (!error) return { address, failure };
    const refusal = classify(error, 'envelope', where, scrub);
    const isOneTooMany = someAccepted && COUNTS.test(error.response ?? '');
    return {
      address,
      failure: isOneTooMany ? { ...refusal, kind: 'temporary', code: 'too_many_recipients' } : refusal,
    };
  });
}

/** The server gives an answer where none, or another, belongs: from then on nobody knows what its answers are about. */
export function outOfStep({ host, port }: Where, said: string): Failure {
  const text = `The SMTP server ${host}:${port} answers out of step: ${oneLine(said)}`;
  return { kind: 'temporary', code: 'out_of_step', text };
}

function reason(error: unknown, where: Where, scrub: (text: string) => string): string {
  const network = explainNetworkError(error, where);
  if (network) return network.code.replaceAll('_', ' ');
  return oneLine(scrub(error instanceof Error ? error.message : String(error)));
}

/** A server's words as one bounded line. */
export function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT_CHARS);
}
