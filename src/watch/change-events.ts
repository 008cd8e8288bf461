// Tells live what changed at the places of messages: so many one by one, and of the others how many there were.
import type { Bus } from '../cluster/bus.ts';
import type { MailboxPlace, PlaceChange } from './place-changes.ts';

const MOST_EVENTS = 100; // of one look: whoever is told of thousands is not helped, and the bus remembers a thousand

export class ChangeEvents {
  readonly #bus: Bus;
  readonly #place: MailboxPlace;
  #count = 0;

  constructor(bus: Bus, place: MailboxPlace) {
    this.#bus = bus;
    this.#place = place;
  }

  publish(changes: readonly PlaceChange[]): void {
    const { accountId, mailbox } = this.#place;
    for (const { messageId, uid, flags } of changes) {
      if (++this.#count > MOST_EVENTS) continue;
      this.#bus.publish('message.changed', {
        account_id: accountId,
        mailbox,
        message_id: messageId,
        uid,
        gone: flags === null,
        flags: flags?.join(' ') ?? null,
      });
    }
  }

  /** At the end, when all is written: whoever shows the others reads them again now. */
  end(): void {
    const { accountId, mailbox } = this.#place;
    const more = this.#count - MOST_EVENTS;
    if (more > 0) this.#bus.publish('message.changed', { account_id: accountId, mailbox, more });
    this.#count = 0;
  }
}
