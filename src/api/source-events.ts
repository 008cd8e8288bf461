// What a source hands out, as the events of its contract: messages read as the connector's own fetch shows them.
import type { SourcedEvent } from '../contracts/mail-event.ts';
import type { SourceEvent } from '../contracts/source.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import { idsAt } from '../watch/places.ts';
import type { WrittenEvent } from '../watch/source-content.ts';
import type { SourceItem } from '../watch/source-reader.ts';
import { rowOf } from './operations/connector-rows.ts';
import type { Rooms } from './rooms.ts';

export async function sourceEventOf(
  rooms: Pick<Rooms, 'store'>,
  accountId: string,
  item: SourceItem,
): Promise<SourceEvent> {
  switch (item.type) {
    case 'message': {
      const { position, place, found } = item;
      const { message, metadata, text, raw, event, truncated } = found;
      if (event) return { type: 'event', position, event: await readEvent(event) };
      const { mailbox, uidValidity } = place;
      const ids = await idsAt(rooms.store.db, { accountId, mailbox, uidValidity }, [message.uid]);
      return {
        type: 'message',
        position,
        message: {
          ...rowOf(message, place, ids.get(message.uid) ?? null, metadata),
          references: metadata.references,
          headers: metadata.headers,
          text: text?.text ?? null,
          reply_text: text?.reply_text ?? null,
          html: text?.html ?? null,
          raw_base64: raw?.toString('base64') ?? null,
          truncated,
        },
      };
    }
    case 'renumbered': {
      const { position, mailbox, uidValidity, previous, known } = item;
      return {
        type: 'renumbered',
        position,
        mailbox,
        uid_validity: Number(uidValidity),
        previous_uid_validity: Number(previous),
        known,
      };
    }
    case 'unreadable': {
      const { position, mailbox, uid, uidValidity } = item;
      return { type: 'unreadable', position, mailbox, uid, uid_validity: Number(uidValidity) };
    }
    default:
      return item;
  }
}

/** Whole, where one answer holds several. */
async function readEvent(event: WrittenEvent): Promise<SourcedEvent> {
  const pieces: Buffer[] = [];
  for await (const piece of event.open()) pieces.push(Buffer.from(piece));
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as SourcedEvent;
}

export const endEvent = (error: unknown): SourceEvent => ({
  type: 'end',
  code: codeOf(error),
  // What is no error of ours is a bug, and may say what is nobody's business.
  detail: codeOf(error) === 'internal' ? 'Something went wrong in the gateway.' : explain(error),
});
