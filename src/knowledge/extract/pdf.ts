// PDF: the one door of PDF.js. Its text layer only: nothing is drawn, no script runs, no picture or font is decoded for
// its looks, nothing is fetched. Pages come one by one, so that a book costs no more memory than its longest page.
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { TextItem } from 'pdfjs-dist/types/src/display/api.js';
import { refuse } from './budget.ts';
import { type Bytes, pieces } from './bytes.ts';
import type { ChunkSource } from './contract.ts';
import type { Output } from './output.ts';

const MAX_PAGES = 5000;
const MAX_BROKEN_IN_A_ROW = 20; // a count of pages may be a lie
const PARAGRAPH_GAP = 1.6; // of the height of a line: single spacing is 1.2, one and a half is told apart by its indents
const MAX_PAGE_CHARS = 1_000_000;

const SILENT = 0;
/** Letters of scripts that are written without spaces: a line end between two of them is no space. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。，．：；！？「」『』（）]/u;

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
        await readPage(proxy.streamTextContent({}), (text) => out.paragraph(text, { ...source, page }));
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

/** Joins what the page places into lines and paragraphs. */
async function readPage(stream: unknown, paragraph: (text: string) => void): Promise<void> {
  const reader = (stream as TextStream).getReader();
  let chars = 0;
  let lines = '';
  let line = '';
  let lineAt: number | null = null; // the height on the page at which the line stands
  let lastAt: number | null = null;
  let lineHeight = 0;
  const endParagraph = (): void => {
    if (lines.trim() !== '') paragraph(lines);
    lines = '';
  };
  const endLine = (): void => {
    if (line.trim() !== '') {
      const gap = lastAt === null || lineAt === null ? 0 : lastAt - lineAt;
      if (lineHeight > 0 && (gap > lineHeight * PARAGRAPH_GAP || gap < 0)) endParagraph();
      lines = joined(lines, line.trim());
      lastAt = lineAt;
    }
    line = '';
    lineAt = null;
    lineHeight = 0;
  };
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !value) break;
    for (const item of value.items as TextItem[]) {
      if (typeof item.str !== 'string') continue; // a mark of the document's structure
      line += item.str;
      chars += item.str.length;
      const at = Number(item.transform?.[5]);
      if (item.str.trim() !== '' && Number.isFinite(at)) {
        lineAt ??= at;
        lineHeight = Math.max(lineHeight, item.height || 0);
      }
      if (item.hasEOL) endLine();
    }
    if (chars > MAX_PAGE_CHARS) {
      await reader.cancel(new Error('A page holds no more.'));
      break;
    }
  }
  endLine();
  endParagraph();
}

/** A word that was divided is made whole, and a line end in Chinese or Japanese is none. */
function joined(lines: string, line: string): string {
  if (lines === '') return line;
  if (/\p{Ll}-$/u.test(lines.slice(-3)) && /^\p{Ll}/u.test(line)) return lines.slice(0, -1) + line;
  const last = Array.from(lines.slice(-2)).at(-1) ?? '';
  return UNSPACED.test(last) && UNSPACED.test(line.slice(0, 2)) ? lines + line : `${lines}\n${line}`;
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
