// OpenDocument texts, spreadsheets and presentations (OASIS ODF 1.3): one content.xml for all, in which sheets and
// slides are elements.
import { refuse } from './budget.ts';
import type { ChunkSource } from './contract.ts';
import type { Output } from './output.ts';
import { type Attributes, attribute, readXml, type XmlReader } from './xml.ts';
import type { Zip } from './zip.ts';

const CONTENT = 'content.xml';
const MAX_REPEATED_SPACES = 100;
const MAX_REPEATED_CELLS = 20; // more of the same, or of nothing, are no table
const MAX_REPEATED_ROWS = 20;
const MAX_ROW = 1_048_576;
/** Deleted text, numbers of pages and what slides show by themselves. */
const UNSEEN = new Set(['tracked-changes', 'page-number', 'page-count', 'forms', 'settings']);

/** @throws PosternError `document_encrypted`, `document_broken`, `document_too_complex` and what unpacking throws */
export async function readOdf(zip: Zip, out: Output, source: ChunkSource): Promise<void> {
  await refuseEncrypted(zip);
  const member = zip.member(CONTENT);
  if (!member) throw refuse('document_broken', `Its part ${CONTENT} is missing.`);
  await readXml(zip.unpack(member), new OdfReader(out, source), (name) => UNSEEN.has(name));
}

async function refuseEncrypted(zip: Zip): Promise<void> {
  const manifest = zip.member('META-INF/manifest.xml');
  if (!manifest) return;
  let isEncrypted = false;
  await readXml(zip.unpack(manifest), {
    open: (name) => {
      if (name === 'encryption-data') isEncrypted = true;
    },
    done: () => isEncrypted,
  });
  if (isEncrypted) throw refuse('document_encrypted', 'The document is protected by a password.');
}

class OdfReader implements XmlReader {
  readonly #out: Output;
  readonly #base: ChunkSource;
  /** Text boxes and notes put paragraphs into paragraphs. */
  readonly #paragraphs: string[] = [];
  readonly #rows: { cells: string[]; repeated: number }[] = [];
  readonly #cells: { texts: string[]; repeated: number }[] = [];
  #slide = 0;
  #sheet: string | null = null;
  #row = 0;
  #tables = 0;
  #inParagraph = 0;

  constructor(out: Output, source: ChunkSource) {
    this.#out = out;
    this.#base = source;
  }

  open(name: string, attributes: Attributes, parent: string): void {
    if (name === 'p' || name === 'h') {
      this.#paragraphs.push('');
      this.#inParagraph++;
    } else if (name === 's') this.#add(' '.repeat(count(attributes, 'c', MAX_REPEATED_SPACES)));
    else if (name === 'tab') this.#add('\t');
    else if (name === 'line-break') this.#add('\n');
    else if (name === 'page' && parent === 'presentation') this.#slide++;
    else if (name === 'table') {
      this.#tables++;
      if (parent !== 'spreadsheet') return;
      this.#sheet = attribute(attributes, 'name') ?? '';
      this.#row = 0;
    } else if (name === 'table-row') {
      this.#rows.push({ cells: [], repeated: count(attributes, 'number-rows-repeated', MAX_ROW) });
    } else if (name === 'table-cell' || name === 'covered-table-cell') {
      const repeated = count(attributes, 'number-columns-repeated', MAX_REPEATED_CELLS);
      this.#cells.push({ texts: [], repeated });
    }
  }

  text(text: string): void {
    if (this.#inParagraph > 0) this.#add(text.replace(/\s+/g, ' '));
  }

  close(name: string): void {
    if (name === 'p' || name === 'h') {
      this.#inParagraph--;
      this.#put(this.#paragraphs.pop() ?? '');
    } else if (name === 'table-cell' || name === 'covered-table-cell') {
      const { texts, repeated } = this.#cells.pop() ?? { texts: [], repeated: 1 };
      const cells = this.#rows.at(-1)?.cells;
      for (let i = 0; i < repeated; i++) cells?.push(texts.join(' '));
    } else if (name === 'table-row') this.#endRow();
    else if (name === 'table') {
      this.#tables--;
      if (this.#tables === 0) this.#sheet = null;
    }
  }

  done(): boolean {
    return this.#out.full;
  }

  #endRow(): void {
    const { cells, repeated } = this.#rows.pop() ?? { cells: [], repeated: 1 };
    const line = cells.join('\t').trimEnd();
    for (let i = 0; i < Math.min(repeated, MAX_REPEATED_ROWS) && line !== ''; i++) {
      this.#row++;
      this.#put(line);
      this.#row--;
    }
    if (this.#tables === 1) this.#row = Math.min(MAX_ROW, this.#row + repeated);
  }

  #add(text: string): void {
    const last = this.#paragraphs.length - 1;
    if (last >= 0) this.#paragraphs[last] += text;
  }

  #put(text: string): void {
    if (text.trim() === '') return;
    const cell = this.#cells.at(-1);
    if (cell) cell.texts.push(text.replaceAll('\n', ' '));
    else this.#out.paragraph(text, this.#place());
  }

  #place(): ChunkSource {
    if (this.#sheet !== null) return { ...this.#base, sheet: this.#sheet, row: Math.max(1, this.#row) };
    return this.#slide > 0 ? { ...this.#base, slide: this.#slide } : this.#base;
  }
}

/** How often something is repeated: at least once, at most `most` times. */
function count(attributes: Attributes, name: string, most: number): number {
  const value = Number(attribute(attributes, name) ?? 1);
  return Number.isInteger(value) && value > 0 ? Math.min(value, most) : 1;
}
