// The time that one attempt of a turn has, over all that it waits for.
import { codeOf, PosternError } from '../../kernel/errors.ts';

const TIME = 'agent_timeout';

export class TurnDeadline {
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal;
  readonly #stop = (): void => this.#controller.abort(stopping(this.#outer.reason));
  #isOver = false;

  constructor(limitMs: number, outer: AbortSignal) {
    this.#limitMs = limitMs;
    this.#endsAt = performance.now() + limitMs;
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#controller.abort(timeIsUp(limitMs));
    }, limitMs);
    if (outer.aborted) this.#stop();
    outer.addEventListener('abort', this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  leftMs(): number {
    return Math.max(1, Math.ceil(this.#endsAt - performance.now()));
  }

  /** Ends with the time, also where what is waited for does not. */
  async within<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    const ended = Promise.withResolvers<never>();
    const end = (): void => ended.reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([work, ended.promise]);
    } finally {
      signal.removeEventListener('abort', end);
      work.catch(() => undefined); // nobody waits for it any more
    }
  }

  /** What ended the attempt: whoever was waiting may only know that it was stopped. */
  reason(error: unknown): unknown {
    if (this.#isOver && codeOf(error) !== TIME) return timeIsUp(this.#limitMs);
    return error;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#stop);
  }
}

const stopping = (reason: unknown): PosternError => {
  if (reason instanceof PosternError) return reason;
  return new PosternError('stopping', 'The turn was interrupted because Postern stops.', { retry: 'later' });
};

const timeIsUp = (limitMs: number): PosternError =>
  new PosternError(TIME, `The agent was ended after ${limitMs} ms without an end.`, {
    hint: 'Raise limits.time of the agent, or ask less of its model.',
  });
