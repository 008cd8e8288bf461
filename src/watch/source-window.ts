// What of a reading is on its way and not acknowledged, and the waiting for there to be less of it, or new mail.
import { pause } from '../kernel/clock.ts';
import type { Store } from '../store/store.ts';

const LOOK_AGAIN_MS = 1_000; // an acknowledgement that another process took is seen this late

export class SourceWindow {
  readonly #store: Store;
  readonly #consumerId: string;
  readonly #limit: number;
  /** UIDs by mailbox, ascending. */
  readonly #open = new Map<string, number[]>();
  #count = 0;
  #woken = new AbortController();

  constructor(store: Store, consumerId: string, limit: number) {
    this.#store = store;
    this.#consumerId = consumerId;
    this.#limit = limit;
  }

  add(mailbox: string, uid: number): void {
    const open = this.#open.get(mailbox);
    if (open) open.push(uid);
    else this.#open.set(mailbox, [uid]);
    this.#count++;
  }

  /** The mailbox was numbered anew: what was on its way comes again. */
  forget(mailbox: string): void {
    this.#count -= this.#open.get(mailbox)?.length ?? 0;
    this.#open.delete(mailbox);
  }

  /** Whether everything that was handed out of the mailbox is acknowledged, which is up to `lastUid`. */
  isEmpty(mailbox: string, lastUid: number): boolean {
    return (this.#open.get(mailbox) ?? []).every((uid) => uid <= lastUid);
  }

  /** Whether one more may be handed out. The ledger is asked only when the count at hand says no. */
  async hasRoom(): Promise<boolean> {
    if (this.#count < this.#limit) return true;
    this.listen();
    const cursors = await this.#store.db
      .selectFrom('source_cursors')
      .select(['mailbox', 'last_uid'])
      .where('consumer_id', '=', this.#consumerId)
      .execute();
    for (const { mailbox, last_uid } of cursors) {
      const open = this.#open.get(mailbox);
      if (!open) continue;
      const left = open.filter((uid) => uid > last_uid);
      this.#count -= open.length - left.length;
      this.#open.set(mailbox, left);
    }
    return this.#count < this.#limit;
  }

  /** From now on, `wake` ends the next wait, also if it comes before that wait begins. */
  listen(): void {
    if (this.#woken.signal.aborted) this.#woken = new AbortController();
  }

  wake(): void {
    this.#woken.abort();
  }

  async untilWoken(ms: number, signal: AbortSignal): Promise<void> {
    await pause(ms, AbortSignal.any([signal, this.#woken.signal]));
  }

  untilRoomMayBe(signal: AbortSignal): Promise<void> {
    return this.untilWoken(LOOK_AGAIN_MS, signal);
  }
}
