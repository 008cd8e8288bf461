// Text from mail on its way to a terminal. A subject may hold escape sequences that move the cursor, set the title or
// hide what was printed, and characters that turn the direction of writing: each becomes a visible mark instead.

const MARK = '\ufffd';
// The bidirectional controls (UAX #9) and the separators of lines and paragraphs.
const TURNING = '\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';
// Control characters (C0, DEL, C1) but tab and newline. Built from texts: these are what the patterns are about.
const UNSAFE = new RegExp(`[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f${TURNING}]`, 'g');
const UNSAFE_IN_JSON = new RegExp(`[\\x7f-\\x9f${TURNING}]`, 'g');
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])$/u;

/** Keeps the lines of a text. */
export function safeLines(text: string): string {
  return text.replaceAll('\r\n', '\n').toWellFormed().replace(UNSAFE, MARK);
}

/** As one line. */
export function safeLine(text: string): string {
  return safeLines(text).replace(/[\n\t]+/g, ' ');
}

/** The same JSON value, with what a terminal might obey written as escapes. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    UNSAFE_IN_JSON,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** How many columns a terminal gives to a text: Chinese and Japanese characters take two, accents none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += NO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return columns;
}

/** Cut to at most so many columns, with a mark where something is missing. */
export function fitted(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const char of text) {
    used += columnsOf(char);
    if (used > columns) break;
    kept += char;
  }
  return `${kept}…`;
}
