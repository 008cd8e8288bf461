// What of a mail is not shown to whoever reads it, kept apart from what is: how much of which kind, and the beginning of
// it. Hidden text is the usual way to tell an agent something that the person in front of the mail cannot see.
import type { HiddenKind, HiddenNote } from '../contracts/mail.ts';

const MAX_KEPT_CHARS = 4000; // enough to judge it by; the HTML holds all of it
const MAX_PIECES = 1000;

export class HiddenText {
  readonly #counts = new Map<HiddenKind, number>();
  readonly #pieces: string[] = [];
  #kept = 0;

  /** @param characters how many they are, where that is not the length of the text without its spaces */
  add(kind: HiddenKind, text: string, characters = countOf(text)): void {
    if (characters === 0) return;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + characters);
    if (this.#kept >= MAX_KEPT_CHARS || this.#pieces.length >= MAX_PIECES) return;
    const piece = text
      .slice(0, MAX_KEPT_CHARS - this.#kept)
      .replace(/\s+/g, ' ')
      .trim();
    if (piece === '') return;
    this.#kept += piece.length + 1;
    this.#pieces.push(piece.toWellFormed());
  }

  /** Null where nothing was hidden. */
  note(): HiddenNote | null {
    if (this.#counts.size === 0) return null;
    const kinds = [...this.#counts].map(([kind, characters]) => ({ kind, characters }));
    return {
      characters: kinds.reduce((sum, { characters }) => sum + characters, 0),
      kinds: kinds.sort((a, b) => b.characters - a.characters),
      text: this.#pieces.join('\n'),
    };
  }
}

const countOf = (text: string): number => text.replace(/\s+/g, '').length;
