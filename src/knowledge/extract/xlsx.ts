// Workbooks: every visible sheet, a row a line, with tabs between the cells, then what is noted on cells. Sheets are read
// as they are unpacked and never held; the table of strings is, as cells refer to it.
import type { ChunkSource } from './contract.ts';
import { OfficePackage, relationId } from './ooxml.ts';
import type { Output } from './output.ts';
import { builtInKind, columnOf, kindOfFormat, type NumberKind, showNumber } from './xlsx-cells.ts';
import { type Attributes, attribute, type XmlReader } from './xml.ts';
import type { Zip } from './zip.ts';

const MAX_SHEETS = 1000;
const MAX_SHARED_STRINGS = 2_000_000;
const MAX_SHARED_CHARS = 64 * 1024 * 1024; // of all strings: several times the text that is kept
const MAX_STYLES = 65_536; // as many as Excel takes
const MAX_ROW = 1_048_576;
const MAX_GAP = 20; // empty cells that are shown as such; more are no table
const MAX_ROW_CHARS = 64 * 1024;

interface Workbook {
  strings: readonly string[];
  /** By the index that cells name. */
  kinds: readonly NumberKind[];
  is1904: boolean;
}

/** @throws PosternError `document_broken`, `document_too_complex` and what unpacking throws */
export async function readXlsx(zip: Zip, out: Output, source: ChunkSource): Promise<void> {
  const office = new OfficePackage(zip);
  const main = await office.mainPart('xl/workbook.xml');
  const sheets: { name: string; id: string; isHidden: boolean }[] = [];
  let is1904 = false;
  await office.read(main, {
    open: (name, attributes) => {
      if (name === 'workbookPr') is1904 = ['1', 'true'].includes(attributes.date1904 ?? '');
      if (name !== 'sheet' || sheets.length >= MAX_SHEETS) return;
      const isHidden = (attributes.state ?? 'visible') !== 'visible';
      sheets.push({ name: attributes.name ?? '', id: relationId(attributes), isHidden });
    },
  });
  const relations = await office.relationships(main);
  const parts = new Map(relations.map(({ id, target }) => [id, target]));
  const ofType = (type: string): string => relations.find((relation) => relation.type === type)?.target ?? '';
  const strings = await readStrings(office, ofType('sharedStrings'), out);
  const kinds = await readKinds(office, ofType('styles'));
  for (const sheet of sheets) {
    if (out.full) return;
    const part = parts.get(sheet.id);
    if (sheet.isHidden) out.note(`The sheet “${sheet.name}” is hidden and was left out.`);
    else if (part === undefined || !office.has(part))
      out.note(`The sheet “${sheet.name}” is missing in the file.`);
    else {
      const reader = new SheetReader({ strings, kinds, is1904 }, out, { ...source, sheet: sheet.name });
      await office.read(part, reader, (name) => name === 'rPh');
      await readComments(office, part, out, { ...source, sheet: sheet.name });
    }
  }
}

/** What people noted on cells, each with the cell that it stands on. */
async function readComments(
  office: OfficePackage,
  sheet: string,
  out: Output,
  source: ChunkSource,
): Promise<void> {
  const part = (await office.relationships(sheet)).find(({ type }) => type === 'comments')?.target;
  if (part === undefined || !office.has(part)) return;
  let cell = '';
  let text = '';
  await office.read(part, {
    open: (name, attributes) => {
      if (name !== 'comment') return;
      cell = attributes.ref ?? '';
      text = '';
    },
    text: (words, parent) => {
      if (parent === 't') text += words;
    },
    close: (name) => {
      if (name === 'comment' && text.trim() !== '') out.paragraph(`${cell}: ${text}`, source);
    },
    done: () => out.full,
  });
}

async function readStrings(office: OfficePackage, part: string, out: Output): Promise<string[]> {
  const strings: string[] = [];
  if (part === '' || !office.has(part)) return strings;
  let chars = 0;
  let pieces: string[] = [];
  const isFull = (): boolean => strings.length >= MAX_SHARED_STRINGS || chars > MAX_SHARED_CHARS;
  await office.read(
    part,
    {
      open: (name) => {
        if (name === 'si') pieces = [];
      },
      text: (text, parent) => {
        if (parent !== 't') return;
        pieces.push(text);
        chars += text.length;
      },
      close: (name) => {
        if (name === 'si') strings.push(pieces.join(''));
      },
      done: isFull,
    },
    (name) => name === 'rPh', // how a Japanese word is read, beside the word
  );
  if (isFull()) out.note('The workbook has more text than is read; some cells were left out.');
  return strings;
}

async function readKinds(office: OfficePackage, part: string): Promise<NumberKind[]> {
  const kinds: NumberKind[] = [];
  if (part === '' || !office.has(part)) return kinds;
  const own = new Map<number, NumberKind>();
  await office.read(part, {
    open: (name, attributes, parent) => {
      if (name === 'numFmt' && own.size < MAX_STYLES) {
        own.set(Number(attributes.numFmtId), kindOfFormat(attributes.formatCode ?? ''));
      } else if (name === 'xf' && parent === 'cellXfs' && kinds.length < MAX_STYLES) {
        const id = Number(attributes.numFmtId ?? 0);
        kinds.push(own.get(id) ?? builtInKind(id));
      }
    },
  });
  return kinds;
}

class SheetReader implements XmlReader {
  readonly #book: Workbook;
  readonly #out: Output;
  readonly #source: ChunkSource;
  #row = 0;
  #column = -1;
  #line = '';
  #type = '';
  #style = 0;
  #value: string[] = [];

  constructor(book: Workbook, out: Output, source: ChunkSource) {
    this.#book = book;
    this.#out = out;
    this.#source = source;
  }

  open(name: string, attributes: Attributes): void {
    if (name === 'row') {
      const row = Number(attribute(attributes, 'r'));
      this.#row = Number.isInteger(row) && row > 0 && row <= MAX_ROW ? row : this.#row + 1;
      this.#column = -1;
      this.#line = '';
    } else if (name === 'c') {
      this.#type = attributes.t ?? 'n';
      this.#style = Number(attributes.s ?? 0);
      this.#value = [];
      const column = columnOf(attributes.r ?? '') ?? this.#column + 1;
      if (this.#line !== '' && this.#line.length < MAX_ROW_CHARS)
        this.#line += '\t'.repeat(Math.max(1, Math.min(MAX_GAP, column - this.#column)));
      this.#column = column;
    }
  }

  text(text: string, parent: string): void {
    if (parent === 'v' || parent === 't') this.#value.push(text);
  }

  close(name: string): void {
    if (name === 'c') {
      if (this.#line.length < MAX_ROW_CHARS) this.#line += this.#shown().replace(/[\t\r\n]+/g, ' ');
    } else if (name === 'row' && this.#line.trim() !== '') {
      this.#out.paragraph(this.#line, { ...this.#source, row: this.#row });
    }
  }

  done(): boolean {
    return this.#out.full;
  }

  #shown(): string {
    const value = this.#value.join('');
    if (value === '') return '';
    if (this.#type === 's') {
      const shared = this.#book.strings[Number(value)];
      if (shared === undefined) this.#out.note('Some cells name text that the workbook does not have.');
      return shared ?? '';
    }
    if (this.#type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
    if (this.#type !== 'n') return value;
    return showNumber(value, this.#book.kinds[this.#style] ?? 'plain', this.#book.is1904);
  }
}
