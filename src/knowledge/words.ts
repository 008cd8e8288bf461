// Text as the full-text index has it, and a person's query in its words: folded, so that case, diacritics and width do not
// count, and with pairs of characters where a script writes no spaces between words. Pure.
import { PosternError } from '../kernel/errors.ts';

/** Scripts in which words are not told apart by spaces, or (Hangul) end in particles. */
const RUNS = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}ー]+/gu;
const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** Marks on letters that are found without them; on others (が) they make another letter. */
const ACCENTS = /([\p{sc=Latn}\p{sc=Grek}])\p{Mn}+/gu;
/** What no decomposition takes apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ł: 'l',
  ı: 'i',
  ё: 'е',
};
const LONGEST_WORD_CHARS = 64; // no word is longer; of base64 and the like the beginning is enough to find it

/** One form for all ways to write the same. */
export function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(ACCENTS, '$1')
    .normalize('NFC')
    .replace(/[ßæœøđłıё]/g, (letter) => LETTERS[letter] ?? letter);
}

/** A piece of text: a word, or a run of characters of a script without spaces. */
interface Piece {
  text: string;
  isRun: boolean;
  start: number;
}

/** @param text folded */
function* piecesOf(text: string): Generator<Piece> {
  for (const { 0: word, index } of text.matchAll(WORD)) {
    let at = 0;
    for (const { 0: run, index: inWord } of word.matchAll(RUNS)) {
      if (inWord > at) yield { text: word.slice(at, inWord), isRun: false, start: index + at };
      yield { text: run, isRun: true, start: index + inWord };
      at = inWord + run.length;
    }
    if (at < word.length) yield { text: word.slice(at), isRun: false, start: index + at };
  }
}

/** The pairs of neighbours; a single character is itself. */
function pairsOf(run: string): string[] {
  const characters = [...run];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}

const lastOf = (text: string): string | undefined => [...text.slice(-2)].at(-1);

/** What the index takes in: words between spaces. */
export function indexText(text: string): string {
  const words: string[] = [];
  for (const { text: piece, isRun } of piecesOf(fold(text))) {
    if (!isRun) words.push(piece.slice(0, LONGEST_WORD_CHARS));
    else {
      const pairs = pairsOf(piece);
      for (const pair of pairs) words.push(pair); // a run may be as long as the text
      const last = lastOf(piece);
      if (last !== undefined && last !== pairs.at(-1)) words.push(last); // so that every character begins a word
    }
  }
  return words.join(' ');
}

/** One thing that is looked for. */
interface Term {
  /** Words of the index that stand one after the other, in any of these spellings. */
  spellings: readonly string[];
  /** The last word may go on. */
  isPrefix: boolean;
}

/** An expression of FTS5, and what is to be marked where it is found, folded. */
export interface Lookup {
  expression: string;
  marks: readonly string[];
}

export interface Query {
  /** All of the terms. */
  all: Lookup;
  /** Any of them, and any pair of characters of a long run: who writes without spaces may have meant several words. */
  any: Lookup | null;
}

export const LONGEST_QUERY_CHARS = 500; // a question in a few sentences
const MAX_TERMS = 32;
const MAX_WORDS = 32; // of one phrase
const MAX_PAIRS = 64;

/**
 * Reads what a person or an agent typed: words, "several words" in this order, word* for its beginning, -word for what must
 * not be there. Everything else is taken as space: nothing that is typed is an expression of the engine's.
 * @throws PosternError `query_empty`, `query_too_long`
 */
