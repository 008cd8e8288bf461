// The running text of Word documents and of slides: paragraphs, breaks, tabs and tables are called the same in
// WordprocessingML and DrawingML (ISO/IEC 29500-1 §17, §21.1).
import { isOn } from './ooxml.ts';
import { type Attributes, attribute, type Skips, type XmlReader } from './xml.ts';

export interface TextTarget {
  paragraph(text: string): void;
  /** Text was left out that a reader does not see. */
  hidden(): void;
  full(): boolean;
}

/**
 * What a reader does not see, or sees twice: deleted and moved text, the older form of a newer drawing, page numbers,
 * separators of footnotes.
 */
export const skipsUnseen: Skips = (name, attributes) =>
  name === 'del' ||
  name === 'moveFrom' ||
  name === 'Fallback' ||
  (name === 'fld' && attribute(attributes, 'type') === 'slidenum') ||
  ((name === 'footnote' || name === 'endnote') && /eparator/.test(attribute(attributes, 'type') ?? ''));

/** A row of a table is one paragraph, with tabs between its cells. */
export class OfficeText implements XmlReader {
  readonly #target: TextTarget;
  /** Text boxes put paragraphs into paragraphs. */
  readonly #paragraphs: string[] = [];
  readonly #rows: string[][] = [];
  readonly #cells: string[][] = [];
  #isHidden = false;

  constructor(target: TextTarget) {
    this.#target = target;
  }

  open(name: string, attributes: Attributes, parent: string): void {
    if (name === 'p') this.#paragraphs.push('');
    else if (name === 'r') this.#isHidden = false;
    else if (name === 'vanish' && parent === 'rPr')
      this.#isHidden = this.#isHidden || isOn(attribute(attributes, 'val'));
    else if (name === 'tab' && parent === 'r') this.#add('\t');
    else if ((name === 'br' || name === 'cr') && (parent === 'r' || parent === 'p')) this.#add('\n');
    else if (name === 'noBreakHyphen') this.#add('-');
    else if (name === 'tr') this.#rows.push([]);
    else if (name === 'tc') this.#cells.push([]);
  }

  text(text: string, parent: string): void {
    if (parent !== 't') return;
    if (!this.#isHidden) this.#add(text);
    else if (text.trim() !== '') this.#target.hidden();
  }

  close(name: string): void {
    if (name === 'p') this.#put(this.#paragraphs.pop() ?? '');
    else if (name === 'tc') this.#rows.at(-1)?.push((this.#cells.pop() ?? []).join(' '));
    else if (name === 'tr') this.#put((this.#rows.pop() ?? []).join('\t'));
  }

  done(): boolean {
    return this.#target.full();
  }

  #add(text: string): void {
    const last = this.#paragraphs.length - 1;
    if (last >= 0) this.#paragraphs[last] += text;
  }

  /** Where a finished paragraph or row belongs: into the cell around it, or out. */
  #put(text: string): void {
    if (text.trim() === '') return;
    const cell = this.#cells.at(-1);
    if (cell) cell.push(text.replaceAll('\n', ' '));
    else this.#target.paragraph(text);
  }
}
