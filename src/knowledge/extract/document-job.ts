// What the gateway and the process that reads a document say to each other.
import type { ExtractedChunk } from './contract.ts';
import type { OutputLimits } from './output.ts';

/** The document itself is an open file that the process is given. */
export const DOCUMENT_DESCRIPTOR = 4;

export interface DocumentJob {
  size: number;
  name: string | null;
  declaredType: string | null;
  limits: OutputLimits;
}

export type FromDocumentChild =
  | { kind: 'ready' }
  | { kind: 'chunks'; chunks: ExtractedChunk[] }
  | { kind: 'done'; type: string; notes: string[] }
  | { kind: 'failed'; code: string; message: string; hint: string | null };
