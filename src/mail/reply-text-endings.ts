// What stands below a person's words and is not written for this mail: signatures behind "-- ", the lines that phones
// and programs add, and the footers of mailing lists.
import { DEVICES, FOOTER_BEGINS, FOOTER_FRAMES, GET_WORDS } from './reply-text-words.ts';

const MAX_SIGNATURE_LINES = 40; // behind "-- ": the address, the register entry, a disclaimer
const MAX_LOOSE_SIGNATURE_LINES = 12; // behind "--", which parts prose as well: there it stands more than once
const MAX_FOOTER_CHARS = 120; // "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet." has 76
const MAX_FRAMED_CHARS = 50; // "Von meinem iPhone gesendet"; longer ones are sentences of a person
const MAX_FOOTERS = 6; // more lines in a row than any program adds

/**
 * Where the signature and the footers begin in the lines from `start` up to `end`, which stand between two quotes or at
 * an end of the mail; `end` where there are none.
 */
export function endingOf(lines: readonly string[], start: number, end: number): number {
  const signature = signatureOf(lines, start, end);
  return footersOf(lines, start, signature);
}

function signatureOf(lines: readonly string[], start: number, end: number): number {
  const last = lastWritten(lines, start, end);
  for (let i = Math.max(start, last - MAX_SIGNATURE_LINES); i < last; i++) {
    const line = lines[i] as string;
    if (line === '-- ' || line === '--\u00a0') return i;
    if (isLooseMark(line) && last - i <= MAX_LOOSE_SIGNATURE_LINES && isAlone(lines, i, start, end)) return i;
    if (isListFooter(line, lines[i + 1] ?? '')) return i;
  }
  return end;
}

const isLooseMark = (line: string): boolean => line.trimEnd() === '--';

/** Whether no other "--" stands close by, and no word of a paragraph directly above. */
function isAlone(lines: readonly string[], index: number, start: number, end: number): boolean {
  if (index > start && (lines[index - 1] as string).trim() !== '') return false;
  for (
    let i = Math.max(start, index - MAX_SIGNATURE_LINES);
    i < Math.min(end, index + MAX_SIGNATURE_LINES);
    i++
  ) {
    if (i !== index && isLooseMark(lines[i] as string)) return false;
  }
  return true;
}

/** Mailman's: a rule of 47 signs, then the list's name. */
const isListFooter = (line: string, next: string): boolean =>
  /^_{40,80}\s*$/.test(line) && next.length < 200 && /mailing list|-- .+@| -- /i.test(next);

function footersOf(lines: readonly string[], start: number, end: number): number {
  let begins = end;
  for (let found = 0; found < MAX_FOOTERS; found++) {
    const last = lastWritten(lines, start, begins);
    if (last < start || !isFooter(lines[last] as string)) break;
    begins = last;
  }
  return begins;
}

/** The index of the last line that says something; `start - 1` where none does. */
function lastWritten(lines: readonly string[], start: number, end: number): number {
  let last = end - 1;
  while (last >= start && isBlankOrRule(lines[last] as string)) last--;
  return last;
}

const RULE = /^[\s\-_=*~\u2014\u2013\u2500\u2501]*$/;

/** Nothing, or only the signs of which programs draw a line. A single "-" or "*" is no line. */
export const isBlankOrRule = (line: string): boolean => {
  const bare = line.trim();
  return bare === '' || (bare.length >= 5 && bare.length <= 200 && RULE.test(bare));
};

/** Whether a line is one that a phone or a program added, such as "Sent from my iPhone". */
export function isFooter(line: string): boolean {
  if (line.length > MAX_FOOTER_CHARS * 3) return false; // the address of the program's site may be in it
  const bare = line
    .trim()
    .toLowerCase()
    .replace(/\s*[<[(]?https?:\/\/\S*$/, '')
    .replace(/[\s.。!*_]+$/, '')
    .replace(/^[\s*_>-]+/, '');
  if (bare === '' || bare.length > MAX_FOOTER_CHARS) return false;
  if (/^yahoo mail: search, organi[sz]e|^(?:virus-free|virenfrei|sans virus|libre de virus)\b/.test(bare))
    return true;
  if (!DEVICES.some((device) => bare.includes(device))) return false;
  if (FOOTER_BEGINS.some((word) => bare.startsWith(word))) return true;
  if (
    bare.length <= MAX_FRAMED_CHARS &&
    FOOTER_FRAMES.some(([begin, end]) => bare.startsWith(begin) && bare.endsWith(end))
  )
    return true;
  return (
    bare.includes('outlook') &&
    /ios|android/.test(bare) &&
    GET_WORDS.some((word) => bare.startsWith(word) || bare.endsWith(word))
  );
}
