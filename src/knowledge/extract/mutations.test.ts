// Documents with a few bytes changed, drawn from a seed: each ends soon, in a result within its limits or in a failure
// that has a code. `MUTATIONS=500 SEED=… node --test src/knowledge/extract/mutations.test.ts` draws more of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Random } from '../../../test/proofs/random.ts';
import { compoundFile } from '../../../test/support/documents/compound-file.ts';
import { mail } from '../../../test/support/documents/mail.ts';
import { docx, pptx, slideText, wordText, xlsx } from '../../../test/support/documents/office.ts';
import { openDocument } from '../../../test/support/documents/open-document.ts';
import {
  encryptedPdf,
  pdf,
  pdfByKnownEncoding,
  pdfByToUnicode,
  pdfWithAnnotations,
} from '../../../test/support/documents/pdf.ts';
import { read } from '../../../test/support/documents/reading.ts';
import { zip } from '../../../test/support/documents/zip-writer.ts';
import { writeTnef } from '../../../test/support/tnef-writer.ts';
import { Budget } from './budget.ts';
import { memoryBytes } from './bytes.ts';
import { DOCUMENT_FAILURES } from './contract.ts';
import { failureOf } from './read.ts';
import { Zip } from './zip.ts';

const MUTATIONS = Number(process.env.MUTATIONS ?? 50);
const SEED = Number(process.env.SEED ?? 20261121);
const SOON_MS = 10_000; // generous for a busy machine; each takes some milliseconds
const limits = { textChars: 20_000, chunkChars: 500 };

const cells = '<row r="1"><c r="A1" t="s" s="1"><v>0</v></c><c r="B1" s="1"><v>46346</v></c></row>'.repeat(
  20,
);
const table = `<table:table table:name="A"><table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row></table:table>`;
const offer = pdf([['The offer', 'on two lines'], ['and two pages']], { deflate: true });
const word = docx(wordText('A paragraph of text').repeat(20), [
  { type: 'footnotes', xml: wordText('A note') },
]);
const book = xlsx({
  sheets: [{ name: 'Sheet', rows: cells }],
  strings: ['A string', 'Another'],
  styles:
    '<numFmts><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/></numFmts><cellXfs><xf/><xf numFmtId="164"/></cellXfs>',
});
const slides = pptx([{ shapes: slideText('A slide'), notes: 'Notes' }, { shapes: slideText('Another') }]);
const text = openDocument(
  'text',
  '<text:h>Title</text:h><text:p>Text<text:s text:c="3"/></text:p>'.repeat(9),
);
const attached = [
  { name: 'offer.pdf', type: 'application/pdf', content: offer },
  { name: 'text.docx', type: 'application/octet-stream', content: word },
];

const fixtures: Record<string, { bytes: Buffer; name?: string }> = {
  PDF: { bytes: pdf([['The offer', 'on two lines'], ['and two pages']]) },
  'PDF, deflated': { bytes: offer },
  'PDF, ToUnicode': { bytes: pdfByToUnicode('采购合同') },
  'PDF, known encoding': { bytes: pdfByKnownEncoding('报价单') },
  'PDF, encrypted': { bytes: encryptedPdf('') },
  'PDF, form': { bytes: pdfWithAnnotations(['/Subtype /Widget /FT /Tx /T (Name) /V (Anna)']) },
  DOCX: { bytes: word },
  XLSX: { bytes: book },
  PPTX: { bytes: slides },
  ODT: { bytes: text },
  ODS: { bytes: openDocument('spreadsheet', table) },
  CSV: { bytes: Buffer.from('name;price\r\n"a ""b""";80\r\n'.repeat(50)), name: 'a.csv' },
  HTML: { bytes: Buffer.from(`<!doctype html><html><body>${'<p>Text <b>bold</b></p>'.repeat(50)}`) },
  TXT: { bytes: Buffer.from('Größe und 价格\n'.repeat(50)) },
  EML: { bytes: mail('Offer', 'Text', attached) },
  TNEF: { bytes: writeTnef({ body: 'Text', files: [{ title: 'a.pdf', data: offer }] }) },
  ZIP: {
    bytes: zip([
      { name: 'a.pdf', data: offer },
      { name: 'in.zip', data: zip([{ name: 'b', data: word }]) },
    ]),
  },
  'compound file': { bytes: compoundFile(['a', 'b', 'c', 'd', 'EncryptedPackage']) },
};
// Deflated bytes that are changed hardly ever unpack: stored ones let the changes through to who reads the XML.
for (const kind of ['DOCX', 'XLSX', 'PPTX', 'ODT', 'ODS', 'ZIP']) {
  fixtures[`${kind}, stored`] = { bytes: await stored(fixtures[kind]?.bytes ?? Buffer.alloc(0)) };
}

