// Lines and paragraphs of a PDF page. A page knows only where pieces of text stand: what belongs together is told by the
// distance of its lines.
const PARAGRAPH_GAP = 1.6; // of the height of a line: single spacing is 1.2, and 1.5 is no paragraph either
/** Letters of scripts that are written without spaces: a line end between two of them is no space. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。，．：；！？「」『』（）]/u;

export interface PlacedText {
  text: string;
  /** How far above the bottom of the page it stands, in points. */
  at: number;
  height: number;
  endsLine: boolean;
}

export class PageLines {
  readonly #paragraph: (text: string) => void;
  #lines = '';
  #line = '';
  #lineAt: number | null = null;
  #lineHeight = 0;
  #lastAt: number | null = null;

  constructor(paragraph: (text: string) => void) {
    this.#paragraph = paragraph;
  }

  add({ text, at, height, endsLine }: PlacedText): void {
    this.#line += text;
    if (text.trim() !== '' && Number.isFinite(at)) {
      this.#lineAt ??= at;
      this.#lineHeight = Math.max(this.#lineHeight, height || 0);
    }
    if (endsLine) this.#endLine();
  }

  end(): void {
    this.#endLine();
    this.#endParagraph();
  }

  #endLine(): void {
    const line = this.#line.trim();
    if (line !== '') {
      const gap = this.#lastAt === null || this.#lineAt === null ? 0 : this.#lastAt - this.#lineAt;
      const isFar = gap > this.#lineHeight * PARAGRAPH_GAP || gap < 0; // upwards: another column
      if (isFar && this.#lineHeight > 0) this.#endParagraph();
      this.#lines = joined(this.#lines, line);
      this.#lastAt = this.#lineAt;
    }
    this.#line = '';
    this.#lineAt = null;
    this.#lineHeight = 0;
  }

  #endParagraph(): void {
    if (this.#lines !== '') this.#paragraph(this.#lines);
    this.#lines = '';
  }
}

/** A word that was divided is made whole, and a line end in Chinese or Japanese is none. */
function joined(lines: string, line: string): string {
  if (lines === '') return line;
  if (/\p{Ll}-$/u.test(lines.slice(-3)) && /^\p{Ll}/u.test(line)) return lines.slice(0, -1) + line;
  const last = Array.from(lines.slice(-2)).at(-1) ?? '';
  return UNSPACED.test(last) && UNSPACED.test(line.slice(0, 2)) ? lines + line : `${lines}\n${line}`;
}
