// A gateway that does nothing but read a document: says which process reads it, and waits.
import { DocumentExtractor, defaultExtractLimits } from '../../../src/knowledge/extract/extract.ts';

const extractor = new DocumentExtractor();
const input = { path: process.argv[2] ?? '', filename: null, declaredType: null };
const reading = extractor.extract(input, defaultExtractLimits, new AbortController().signal);
while (extractor.pids.length === 0) await new Promise(setImmediate);
console.log(extractor.pids[0]);
await reading;
