// Knowledge wired: the jobs of its documents, the process that takes out text, and the index that it is found by.
import { FullTextReader } from '../store/full-text-reader.ts';
import { attachmentReader, type ReadAttachment } from './attachment-text.ts';
import { DocumentExtractor } from './extract/extract.ts';
import { Knowledge } from './knowledge.ts';
import type { KnowledgeParts } from './parts.ts';

export interface KnowledgeRoomParts extends Omit<KnowledgeParts, 'extract' | 'searchIndex'> {
  /** Where the ledger lies: the index is read there, beside the event loop. */
  ledgerPath: string;
}

export interface KnowledgeRoom {
  knowledge: Knowledge;
  readAttachment: ReadAttachment;
  extractor: DocumentExtractor;
  fullText: FullTextReader;
}

/** Registers the jobs of documents. */
export function registerKnowledge(parts: KnowledgeRoomParts): KnowledgeRoom {
  const { ledgerPath, folder } = parts;
  const extractor = new DocumentExtractor();
  const fullText = new FullTextReader(ledgerPath);
  const { extract } = extractor;
  const log = parts.log.child({ part: 'knowledge' });
  const knowledge = new Knowledge({ ...parts, log, extract, searchIndex: fullText.search });
  return { knowledge, readAttachment: attachmentReader(extract, folder), extractor, fullText };
}
