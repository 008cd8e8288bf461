// ImapFlow, with a tap: while a fetch of metadata runs, its answers are read here as they come from the wire, and only
// those of an uncommon form go the library's own, slower way. ImapFlow is pinned, and tests against real servers hold
// this seam: where a new version hands answers on in another way, everything goes the library's way again.
import { ImapFlow } from 'imapflow';
import { codeOf, PosternError } from '../kernel/errors.ts';
import { AnswerGuard, type ServerAnswer, toldUidValidity } from './answer-guard.ts';
import { type FetchAnswer, readFetchAnswer } from './fetch-answer.ts';
import { awaitTurn } from './reading-turn.ts';

/** Takes an answer. A promise makes the connection wait: nothing more is read from it until that is fulfilled. */
export type Tap = (answer: FetchAnswer) => Promise<void> | undefined;

/** What is used of the library beyond what it declares. */
interface Internals {
  handleResponse(response: ServerAnswer): Promise<boolean>;
  isClosed: boolean;
  currentRequest?: { command?: string; attributes?: readonly { value?: unknown }[] } | false;
}

const LAST_WORDS_MS = 500; // a refusal may come behind the goodbye, with its reason

const library = ImapFlow.prototype as unknown as Internals;

export class TappedClient extends ImapFlow {
  /** How many answers could not be read: each may have been a message that is there all the same. */
  unreadAnswers = 0;
  readonly #guard = new AnswerGuard();
  #tap: { range: string; take: Tap; request: unknown } | null = null;

  /** Until the returned function is called, answers to `UID FETCH range` go to `take`. One tap at a time. */
  tapFetch(range: string, take: Tap): () => void {
    const tap = { range, take, request: null };
    this.#tap = tap;
    return () => {
      if (this.#tap === tap) this.#tap = null;
    };
  }

  /**
   * The library would wait here, with the command open, for as long as the server asks (minutes, Microsoft's throttling).
   * The command's own deadline would come first, and look like a server that hangs: the connection ends with the reason.
   * @returns true: the connection is gone
   */
  throttleWait(delayMs: number): Promise<boolean> {
    const { host, port } = this as unknown as { host: string; port: number };
    const message = `The IMAP server ${host}:${port} asks to come back later: in ${Math.ceil(delayMs / 1000)} s.`;
    this.emit('error', new PosternError('throttled', message, { retry: { afterMs: delayMs } }));
    return Promise.resolve(true);
  }

  /** The library calls this for every response, one after the other; false ends its reading. */
  handleResponse(response: ServerAnswer): Promise<boolean> | boolean {
    const turn = awaitTurn(response);
    if (!turn) return this.#read(response);
    return turn.then(() => ((this as unknown as Internals).isClosed ? false : this.#read(response)));
  }

  #read(response: ServerAnswer): Promise<boolean> | boolean {
    const tap = this.#tap;
    if (tap && this.#isAnswered(tap)) {
      const answer = readFetchAnswer(response.payload, response.literals);
      if (answer) return tap.take(answer)?.then(() => true) ?? true;
    }
    return this.#admitted(response);
  }

  #admitted(response: ServerAnswer): Promise<boolean> | boolean {
    const { currentRequest: request } = this as unknown as Internals;
    const command = (request ? request.command : '') ?? '';
    try {
      const admission = this.#guard.admit(response, request, command.endsWith('FETCH'));
      const uidValidity = toldUidValidity(response.payload);
      if (uidValidity !== null && !/^(SELECT|EXAMINE)$/.test(command)) this.#demandSame(uidValidity);
      if (/^\* BYE\b/i.test(response.payload.toString('latin1', 0, 8))) this.#endSoon();
      if (typeof admission === 'object') return library.handleResponse.call(this, admission.answer);
      if (admission === 'unread') this.unreadAnswers++;
      return true;
    } catch (error) {
      if (codeOf(error) === 'internal') throw error;
      this.emit('error', error); // whoever keeps the connection ends it
      return false;
    }
  }

  /** A server that says goodbye and does not hang up would be waited for. */
  #endSoon(): void {
    setTimeout(() => this.close(), LAST_WORDS_MS).unref();
  }

  /** UIDs mean nothing any more when the open mailbox is numbered anew: it is opened again, on a new connection. */
  #demandSame(uidValidity: string): void {
    const known = this.mailbox ? this.mailbox.uidValidity : undefined;
    if (!known || String(known) === uidValidity) return;
    throw new PosternError(
      'uid_validity_changed',
      `The server numbered the mailbox anew while it was open: its UIDVALIDITY is ${uidValidity} now, not ${known}.`,
      { retry: 'later' },
    );
  }

  /** Whether the command under way is the one that the tap is for: what answers another must not end up here. */
  #isAnswered(tap: { range: string; request: unknown }): boolean {
    const { currentRequest: request } = this as unknown as Internals;
    if (!request) return false;
    if (
      tap.request === null &&
      request.command === 'UID FETCH' &&
      request.attributes?.[0]?.value === tap.range
    )
      tap.request = request;
    return tap.request === request;
  }
}
