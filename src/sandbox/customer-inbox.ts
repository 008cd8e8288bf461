// The customer's side of the screen: every mail that reaches her inbox, shown as it lies there.
import { parseMail } from '../mail/parse.ts';
import type { Follower } from './follower.ts';
import type { Delivery, MailWorld } from './mail-world.ts';
import { CUSTOMER } from './mail-world.ts';
import type { Terminal } from './terminal.ts';

export interface ShownInbox {
  /** Resolves when every mail delivered so far is on the screen. */
  shown(): Promise<void>;
  stop(): void;
}

/**
 * Shows every mail that is delivered to the customer from now on, in the order in which they come, and each after the
 * gateway has told that it was sent: the server has delivered it before its answer reaches the gateway.
 */
export function showDeliveries(world: MailWorld, follower: Follower, terminal: Terminal): ShownInbox {
  let tail: Promise<void> = Promise.resolve();
  const stop = world.onDelivery((delivery) => {
    if (delivery.to !== CUSTOMER.address) return;
    tail = tail
      .then(() => show(delivery, follower, terminal))
      .catch((error: unknown) =>
        terminal.step('customer', `A mail came that cannot be read: ${error}`, 'red'),
      );
  });
  return { shown: () => tail, stop };
}

async function show({ uid, raw }: Delivery, follower: Follower, terminal: Terminal): Promise<void> {
  const { metadata, content } = await parseMail(raw);
  await follower.until('the mail as sent', ({ submissions }) =>
    submissions.find(({ message_id: id, sent_at: sentAt }) => id === metadata.message_id && sentAt !== null),
  );
  const { from, to, headers } = metadata;
  const lines = [
    `From:        ${from?.name} <${from?.address}>`,
    `To:          ${to.map(({ address }) => address).join(', ')}`,
    `Date:        ${headers.date?.[0] ?? ''}`,
    `Subject:     ${metadata.subject}`,
    `Message-ID:  ${metadata.message_id ?? ''}`,
  ];
  if (metadata.in_reply_to) lines.push(`In-Reply-To: ${metadata.in_reply_to} (so it stands in the thread)`);
  if (metadata.parts.length > 1)
    lines.push(`Parts:       ${metadata.parts.map(({ type }) => type).join(', ')}`);
  terminal.step('customer', `A mail lies in the inbox of ${CUSTOMER.address} (UID ${uid}):`, 'green');
  terminal.print(`\n${[...lines, '', ...content.text.trimEnd().split('\n')].join('\n')}\n`);
}
