// ImapFlow, with a tap: while a fetch of metadata runs, its answers are read here as they come from the wire, and only
// those of an uncommon form go the library's own, slower way. ImapFlow is pinned, and tests against real servers hold
// this seam: where a new version hands answers on in another way, everything goes the library's way again.
import { ImapFlow } from 'imapflow';
import { type FetchAnswer, readFetchAnswer } from './fetch-answer.ts';

/** Takes an answer. A promise makes the connection wait: nothing more is read from it until that is fulfilled. */
export type Tap = (answer: FetchAnswer) => Promise<void> | undefined;

interface Response {
  payload: Buffer;
  literals: readonly Buffer[];
}

/** What is used of the library beyond what it declares. */
interface Internals {
  handleResponse(response: Response): Promise<boolean>;
  currentRequest?: { command?: string; attributes?: readonly { value?: unknown }[] } | false;
}

const library = ImapFlow.prototype as unknown as Internals;

export class TappedClient extends ImapFlow {
  #tap: { range: string; take: Tap; request: unknown } | null = null;

  /** Until the returned function is called, answers to `UID FETCH range` go to `take`. One tap at a time. */
  tapFetch(range: string, take: Tap): () => void {
    const tap = { range, take, request: null };
    this.#tap = tap;
    return () => {
      if (this.#tap === tap) this.#tap = null;
    };
  }

  /** The library calls this for every response; false ends its reading. */
  handleResponse(response: Response): Promise<boolean> | boolean {
    const tap = this.#tap;
    if (tap && this.#isAnswered(tap)) {
      const answer = readFetchAnswer(response.payload, response.literals);
      if (answer) return tap.take(answer)?.then(() => true) ?? true;
    }
    return library.handleResponse.call(this, response);
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
