// Where the text of a document goes: paragraphs come in with their place, chunks go out. A chunk ends where the next
// paragraph would make it too long or stands in another place, so that its source is true for all of it.
import { visibleText } from '../../mail/visible-text.ts';
import type { ChunkSource, ExtractedChunk } from './contract.ts';

const MAX_NOTES = 50; // an archive of a thousand pictures has nothing to say a thousand times
const MAX_NOTE_CHARS = 500;

/** A note: somebody meant the text for whoever does not look, such as an agent. */
export const HIDDEN_TEXT = 'Hidden text was left out.';

export interface OutputLimits {
  /** Characters of text in all chunks. */
  textChars: number;
  /** Characters of a chunk at most. */
  chunkChars: number;
}

export class Output {
  readonly #limits: OutputLimits;
  readonly #emit: (chunk: ExtractedChunk) => void;
  readonly #notes: string[] = [];
  readonly #noted = new Set<string>();
  #unsaid = 0;
  #lines: string[] = [];
  #chars = 0;
  #source: ChunkSource = {};
  #place = '';
  #left: number;

  constructor(limits: OutputLimits, emit: (chunk: ExtractedChunk) => void) {
    this.#limits = limits;
    this.#emit = emit;
    this.#left = limits.textChars;
  }

  /** True once text was left out, and a note says so: readers may stop. */
  get full(): boolean {
    return this.#left < 0;
  }

  get charsTaken(): number {
    return this.#limits.textChars - Math.max(0, this.#left);
  }

  /** A paragraph, a row or a line: what is best kept together. `row` alone does not make it another place. */
  paragraph(text: string, source: ChunkSource): void {
    if (this.full) return;
    let clean = visibleText(text).replaceAll('\u00a0', ' ').trimEnd();
    if (clean.trim() === '') return;
    const isCut = clean.length > this.#left;
    if (isCut) {
      clean = clean.slice(0, this.#left).toWellFormed();
      this.note(`Text after the first ${this.#limits.textChars} characters was left out.`);
    }
    this.#left = isCut ? -1 : this.#left - clean.length;
    if (clean === '') return;
    const place = placeOf(source);
    if (place !== this.#place || this.#chars + 1 + clean.length > this.#limits.chunkChars) this.flush();
    if (this.#lines.length === 0) {
      this.#source = source;
      this.#place = place;
    }
    for (const piece of piecesOf(clean, this.#limits.chunkChars)) {
      if (this.#chars + 1 + piece.length > this.#limits.chunkChars) {
        this.flush();
        this.#source = source;
        this.#place = place;
      }
      this.#lines.push(piece);
      this.#chars += piece.length + 1;
    }
  }

  /** Ends the chunk, so that what follows starts a new one. */
  flush(): void {
    const text = this.#lines.join('\n').trimEnd();
    this.#lines = [];
    this.#chars = 0;
    if (text !== '') this.#emit({ text, source: this.#source });
  }

  /** A sentence for a person. The same one is said once. */
  note(sentence: string): void {
    const short = visibleText(sentence).slice(0, MAX_NOTE_CHARS).toWellFormed();
    if (this.#noted.has(short)) return;
    if (this.#notes.length >= MAX_NOTES) {
      this.#unsaid++;
      return;
    }
    this.#noted.add(short);
    this.#notes.push(short);
  }

  get notes(): string[] {
    if (this.#unsaid === 0) return [...this.#notes];
    return [...this.#notes, `There is more of this kind: ${this.#unsaid} notes were left out.`];
  }
}

const placeOf = ({ part, page, sheet, slide }: ChunkSource): string =>
  [part ?? '', page ?? '', sheet ?? '', slide ?? ''].join('\0');

/** A text in pieces of at most `most` characters: cut at the end of a sentence or a word where there is one. */
function* piecesOf(text: string, most: number): Generator<string> {
  let at = 0;
  while (text.length - at > most) {
    const window = text.slice(at, at + most);
    let end = lastBreak(window);
    // Never between the halves of a character.
    if (end === window.length && isHighSurrogate(window.charCodeAt(end - 1))) end--;
    yield window.slice(0, end).trimEnd();
    at += Math.max(1, end);
  }
  if (at < text.length) yield text.slice(at);
}

/** Where a piece is best cut: behind the last sentence or word of its second half, else at its end. */
function lastBreak(window: string): number {
  const half = window.length >> 1;
  const sentence = Math.max(
    ...['\n', '. ', '! ', '? ', '。', '！', '？'].map((mark) => {
      const found = window.lastIndexOf(mark);
      return found < 0 ? -1 : found + mark.length;
    }),
  );
  if (sentence > half) return sentence;
  const word = Math.max(window.lastIndexOf(' '), window.lastIndexOf('\t'));
  return word > half ? word + 1 : window.length;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
