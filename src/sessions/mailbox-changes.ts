// What the rules that match a mail do to it in its mailbox, taken together: flags, and where it goes.
import type { RuleAction } from '../contracts/rule.ts';
import { mailboxLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Tx } from '../store/store.ts';
import type { Arrival } from '../watch/arrival.ts';

export class MailboxChanges {
  readonly #add = new Set<string>();
  readonly #remove = new Set<string>();
  #move: { mailbox: string; create: boolean } | undefined;

  /** Of two rules about the same flag the later has the last word; a mail lies in one place, where the first one wants it. */
  add(action: RuleAction): void {
    if ('label' in action) this.#flag(action.label, true);
    if ('mark_seen' in action) this.#flag('\\Seen', true);
    if ('flag' in action) {
      for (const flag of action.flag.add) this.#flag(flag, true);
      for (const flag of action.flag.remove) this.#flag(flag, false);
    }
    if ('move' in action) this.#move ??= action.move;
  }

  #flag(flag: string, isSet: boolean): void {
    (isSet ? this.#add : this.#remove).add(flag);
    (isSet ? this.#remove : this.#add).delete(flag);
  }

  /** The flags first: they go with the mail. */
  async enqueue(tx: Tx, jobs: JobQueue, { id, account }: Arrival): Promise<void> {
    const options = { lane: mailboxLane(account.id) };
    const [add, remove] = [[...this.#add], [...this.#remove]];
    if (add.length > 0 || remove.length > 0) {
      const change = { message_id: id, add, ...(remove.length > 0 && { remove }) };
      await jobs.enqueue(tx, 'message.flag', change, options);
    }
    if (this.#move) await jobs.enqueue(tx, 'message.move', { message_id: id, ...this.#move }, options);
  }
}
