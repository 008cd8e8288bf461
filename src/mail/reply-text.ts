// The new text of an answer, without what it quotes and without the signature. Line by line and in linear time. The
// library `email-reply-parser` was tried and left: its patterns look from every line to the end of the text, so that
// 22 kB of lines "Op schreef" take 13 s, and mail is hostile. The full text is always kept beside the result.
import { endingOf, isBlankOrRule } from './reply-text-endings.ts';
import type { LineMark } from './reply-text-html.ts';
import {
  attributionAt,
  beginsForward,
  isHeadingBlock,
  isMarked,
  isMarkedByChance,
  isSeparator,
  quoteFollows,
  saysForwarded,
} from './reply-text-quotes.ts';

const MAX_BLANKS = 20; // in a row, inside of a quote

export interface ReplyHints {
  /** The subject of the mail: Outlook quotes and forwards alike, and only "FW:" tells them apart. */
  subject?: string;
  /** False where the mail answers none: then headers of another mail in it are what it tells, and no quote. */
  answers?: boolean;
  /** What the HTML said of each line, where the text was made from HTML. */
  marks?: readonly LineMark[];
}

/**
 * What a line of a mail is. `quote` is marked as such line by line, or introduces a quote; `original` stands below a
 * separator, and nothing marks where it ends.
 */
export type LineKind = 'own' | 'quote' | 'original' | 'signature' | 'forwarded';

/**
 * The text that the sender of this mail wrote, with a mail that he forwards: lines of `text`, in their order. Where
 * nothing remains, all that is not marked as quoted; so it is empty only where every line is a quote.
 */
export function replyText(text: string, hints: ReplyHints = {}): string {
  if (!/\S/.test(text)) return '';
  const lines = text.split('\n');
  const kinds = lineKinds(lines, hints);
  const keep = (...wanted: LineKind[]): string => tidy(lines, (i) => wanted.includes(kinds[i] as LineKind));
  const reply = keep('own', 'forwarded');
  return saysSomething(reply) ? reply : keep('own', 'forwarded', 'original', 'signature');
}

/** What each line of a mail is. */
export function lineKinds(
  lines: readonly string[],
  { subject = '', answers = true, marks = [] }: ReplyHints = {},
): LineKind[] {
  const kinds = quotesOf(lines, marks, answers && !saysForwarded(subject) ? 'original' : 'forwarded');
  for (let start = 0; start < lines.length; start++) {
    if (kinds[start] !== 'own') continue;
    let end = start + 1;
    while (end < lines.length && kinds[end] === 'own') end++;
    const ending = endingOf(lines, start, end);
    kinds.fill('signature', ending, end);
    // The rule that a program draws above the original goes with it.
    if (end < lines.length && kinds[end] !== 'forwarded') {
      for (let i = ending - 1; i >= start && isEmptyOrRule(lines[i] as string); i--) kinds[i] = 'quote';
    }
    start = end;
  }
  return kinds;
}

/** `unmarked` is what a mail below a separator is, and below an attribution that nothing marked follows. */
function quotesOf(
  lines: readonly string[],
  marks: readonly LineMark[],
  unmarked: 'original' | 'forwarded',
): LineKind[] {
  const kinds: LineKind[] = [];
  const quoted = (index: number): boolean => quoteFollows(lines, index);
  let attributed = false; // an attribution stands above, with nothing between
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const mark = marks[i];
    if (line.trim() === '') {
      kinds.push('own');
      continue;
    }
    // Apple Mail marks what it forwards as quoted. Where a quote holds a forwarded mail, it does not begin with it.
    const forward = beginsForward(isMarked(line) ? line.replace(/^\s*[>＞]\s*/, '') : line);
    const inside =
      forward &&
      (mark === 'quoted' || isMarked(line)) &&
      (attributed || lastWritten(lines, kinds) === 'quote');
    if (mark === 'forwarded' || (forward && !inside)) return restIs('forwarded', kinds, lines);
    if (isHeadingStart(lines, i, mark)) return restIs(unmarked, kinds, lines);
    if (isQuoted(lines, i, marks, kinds, attributed)) {
      kinds.push('quote');
      continue;
    }
    if (mark === 'signature') {
      kinds.push('signature');
      continue;
    }
    const length = mark === 'attribution' ? 1 : attributionAt(lines, i, quoted);
    if (length > 0) {
      // A quote that is marked with ">" may have answers between its lines: go on. One that is not has no end.
      if (!quoted(i + length) && mark !== 'attribution' && marks[i + length] !== 'quoted')
        return restIs(unmarked, kinds, lines);
      for (let n = 0; n < length; n++) kinds.push('quote');
      i += length - 1;
      attributed = true;
      continue;
    }
    attributed = false;
    kinds.push('own');
  }
  return kinds;
}

/** What the last line is that is not blank: a quote holds blank lines that nothing marks. */
function lastWritten(lines: readonly string[], kinds: readonly LineKind[]): LineKind | undefined {
  for (let i = kinds.length - 1; i >= 0 && i >= kinds.length - MAX_BLANKS; i--) {
    if ((lines[i] as string).trim() !== '') return kinds[i];
  }
  return undefined;
}

const isHeadingStart = (lines: readonly string[], index: number, mark: LineMark): boolean =>
  mark !== 'quoted' && (mark === 'original' || isSeparator(lines, index) || isHeadingBlock(lines, index));

function restIs(kind: LineKind, kinds: LineKind[], lines: readonly string[]): LineKind[] {
  while (kinds.length < lines.length) kinds.push(kind);
  return kinds;
}

function isQuoted(
  lines: readonly string[],
  index: number,
  marks: readonly LineMark[],
  kinds: readonly LineKind[],
  attributed: boolean,
): boolean {
  const line = lines[index] as string;
  if (marks[index] === 'quoted') return true;
  if (!isMarked(line)) return false;
  const above = kinds[index - 1] === 'quote' && isMarked(lines[index - 1] as string);
  if (attributed || above) return true;
  // Text that is only set in is no quote. Its blank lines carry no mark: they are as the line above.
  if (marks[index] === 'indented') return false;
  if (/^[\s>]*$/.test(line) && marks.length > 0) return false;
  if (!isMarkedByChance(line)) return true;
  const next = lines[index + 1] ?? '';
  return isMarked(next) && !isMarkedByChance(next);
}

/** With the ">" that a quote has on its blank lines. */
const isEmptyOrRule = (line: string): boolean => isBlankOrRule(line) || /^[\s>]*$/.test(line);

const saysSomething = (text: string): boolean => text.split('\n').some((line) => !isBlankOrRule(line));

/** The lines that are kept. Where some are left out, at most one blank line stands in their place. */
function tidy(lines: readonly string[], kept: (index: number) => boolean): string {
  const out: string[] = [];
  let gap = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (!kept(i)) gap = true;
    else if (line.trim() !== '' || !(gap && (out.at(-1) ?? '').trim() === '')) {
      out.push(line);
      if (line.trim() !== '') gap = false;
    }
  }
  while (out.length > 0 && (out.at(-1) as string).trim() === '') out.pop();
  let first = 0;
  while (first < out.length && (out[first] as string).trim() === '') first++;
  return out.slice(first).join('\n').trimEnd();
}
