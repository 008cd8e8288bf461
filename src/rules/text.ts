// Text in the two forms in which rules compare it. What looks the same to a reader compares as the same.

/**
 * How much of one subject, header or name is looked at, in UTF-16 code units. A header line ends at 998
 * octets (RFC 5322 §2.1.1): more than this is an attack, and a bound on the text bounds what every pattern
 * can cost.
 */
export const MAX_TEXT_CHARS = 10_000;

/**
 * How much of the body: some forty pages. An expression takes about a tenth of a microsecond for each character, and
 * nothing else is done meanwhile.
 */
export const MAX_BODY_CHARS = 100_000;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const WHITE_SPACE = /\s+/g;
const DOUBLE_SPACE = /^ | {2}| $/;

/** A text of the mail, brought into form when first asked for. */
export class TextForm {
  readonly #raw: string;
  #text: string | undefined;
  #folded: string | undefined;

  constructor(raw: string, maxChars = MAX_TEXT_CHARS) {
    this.#raw = raw.length > maxChars ? raw.slice(0, maxChars) : raw;
  }

  /** In NFC, each run of white space as one space: what a regular expression sees. */
  get text(): string {
    this.#text ??= spaced(isPlain(this.#raw) ? this.#raw : this.#raw.normalize('NFC'));
    return this.#text;
  }

  /** In NFKC and lower case as well: what words and globs are compared with. */
  get folded(): string {
    this.#folded ??= fold(this.#raw);
    return this.#folded;
  }
}

/** NFKC, lower case, each run of white space as one space, none at the ends. */
export function fold(text: string): string {
  return foldPiece(text).trim();
}

/** As `fold`, keeping a space at either end: for a piece of a pattern. */
export function foldPiece(text: string): string {
  if (isPlain(text)) return text.toLowerCase().replace(/ {2,}/g, ' ');
  return text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(WHITE_SPACE, ' ');
}

function isPlain(text: string): boolean {
  return PRINTABLE_ASCII.test(text);
}

function spaced(text: string): string {
  if (isPlain(text) && !DOUBLE_SPACE.test(text)) return text;
  return text.replace(WHITE_SPACE, ' ').trim();
}

const MAX_SHOWN_CHARS = 120;

/** A text of the mail for a person to read: on one line, bounded, nothing that steers a terminal. */
export function shown(text: string): string {
  const line = text.slice(0, MAX_SHOWN_CHARS * 2).replace(/[\p{C}\p{Z}]+/gu, ' ');
  return `“${line.length > MAX_SHOWN_CHARS ? `${line.slice(0, MAX_SHOWN_CHARS)}…` : line}”`;
}
