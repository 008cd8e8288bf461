// What a server has answered and nobody has taken yet: bounded, so that a long answer waits on the wire and not here,
// and handed on in chunks, because waking a reader for each mail costs more than reading the mail.

export interface Bounds {
  items: number;
  bytes: number;
}

export class AnswerQueue<T> {
  readonly #bounds: Bounds;
  readonly #bytesOf: (item: T) => number;
  #items: T[] = [];
  #bytes = 0;
  #ended = false;
  #failure: unknown;
  #abandoned = false;
  /** Fulfils when there is room again; there while there is none. */
  #room: PromiseWithResolvers<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(bounds: Bounds, bytesOf: (item: T) => number) {
    this.#bounds = bounds;
    this.#bytesOf = bytesOf;
  }

  /** True once nobody reads any more: what is pushed then is dropped. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Returns a promise where the queue is full: it fulfils when there is room again. */
  push(item: T): Promise<void> | undefined {
    if (this.#abandoned) return undefined;
    this.#items.push(item);
    this.#bytes += this.#bytesOf(item);
    this.#tell();
    if (this.#items.length < this.#bounds.items && this.#bytes < this.#bounds.bytes) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** There will be no more; with an error, the reader gets it after what is there. */
  end(failure?: unknown): void {
    this.#ended = true;
    this.#failure = failure;
    this.#tell();
  }

  /** What is there, at least one item at a time, until the end. @throws what it ended with */
  async *chunks(): AsyncGenerator<T[]> {
    try {
      for (;;) {
        if (this.#items.length === 0 && !this.#ended) await new Promise<void>((wake) => (this.#wake = wake));
        if (this.#items.length > 0) yield this.#takeAll();
        else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#ended) return;
      }
    } finally {
      this.#abandoned = true;
      this.#takeAll();
    }
  }

  #takeAll(): T[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#room?.resolve();
    this.#room = undefined;
    return items;
  }

  /** Not at once: by the next turn of the event loop all of what one read of the socket brought is there. */
  #tell(): void {
    const wake = this.#wake;
    if (!wake) return;
    this.#wake = undefined;
    setImmediate(wake);
  }
}
