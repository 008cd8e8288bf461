// What a session's streams said, for a client whose connection broke: it comes back and hears what it missed. Kept in
// memory and bounded: a client that is long away asks again instead.
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

const MOST_EVENTS = 100;
const MOST_CHARS = 512 * 1024; // of one session, whose answers may hold files; the oldest go first

interface Kept {
  id: string;
  stream: string;
  message: JSONRPCMessage;
  chars: number;
}

export class EventLog implements EventStore {
  readonly #kept: Kept[] = [];
  #chars = 0;
  #last = 0;

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${++this.#last}`;
    const chars = JSON.stringify(message).length;
    this.#kept.push({ id, stream, message, chars });
    this.#chars += chars;
    while (this.#kept.length > MOST_EVENTS || this.#chars > MOST_CHARS)
      this.#chars -= this.#kept.shift()?.chars ?? 0;
    return id;
  }

  /** The stream's name stands before the number. */
  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return /^(.{1,100})_\d{1,15}$/.exec(id)?.[1];
  }

  async replayEventsAfter(
    lastId: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const stream = (await this.getStreamIdForEventId(lastId)) ?? '';
    const after = Number(lastId.slice(stream.length + 1));
    for (const { id, stream: of, message } of [...this.#kept])
      if (of === stream && Number(id.slice(of.length + 1)) > after) await send(id, message);
    return stream;
  }
}
