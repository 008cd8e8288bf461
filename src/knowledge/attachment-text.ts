// The text of an attachment when somebody asks for it, in pieces as of a document; nothing of it is kept.
import type { Readable } from 'node:stream';
import type { AttachmentView } from '../contracts/mail.ts';
import type { Extract, ExtractedChunk } from './extract/contract.ts';
import { defaultExtractLimits } from './extract/extract.ts';
import { withWorkingCopy } from './working-copy.ts';

const LARGEST_BYTES = 50 * 1024 * 1024; // somebody waits for it
const LONGEST_MS = 30_000;

export interface AttachmentText {
  /** The type that was found by content. */
  type: string;
  /** What a person should know: what was left out, what could not be read. */
  notes: readonly string[];
  chunks: readonly ExtractedChunk[];
}

export type ReadAttachment = (
  file: AttachmentView,
  stream: Readable,
  signal: AbortSignal,
) => Promise<AttachmentText>;

/** @param folder where it lies while it is read. The function throws what `Extract` does. */
export function attachmentReader(extract: Extract, folder: string): ReadAttachment {
  return ({ filename, content_type }, stream, signal) =>
    withWorkingCopy(folder, { open: async () => stream }, signal, (path) =>
      extract(
        { path, filename, declaredType: content_type },
        { ...defaultExtractLimits, largestBytes: LARGEST_BYTES, timeMs: LONGEST_MS },
        signal,
      ),
    );
}
