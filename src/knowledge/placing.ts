// What a sink is asked: one content, once, going on where an attempt before ended.
import type { KnowledgeContentsTable, KnowledgePlacementsTable } from '../store/schema.ts';

export interface Placing {
  placement: KnowledgePlacementsTable;
  content: KnowledgeContentsTable;
  /** 1 is the first since it was put in, or run again. */
  attempt: number;
  signal: AbortSignal;
  /** Notes that the sink has so many chunks. */
  progress(done: number): Promise<void>;
}

export interface Placed {
  outcome: 'placed' | 'refused';
  /** The HTTP status; null for a sink that has none. */
  status: number | null;
}
