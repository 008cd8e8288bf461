// The exchanges of a connection with its server, one after the other: each has an end, whatever the server does.
import { PosternError } from '../kernel/errors.ts';
import { Deadline } from './time-limits.ts';

type Done<T> = (error?: unknown, value?: T) => void;

export class Exchanges {
  /** Why there will be no more of them. */
  broken: unknown;
  readonly #server: string;
  readonly #isUsable: () => boolean;
  #fail: ((error: unknown) => void) | undefined;

  /** @param server what it is called in errors @param isUsable whether another exchange may begin */
  constructor(server: string, isUsable: () => boolean) {
    this.#server = server;
    this.#isUsable = isUsable;
  }

  /** The connection has ended, and with it the exchange on its way. */
  break(error: unknown): void {
    this.broken ??= error;
    this.#fail?.(error);
  }

  /**
   * Ends by its callback, by the connection's end, at its deadline, or when it is stopped.
   * @param limit in milliseconds, or a deadline that is its owner's to end
   * @throws PosternError `timeout`, `stopping`, and what the connection ended with
   */
  async run<T>(
    what: string,
    limit: number | Deadline,
    signal: AbortSignal | undefined,
    begin: (done: Done<T>) => void,
  ): Promise<T> {
    const deadline = typeof limit === 'number' ? new Deadline(limit) : limit;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = () => reject(new PosternError('stopping', `Stopped (${what}).`, { retry: 'later' }));
    try {
      if (signal?.aborted) stop();
      else if (!this.#isUsable()) reject(this.broken ?? new Error('the connection is closed'));
      else {
        this.#fail = reject;
        signal?.addEventListener('abort', stop, { once: true });
        deadline.onEnd(() =>
          reject(
            new PosternError('timeout', `${this.#server} did not answer in time (${what}).`, {
              retry: 'later',
              hint: 'Check host, port and security; where it is only slow, a longer timeout_ms helps.',
            }),
          ),
        );
        begin((error, value) => (error ? reject(error) : resolve(value as T)));
      }
      return await promise;
    } finally {
      this.#fail = undefined;
      signal?.removeEventListener('abort', stop);
      if (typeof limit === 'number') deadline.end();
    }
  }
}
