// Deliveries wired: mail posted to websites, mail as events for programs outside, and streams that are held for them.
import { Deliveries, type DeliveriesParts } from './deliveries.ts';
import { type HoldStream, streamHolder } from './held-stream.ts';
import { MailEvents, type MailEventsParts } from './mail-events.ts';

export interface DeliveryRoom {
  deliveries: Deliveries;
  mailEvents: MailEvents;
  holdStream: HoldStream;
}

/** Registers the handler of `delivery.post`. */
export function registerDelivery(parts: DeliveriesParts & MailEventsParts): DeliveryRoom {
  const log = parts.log.child({ part: 'delivery' });
  return {
    deliveries: new Deliveries({ ...parts, log }),
    mailEvents: new MailEvents(parts),
    holdStream: streamHolder(parts.folder),
  };
}
