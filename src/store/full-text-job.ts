// What the gateway and the process of searches say to each other.
import type { IndexHit } from './full-text.ts';

export type FromSearch =
  | { kind: 'begun' }
  | { kind: 'found'; hits: IndexHit[] }
  | { kind: 'failed'; message: string };
