// Waits of an SMTP exchange: a deadline that moves with the stages of a send, and a stop that spares what has begun.

/** A timer that can be moved. */
export class Deadline {
  #timer: NodeJS.Timeout | undefined;
  #act: () => void = () => undefined;

  constructor(ms: number) {
    this.move(ms);
  }

  onEnd(act: () => void): void {
    this.#act = act;
  }

  /** It now ends in `ms` from now. */
  move(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#act(), ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

export interface Stop {
  signal: AbortSignal;
  end(): void;
}

/** Passes an abort on: at once, or after `graceMs` where `hasBegun` says that something is better ended than broken. */
export function sparingStop(signal: AbortSignal | undefined, hasBegun: () => boolean, graceMs: number): Stop {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    if (hasBegun()) timer = setTimeout(() => controller.abort(), graceMs);
    else controller.abort();
  };
  if (signal?.aborted) controller.abort();
  else signal?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    },
  };
}
