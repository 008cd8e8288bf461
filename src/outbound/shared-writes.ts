// The outbox's writes to the ledger, so that mails that leave at the same moment share commits: what is asked for while a
// flush is on its way would have to wait for the next one in any case, and goes into one transaction with all that came
// meanwhile. Each stays all or nothing for itself (store/group-commit).
import type { Store, Tx } from '../store/store.ts';

export class SharedWrites {
  readonly #store: Pick<Store, 'write'>;
  #running = false;
  #waiting: (() => Promise<unknown>)[] = [];

  constructor(store: Pick<Store, 'write'>) {
    this.#store = store;
  }

  /** As `Store.write`, in the order of the calls. */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(() => this.#store.write(work).then(resolve, reject));
    if (!this.#running) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) await Promise.all(this.#waiting.splice(0).map((begin) => begin()));
    this.#running = false;
  }
}
