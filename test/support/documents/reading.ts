// Reads a document in this process: for what it says, not for what it may do.
import { type Bytes, memoryBytes } from '../../../src/knowledge/extract/bytes.ts';
import type { Extracted, ExtractedChunk } from '../../../src/knowledge/extract/contract.ts';
import { Output, type OutputLimits } from '../../../src/knowledge/extract/output.ts';
import { readDocument } from '../../../src/knowledge/extract/read.ts';

export interface ReadOptions {
  name?: string;
  declaredType?: string;
  limits?: Partial<OutputLimits>;
}

export async function read(document: Buffer | string | Bytes, options: ReadOptions = {}): Promise<Extracted> {
  const chunks: ExtractedChunk[] = [];
  const limits = { textChars: 1_000_000, chunkChars: 2000, ...options.limits };
  const out = new Output(limits, (chunk) => chunks.push(chunk));
  const bytes =
    typeof document === 'string' || Buffer.isBuffer(document) ? memoryBytes(Buffer.from(document)) : document;
  const hints = { name: options.name ?? null, declaredType: options.declaredType ?? null };
  const type = await readDocument(bytes, hints, out);
  return { type, chunks, notes: out.notes };
}

export const textOf = ({ chunks }: Extracted): string => chunks.map(({ text }) => text).join('\n');
