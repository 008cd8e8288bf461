// Live events: what changed, told to whoever listens now. Nothing depends on their arrival; the ledger is the truth.
import type { LiveEvent, LiveEventType } from '../contracts/live-event.ts';

export interface Bus {
  publish(type: LiveEventType, data: LiveEvent['data']): void;
  /** Hears all events from now on, or from after the event `since` where it is still known. Returns the way out. */
  subscribe(listener: (event: LiveEvent) => void, since?: string): () => void;
}
