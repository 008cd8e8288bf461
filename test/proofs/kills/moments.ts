// When the gateway is killed: at each of these moments in turn, in an order that the seed decides.
import type { LiveEvent, LiveEventType } from '../../../src/contracts/live-event.ts';
import type { Random } from '../random.ts';

export type Moment =
  /** So long after its process was started: reading keys, migrating, signing in, taking over jobs. */
  | { at: 'start'; afterMs: number }
  /** So long after it serves. */
  | { at: 'ready'; afterMs: number }
  /** So long after it told of this. */
  | { at: 'event'; type: LiveEventType; state?: string; afterMs: number }
  /** When the SMTP server has read a mail whole, and has not confirmed it or just has. */
  | { at: 'mail read'; afterMs: number };

/** One after the other from shuffled decks, so that also a short run has one of each. */
export function* moments(random: Random): Generator<Moment, never> {
  for (;;) {
    const deck: Moment[] = [
      { at: 'start', afterMs: random.between(0, 300) },
      { at: 'start', afterMs: random.between(300, 1200) },
      { at: 'ready', afterMs: random.between(0, 300) },
      { at: 'ready', afterMs: random.between(1000, 4000) },
      { at: 'event', type: 'message.received', afterMs: random.between(0, 15) },
      { at: 'event', type: 'session.changed', afterMs: random.between(0, 120) },
      { at: 'event', type: 'draft.changed', afterMs: random.between(0, 20) },
      random.chance(0.5)
        ? { at: 'event', type: 'submission.changed', state: 'sending', afterMs: random.between(0, 12) }
        : { at: 'mail read', afterMs: random.between(0, 40) },
    ];
    yield* random.shuffled(deck);
  }
}

/** Whether mail waits when this life begins: where one mailbox tells of mail, others are just being taken in. */
export const meetsBacklog = (moment: Moment): boolean =>
  moment.at === 'event' && moment.type === 'message.received';

export const matches = (moment: Moment, event: LiveEvent): boolean =>
  moment.at === 'event' &&
  event.type === moment.type &&
  (moment.state === undefined || event.data.state === moment.state);

export function describe(moment: Moment): string {
  const what =
    moment.at === 'event' ? `${moment.type}${moment.state ? ` (${moment.state})` : ''}` : moment.at;
  return `${moment.afterMs} ms after ${what}`;
}
