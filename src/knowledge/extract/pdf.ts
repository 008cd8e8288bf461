// PDF: the one door of PDF.js. The text of its pages, what was filled into its forms, and what was noted on it: nothing is
// drawn, no script runs, no picture or font is decoded for its looks, nothing is fetched. Pages come one by one, so that a
// book costs no more memory than its longest page.
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { PDFPageProxy, TextItem } from 'pdfjs-dist/types/src/display/api.js';
import { refuse } from './budget.ts';
import { type Bytes, pieces } from './bytes.ts';
import type { ChunkSource } from './contract.ts';
import type { Output } from './output.ts';
import { PageLines } from './pdf-lines.ts';

const MAX_PAGES = 5000;
const MAX_BROKEN_IN_A_ROW = 20; // a count of pages may be a lie
const MAX_PAGE_CHARS = 1_000_000;
const MAX_FIELDS = 2000; // of a page; tax forms have some hundreds
const SILENT = 0; // the library's word for saying nothing on the console

/** @throws PosternError `document_encrypted`, `document_broken` */
export async function readPdf(bytes: Bytes, out: Output, source: ChunkSource): Promise<void> {
  const { getDocument } = await import('pdfjs-dist/legacy/build/pdf.mjs');
  const task = getDocument({
    data: whole(bytes),
    verbosity: SILENT,
    // The tables of East Asian encodings lie beside the library.
    cMapUrl: join(libraryFolder(), 'cmaps') + sep,
    cMapPacked: true,
    standardFontDataUrl: join(libraryFolder(), 'standard_fonts') + sep,
    disableFontFace: true,
    useSystemFonts: false,
    enableXfa: false,
    useWasm: false,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    stopAtErrors: false, // what can be read of a damaged file is read
  });
  try {
    const document = await task.promise;
    const charsBefore = out.charsTaken;
    let read = 0;
    let broken = 0;
    let brokenInARow = 0;
    const count = Math.min(document.numPages, MAX_PAGES);
    if (document.numPages > MAX_PAGES) out.note(`Pages after the first ${MAX_PAGES} were left out.`);
    for (let page = 1; page <= count && !out.full; page++) {
      try {
        const proxy = await document.getPage(page);
        await readPage(proxy, (text) => out.paragraph(text, { ...source, page }));
        proxy.cleanup();
        read++;
        brokenInARow = 0;
      } catch {
        broken++;
        brokenInARow++;
        out.note(`Page ${page} could not be read.`);
        if (brokenInARow >= MAX_BROKEN_IN_A_ROW) break;
      }
    }
    if (read === 0 && broken > 0) {
      throw refuse('document_broken', 'The pages of the PDF cannot be read.');
    }
    if (broken === 0 && out.charsTaken === charsBefore) out.note('The PDF holds no text; it may be a scan.');
  } catch (error) {
    throw clear(error);
  } finally {
    await task.destroy();
  }
}

interface TextStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: { items: unknown[] } }>;
    cancel(reason: Error): Promise<void>;
  };
}

async function readPage(page: PDFPageProxy, paragraph: (text: string) => void): Promise<void> {
  const lines = new PageLines(paragraph);
  const reader = (page.streamTextContent({}) as TextStream).getReader();
  let chars = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !value) break;
    for (const item of value.items as TextItem[]) {
      if (typeof item.str !== 'string') continue; // a mark of the document's structure
      chars += item.str.length;
      const at = Number(item.transform?.[5]);
      lines.add({ text: item.str, at, height: item.height, endsLine: item.hasEOL });
    }
    if (chars > MAX_PAGE_CHARS) {
      await reader.cancel(new Error('A page holds no more.'));
      break;
    }
  }
  lines.end();
  for (const text of await filledIn(page)) paragraph(text);
}

/** What people wrote onto the page: fields of a form by their names, and notes. A damaged form does not spoil the page. */
async function filledIn(page: PDFPageProxy): Promise<string[]> {
  const found: unknown[] = await page.getAnnotations({ intent: 'display' }).catch(() => []);
  return found.slice(0, MAX_FIELDS).flatMap((annotation) => {
    const { subtype, fieldName, fieldType, fieldValue, contentsObj, hidden, password } = annotation as {
      [key: string]: unknown;
      contentsObj?: { str?: unknown };
    };
    if (hidden === true || password === true) return [];
    if (subtype !== 'Widget') return typeof contentsObj?.str === 'string' ? [contentsObj.str] : [];
    if (fieldType !== 'Tx' && fieldType !== 'Ch') return []; // buttons say only that they are pressed
    const value = (Array.isArray(fieldValue) ? fieldValue : [fieldValue])
      .filter((one) => typeof one === 'string')
      .join(', ');
    if (value.trim() === '') return [];
    return [typeof fieldName === 'string' && fieldName !== '' ? `${fieldName}: ${value}` : value];
  });
}

/** The library looks for its cross references from the end, and jumps: it wants all of it. */
function whole(bytes: Bytes): Uint8Array {
  const all = new Uint8Array(bytes.size);
  let at = 0;
  for (const piece of pieces(bytes)) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const libraryFolder = (): string =>
  dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));

function clear(error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'PosternError') return error;
  if (error.name === 'PasswordException') {
    return refuse('document_encrypted', 'The PDF is protected by a password.');
  }
  return refuse('document_broken', `The PDF cannot be read: ${error.message.slice(0, 200)}`);
}
