// What it means to take the text out of a document: what goes in, what comes out, and how it may fail. The document lies
// in a file; its bytes are hostile, and are read only in a worker with limits.

export interface ExtractInput {
  /** A file of ours that holds the document's bytes, and that nobody changes meanwhile. */
  path: string;
  /** As the mail says; a hint for what the content leaves open, and never a path. */
  filename: string | null;
  /** The type that the mail says, such as `application/pdf`; believed only where the content says nothing. */
  declaredType: string | null;
}

export interface ExtractLimits {
  /** Larger documents are not opened: `document_too_large`. */
  largestBytes: number;
  /** From the start of reading, after waiting for a turn, to the answer; then the worker is ended: `document_timeout`. */
  timeMs: number;
  /** Heap of the worker; where it runs out: `document_too_complex`. */
  memoryMb: number;
  /** Characters of text in all chunks; what is more is left out, and a note says so. */
  textChars: number;
  /** Characters of a chunk at most. */
  chunkChars: number;
}

/** Where in the document a text stands. Numbers count from 1. */
export interface ChunkSource {
  /** The path inside of an archive or a mail, such as `offers.zip/2026/quote.pdf` without the document's own name. */
  part?: string;
  page?: number;
  sheet?: string;
  slide?: number;
  /** The first row of the chunk. */
  row?: number;
}

export interface ExtractedChunk {
  /** Never empty; no NUL and no lone surrogates. */
  text: string;
  source: ChunkSource;
}

export interface Extracted {
  /** The MIME type that was found by content. */
  type: string;
  /** In the order of the document; none where it holds no text. */
  chunks: readonly ExtractedChunk[];
  /** What a person should know, as sentences: what was left out, what could not be read in an archive. */
  notes: readonly string[];
}

/**
 * Failures of a document are PosternErrors that are not retried, with one of `DOCUMENT_FAILURES` as their code; what the
 * machine lacks for a moment (a worker that cannot be started) is retried.
 * @param signal ends the work; its reason is thrown
 */
export type Extract = (input: ExtractInput, limits: ExtractLimits, signal: AbortSignal) => Promise<Extracted>;

export const DOCUMENT_FAILURES = [
  'document_encrypted',
  'document_too_large',
  'document_too_complex',
  'document_type_unknown',
  'document_broken',
  'document_timeout',
  'archive_too_deep',
  'archive_too_many',
  'archive_too_large',
  'archive_ratio',
] as const;
export type DocumentFailure = (typeof DOCUMENT_FAILURES)[number];
