// The bus inside one process, with a short memory for clients that come back.
import type { LiveEvent } from '../contracts/live-event.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Bus } from './bus.ts';

const EVENTS_KEPT = 1_000; // a client that was away for longer reads its lists again

export function memoryBus(clock: Clock): Bus {
  const listeners = new Set<(event: LiveEvent) => void>();
  const recent: LiveEvent[] = [];
  return {
    publish(type, data) {
      const event: LiveEvent = { id: newId('evt', clock.now()), type, at: clock.now(), data };
      recent.push(event);
      if (recent.length > EVENTS_KEPT) recent.shift();
      for (const listener of listeners) tell(listener, event);
    },
    subscribe(listener, since) {
      if (since !== undefined) for (const event of recent) if (event.id > since) tell(listener, event);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** One listener's failure is not the publisher's, nor the other listeners'. */
function tell(listener: (event: LiveEvent) => void, event: LiveEvent): void {
  try {
    listener(event);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error), 'LiveEventWarning');
  }
}
