// A few at a time; the others wait in order, and may give up meanwhile.

export class Turns {
  readonly #atOnce: number;
  readonly #refuse: (waiting: number) => void;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** @param refuse throws where too many wait already */
  constructor(atOnce: number, refuse: (waiting: number) => void = () => undefined) {
    this.#atOnce = atOnce;
    this.#refuse = refuse;
  }

  /** Does the work when its turn comes. @throws what it throws, what `refuse` throws, and the reason of an abort */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken--;
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#atOnce) {
      this.#taken++;
      return;
    }
    this.#refuse(this.#waiting.length);
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(enter);
    });
  }
}