// PDF.js leaves some rejections of damaged pages to nobody. The process that reads documents lets them be, and so does
// this one, whose runner would take them for failures of a test.
const runners = process.listeners('unhandledRejection');
const ignore = (): void => undefined;
before(() => {
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', ignore);
});
after(() => {
  process.off('unhandledRejection', ignore);
  for (const listener of runners) process.on('unhandledRejection', listener);
});

describe(`of ${MUTATIONS} changed documents (seed ${SEED}) each ends with a result or a clear failure`, () => {
  for (const [kind, { bytes, name }] of Object.entries(fixtures)) {
    test(kind, async (t) => {
      const random = new Random(SEED + kind.length * 1000 + kind.charCodeAt(0));
      const ends: Record<string, number> = {};
      for (let number = 0; number < MUTATIONS; number++) {
        const changed = mutated(bytes, random);
        const start = performance.now();
        const end = await outcome(changed, name);
        const which = `seed ${SEED}, ${kind}, number ${number}: ${end}`;
        assert.ok(end === 'read' || (DOCUMENT_FAILURES as readonly string[]).includes(end), which);
        assert.ok(performance.now() - start < SOON_MS, `${which} took too long`);
        ends[end] = (ends[end] ?? 0) + 1;
      }
      t.diagnostic(`seed ${SEED}: ${JSON.stringify(ends)}`);
    });
  }
});

/** `read`, the code of the failure, or what is wrong with the result. */
async function outcome(document: Buffer, name: string | undefined): Promise<string> {
  try {
    const { type, chunks, notes } = await read(document, { limits, ...(name === undefined ? {} : { name }) });
    const chars = chunks.reduce((sum, chunk) => sum + chunk.text.length, 0);
    if (chars > limits.textChars * 1.1) return `${chars} characters`;
    if (chunks.some((chunk) => chunk.text.length > limits.chunkChars)) return 'a long chunk';
    if (chunks.some((chunk) => chunk.text.trim() === '')) return 'an empty chunk';
    if (chunks.some((chunk) => !chunk.text.isWellFormed() || chunk.text.includes('\0')))
      return 'an unclean chunk';
    if (notes.length > 51 || notes.some((note) => note.length > 500)) return 'notes without a bound';
    return type === '' ? 'no type' : 'read';
  } catch (error) {
    return failureOf(error).code;
  }
}

/** One to four changes: bits turned, bytes overwritten, a piece removed, doubled, moved, or the end cut off. */
function mutated(original: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(original);
  for (let left = random.between(1, 4); left > 0 && bytes.length > 2; left--) {
    const at = random.between(0, bytes.length - 1);
    const length = Math.min(bytes.length - at, random.between(1, 64));
    const piece = Buffer.from(bytes.subarray(at, at + length));
    const change = random.pick([
      'flip',
      'flip',
      'flip',
      'overwrite',
      'digits',
      'remove',
      'double',
      'move',
      'cut',
    ]);
    if (change === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
    else if (change === 'overwrite') for (let i = 0; i < length; i++) bytes[at + i] = random.between(0, 255);
    else if (change === 'digits') overwriteDigits(bytes, at, random);
    else if (change === 'remove') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    else if (change === 'double') bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    else if (change === 'move') bytes.set(piece, random.between(0, bytes.length - length));
    else bytes = bytes.subarray(0, at);
  }
  return bytes;
}

/** Numbers are what formats trust: lengths, counts, offsets. */
function overwriteDigits(bytes: Buffer, from: number, random: Random): void {
  const isDigit = (at: number): boolean => (bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39;
  let at = from;
  while (at < bytes.length && !isDigit(at)) at++;
  for (; isDigit(at); at++) bytes[at] = random.between(0x30, 0x39);
}

async function stored(archive: Buffer): Promise<Buffer> {
  const opened = await Zip.open(memoryBytes(archive), new Budget());
  const entries = [];
  for (const member of opened.members) {
    entries.push({ name: member.name, data: await opened.load(member, member.size), stored: true });
  }
  return zip(entries);
}
