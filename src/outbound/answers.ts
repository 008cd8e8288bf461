// What a server says, watched below nodemailer: how much, and whether it speaks out of turn. A server that is one answer
// ahead makes each of its answers look like that to another command: the wrong recipient would be given up, or a mail
// taken for sent. nodemailer keeps these things to itself; they are read here and nowhere else.

const MAX_ANSWER_BYTES = 64 * 1024; // an answer has a few lines
const PER_RECIPIENT_BYTES = 2 * 1024; // each is answered; providers write a quarter of that

/** The parts of a connection that nodemailer does not tell of. */
interface Insides {
  /** Answers that were read and belong to no command yet. */
  _responseQueue: string[];
  /** What came of an answer whose line has not ended. */
  _remainder: string;
  lastServerResponse: string | false;
  _ehloLines?: string[];
  _onData(chunk: Buffer): void;
  _onError(error: Error, code: string, answer: false, command: string): void;
}

export class Answers {
  readonly #insides: Insides;
  #left = MAX_ANSWER_BYTES;

  /** @param connection an SMTPConnection that was not connected yet */
  constructor(connection: object) {
    const insides = connection as Insides;
    const take = insides._onData;
    insides._onData = (chunk) => {
      this.#left -= chunk.length;
      if (this.#left >= 0) take.call(insides, chunk);
      else insides._onError(new Error('the server says more than it was asked'), 'EPROTOCOL', false, 'CONN');
    };
    this.#insides = insides;
  }

  /** What the server announced in its answer to EHLO; nothing where it knows only HELO. */
  get announced(): readonly string[] {
    return this.#insides._ehloLines ?? [];
  }

  /** Another exchange begins: what it may say is counted anew. */
  expect(recipients = 0): void {
    this.#left = MAX_ANSWER_BYTES + recipients * PER_RECIPIENT_BYTES;
  }

  /** It has said something that nobody has read: an answer to nothing. */
  get unread(): boolean {
    const { _responseQueue: queue, _remainder: rest } = this.#insides;
    return rest.trim() !== '' || queue.some((line) => line.trim() !== '');
  }

  /** Its last word was that the content may come (RFC 5321 §4.3.2), and nothing came behind it. */
  get wantsContent(): boolean {
    return /^354(?:[ -]|$)/.test(this.last) && !this.unread;
  }

  get last(): string {
    return this.#insides.lastServerResponse || '';
  }
}

/** Whether each line of an answer begins with the same code, as it must (RFC 5321 §4.2.1). */
export function isOneAnswer(answer: string): boolean {
  const codes = answer.split(/\r?\n/).map((line) => /^([2-5]\d\d)(?:[ -]|$)/.exec(line)?.[1]);
  return codes[0] !== undefined && codes.every((code) => code === codes[0]);
}