export function readQuery(text: string): Query {
  if (text.length > LONGEST_QUERY_CHARS)
    throw new PosternError('query_too_long', `A query has at most ${LONGEST_QUERY_CHARS} characters.`);
  const wanted: Term[] = [];
  const unwanted: Term[] = [];
  const marks = new Set<string>();
  const pairs = new Set<string>();
  for (const [, minus, phrase, word = '', star] of text.matchAll(
    /(?<![^\s"])(-)?(?:"([^"]*)"|([^\s"]*?))(\*)?(?=[\s"]|$)/gu,
  )) {
    const source = phrase ?? word;
    const terms = termsOf(source, star !== undefined);
    if (minus) {
      unwanted.push(...terms);
      continue;
    }
    wanted.push(...terms);
    for (const { text: piece, isRun } of piecesOf(fold(source))) {
      marks.add(piece);
      if (isRun && phrase === undefined) for (const pair of pairsOf(piece)) pairs.add(pair);
    }
  }
  const terms = [...new Set(wanted.map(expressionOf))].slice(0, MAX_TERMS);
  if (terms.length === 0)
    throw new PosternError('query_empty', 'The query has no word to look for.', {
      hint: 'Write at least one word that must be there.',
    });
  const unwantedTerms = [...new Set(unwanted.map(expressionOf))].slice(0, MAX_TERMS);
  const not = unwantedTerms.map((term) => ` NOT ${term}`);
  const some = [...terms, ...[...pairs].slice(0, MAX_PAIRS).map((pair) => `"${pair}"`)];
  return {
    all: { expression: `(${terms.join(' AND ')})${not.join('')}`, marks: [...marks] },
    any:
      new Set(some).size < 2
        ? null
        : { expression: `(${some.join(' OR ')})${not.join('')}`, marks: [...marks, ...pairs] },
  };
}

/** A phrase is one term; so is a word with marks inside, such as `RE-2026-17`. */
function termsOf(source: string, isPrefix: boolean): Term[] {
  const spellings = new Set([source, ...umlauts(source)].map(phraseOf).filter((phrase) => phrase !== ''));
  if (spellings.size === 0) return [];
  const last = [...piecesOf(fold(source))].at(-1);
  const isSingle = last?.isRun === true && [...last.text].length === 1; // a single character begins a pair
  return [{ spellings: [...spellings], isPrefix: isPrefix || isSingle }];
}

/** The words of the index that stand one after the other where the text stands. */
function phraseOf(text: string): string {
  const words: string[] = [];
  const pieces = [...piecesOf(fold(text))];
  for (const [i, { text: piece, isRun }] of pieces.entries()) {
    if (!isRun) words.push(piece.slice(0, LONGEST_WORD_CHARS));
    else {
      words.push(...pairsOf(piece));
      const last = [...piece].at(-1);
      if (i < pieces.length - 1 && last !== undefined && last !== words.at(-1)) words.push(last); // as in the index
    }
  }
  return words.slice(0, MAX_WORDS).join(' ');
}

const UMLAUTS: readonly (readonly [RegExp, string])[] = [
  [/ä/g, 'ae'],
  [/ö/g, 'oe'],
  [/ü/g, 'ue'],
];

const SHORTEST_NAME_CHARS = 5; // shorter words with an e are English ones

/** The other spellings of a German name: Müller is written Mueller too, and Mueller may stand there as Müller. */
function umlauts(text: string): string[] {
  const lower = text.normalize('NFC').toLowerCase();
  const written = UMLAUTS.reduce((word, [letter, pair]) => word.replace(letter, pair), lower);
  const folded = lower.length < SHORTEST_NAME_CHARS ? lower : lower.replace(/([aou])e(?=\p{L})/gu, '$1');
  return [written, folded].filter((word) => word !== lower);
}

function expressionOf({ spellings, isPrefix }: Term): string {
  const phrases = spellings.map((words) => `"${words}"${isPrefix ? ' *' : ''}`);
  return phrases.length === 1 ? (phrases[0] ?? '') : `(${phrases.join(' OR ')})`;
}

const SNIPPET_CHARS = 240; // about three lines
const LEAD_CHARS = 60;

/** The part of a chunk around the first of the marks, on one line, with an ellipsis where something is left out. */
export function snippetOf(text: string, marks: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= SNIPPET_CHARS) return line;
  const found = firstOf(line, marks);
  let start = Math.max(0, Math.min(found - LEAD_CHARS, line.length - SNIPPET_CHARS));
  if (start > 0) {
    const space = line.indexOf(' ', start);
    if (space >= 0 && space < found) start = space + 1; // at a word's beginning
  }
  const cut = line.slice(start, start + SNIPPET_CHARS).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '');
  return `${start > 0 ? '… ' : ''}${cut}${start + SNIPPET_CHARS < line.length ? ' …' : ''}`;
}

/** Where the first mark stands; 0 where none does. Folding may change lengths: words are compared one by one. */
function firstOf(line: string, marks: readonly string[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { 0: word, index } of line.matchAll(WORD)) {
    const folded = fold(word);
    if (marks.some((mark) => folded.includes(mark))) {
      const inside =
        folded.length === word.length ? marks.map((m) => folded.indexOf(m)).filter((at) => at >= 0) : [0];
      best = index + Math.min(...inside);
      break;
    }
  }
  return Number.isFinite(best) ? best : 0;
}
