// What a cell of a workbook shows, from its value and its number format (ISO/IEC 29500-1 §18.8.30, §18.17.4). Dates and
// percentages are shown as such, as they say nothing as numbers; other formats only dress a number.
export type NumberKind = 'plain' | 'percent' | 'date' | 'time' | 'date-time';

const DAY_MS = 86_400_000;
const LAST_DAY = 2_958_466; // the day after 9999-12-31
const EPOCH_1900_MS = Date.UTC(1899, 11, 30);
const EPOCH_1904_MS = Date.UTC(1904, 0, 1);
const FIRST_TRUE_DAY = 61; // before it stands 29 February 1900, which Lotus 1-2-3 believed in
const SIGNIFICANT_DIGITS = 15; // as many as a workbook shows
const MAX_FORMAT_CHARS = 1000;

/** Built-in formats that are no text of the file; those from 27 on are dates of East Asian editions. */
export function builtInKind(id: number): NumberKind {
  if (id === 9 || id === 10) return 'percent';
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id === 36 || (id >= 50 && id <= 58)) return 'date';
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47)) return 'time';
  return id === 22 ? 'date-time' : 'plain';
}

/** What a format of the file means: `yyyy\-mm\-dd hh:mm`, `0.0%`, `[$-409]d. mmmm yyyy`. */
export function kindOfFormat(code: string): NumberKind {
  const bare = code
    .slice(0, MAX_FORMAT_CHARS)
    .replace(/"[^"]*"?|\\.|_.|\*./g, '')
    .replace(/\[(?!(?:h+|m+|s+)\])[^\]]*\]?/gi, '')
    .split(';', 1)[0] as string;
  if (/general/i.test(bare)) return 'plain';
  const hasTime = /[hs]/i.test(bare);
  const hasDate = /[yd]/i.test(bare) || (!hasTime && /m/i.test(bare));
  if (hasDate) return hasTime ? 'date-time' : 'date';
  if (hasTime) return 'time';
  return bare.includes('%') ? 'percent' : 'plain';
}

/** `value` is a number as XML has it; what is none is shown as it stands. */
export function showNumber(value: string, kind: NumberKind, is1904: boolean): string {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return value;
  if (kind === 'percent') return `${rounded(number * 100)}%`;
  if (kind === 'plain' || number < 0 || number >= LAST_DAY) return rounded(number);
  const [day, time] = momentOf(number, is1904).toISOString().slice(0, 19).split('T') as [string, string];
  const clock = time.endsWith(':00') ? time.slice(0, 5) : time;
  if (kind === 'time') return number < 1 ? clock : `${day} ${clock}`;
  if (kind === 'date' || clock === '00:00') return day;
  return `${day} ${clock}`;
}

function momentOf(serial: number, is1904: boolean): Date {
  const seconds = Math.round(serial * 86_400);
  if (is1904) return new Date(EPOCH_1904_MS + seconds * 1000);
  return new Date(EPOCH_1900_MS + seconds * 1000 + (serial < FIRST_TRUE_DAY - 1 ? DAY_MS : 0));
}

/** Without the dust that binary fractions leave: 0.30000000000000004 is 0.3. */
const rounded = (number: number): string => String(Number(number.toPrecision(SIGNIFICANT_DIGITS)));

/** The column of a reference such as `AB12`, counted from 0; null for what is none. */
export function columnOf(reference: string): number | null {
  let column = 0;
  let letters = 0;
  for (; letters < reference.length && letters < 4; letters++) {
    const code = reference.charCodeAt(letters) & ~0x20;
    if (code < 0x41 || code > 0x5a) break;
    column = column * 26 + (code - 0x40);
  }
  return letters === 0 || letters > 3 ? null : column - 1;
}
