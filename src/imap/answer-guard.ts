// What a server may say before anybody reads it: how long a line, and how much of what nobody has use for. ImapFlow
// reads some lines in time that grows with their square, so that 64 kB of brackets would stop the whole process for
// half a minute; here one quick pass over the octets decides what it is given.
import { PosternError } from '../kernel/errors.ts';

export interface ServerAnswer {
  /** The line without its end; where literals stood, only their marks. */
  payload: Buffer;
  literals: readonly Buffer[];
}

/** `unread`: an answer to FETCH that is not for reading, so that its message has to be asked for in another way. */
export type Admission = { answer: ServerAnswer } | 'ignore' | 'unread';

const LONGEST_LINE_BYTES = 64 * 1024; // about 0.1 s of reading; a BODYSTRUCTURE of some hundred parts
const LONGEST_LIST_BYTES = 4 * 1024 * 1024; // of 400,000 UIDs
const MOST_BRACKETS = 4096; // quadratic: 5 ms
const LONGEST_NUMBERS_BYTES = 1000; // `1,3,5:7` unquoted is quadratic too; quoted it is not
const MOST_VANISHED = 1_000_000; // each is told one by one
// What one command may be told besides the messages that it fetches: LIST of 10,000 mailboxes with their STATUS is 2 MB.
const MOST_TOLD_BYTES = 16 * 1024 * 1024;
const MOST_TOLD_LINES = 50_000; // some 2 s of reading; whoever empties a larger mailbox has it opened anew

export class AnswerGuard {
  #request: unknown;
  #bytes = 0;
  #lines = 0;

  /**
   * @param request the command under way, by identity; what was told is counted for each
   * @param fetches whether that command asks for messages
   * @throws PosternError `server_floods`, `answer_too_large`
   */
  admit(answer: ServerAnswer, request: unknown, fetches: boolean): Admission {
    const { payload } = answer;
    const isFetch = isFetchAnswer(payload);
    if (!(isFetch && fetches)) this.#count(answer, request);
    if (vanishesTooMany(payload)) return 'ignore';
    if (payload.length <= LONGEST_NUMBERS_BYTES) return { answer };
    const isList = ['* SEARCH', '* ESEARCH', '* VANISHED'].some((words) => startsWith(payload, words));
    const longest = isList ? LONGEST_LIST_BYTES : LONGEST_LINE_BYTES;
    const { brackets, numbers } = measure(payload);
    const isLong = payload.length > longest || brackets > MOST_BRACKETS;
    if (isFetch) return isLong || numbers > LONGEST_NUMBERS_BYTES ? 'unread' : { answer };
    if (isLong) throw tooLarge(payload.length);
    if (numbers <= LONGEST_NUMBERS_BYTES) return { answer };
    return { answer: { payload: withQuotedNumbers(payload), literals: answer.literals } };
  }

  #count({ payload, literals }: ServerAnswer, request: unknown): void {
    if (request !== this.#request) {
      this.#request = request;
      this.#bytes = 0;
      this.#lines = 0;
    }
    this.#lines++;
    this.#bytes += literals.reduce((sum, { length }) => sum + length, payload.length);
    if (this.#bytes <= MOST_TOLD_BYTES && this.#lines <= MOST_TOLD_LINES) return;
    throw new PosternError(
      'server_floods',
      `The IMAP server tells more than anybody asked for: ${this.#lines} lines, ${this.#bytes} octets.`,
      { retry: 'later' },
    );
  }
}

const tooLarge = (bytes: number): PosternError =>
  new PosternError('answer_too_large', `The IMAP server sent a line of ${bytes} octets.`, { retry: 'later' });

/** Whether it tells of so many removed messages that expanding them would stop the process: `1:4294967295`. */
function vanishesTooMany(line: Buffer): boolean {
  if (!startsWith(line, '* VANISHED')) return false;
  let count = 0;
  for (const [, first, last] of line.toString('latin1').matchAll(/(\d{1,10})(?::(\d{1,10}))?/g))
    count += last === undefined ? 1 : Math.abs(Number(last) - Number(first)) + 1;
  return count > MOST_VANISHED;
}

/** The number of a line that says under which UIDVALIDITY a mailbox is now; null for any other. */
export function toldUidValidity(line: Buffer): string | null {
  if (line.length > 200 || !startsWith(line, '* OK [UIDVALIDITY ')) return null;
  return /^\* OK \[UIDVALIDITY (\d{1,19})\]/i.exec(line.toString('latin1'))?.[1] ?? null;
}

function startsWith(line: Buffer, words: string): boolean {
  return line.toString('latin1', 0, words.length).toUpperCase() === words;
}

const isFetchAnswer = (line: Buffer): boolean => /^\0*\* \d+ FETCH\b/i.test(line.toString('latin1', 0, 32)); // some servers pad with NUL, and ImapFlow lets them

const [BRACKET, COLON, COMMA, STAR, NINE, ZERO] = [0x5b, 0x3a, 0x2c, 0x2a, 0x39, 0x30];

/** How many `[` there are, and how long the longest run of numbers. */
function measure(line: Buffer): { brackets: number; numbers: number } {
  let brackets = 0;
  let numbers = 0;
  let run = 0;
  for (const octet of line) {
    if (octet === BRACKET) brackets++;
    if ((octet >= ZERO && octet <= NINE) || octet === COMMA || octet === COLON || octet === STAR) {
      if (++run > numbers) numbers = run;
    } else run = 0;
  }
  return { brackets, numbers };
}

/** Where a set of UIDs stands in quotes, the library reads it in linear time, and to the same value. */
function withQuotedNumbers(line: Buffer): Buffer {
  let out = '';
  for (const word of line.toString('latin1').split(' ')) {
    const [, open = '', numbers = '', close = ''] = /^(\(?)([\d,:*]*)([\])]*)$/.exec(word) ?? [];
    out += numbers.length > LONGEST_NUMBERS_BYTES ? ` ${open}"${numbers}"${close}` : ` ${word}`;
  }
  return Buffer.from(out.slice(1), 'latin1');
}
