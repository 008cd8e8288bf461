// How quotes are told in the lines of a mail: marked with ">", introduced by "On … wrote:", parted by "-----Original
// Message-----", or under the original's headers. Every look is bounded to a few lines, so that the time stays linear.
import {
  ATTRIBUTION_BEGINS,
  FORWARD_BEGINS,
  FORWARD_PREFIXES,
  FORWARDED_WORDS,
  HEADING_LABELS,
  type HeadingRole,
  ORIGINAL_WORDS,
  WEAK_ORIGINAL_WORDS,
  WROTE_AT_END,
  WROTE_INSIDE,
} from './reply-text-words.ts';

const ATTRIBUTION_LINES = 4; // mail programs wrap "On … wrote:" over up to this many lines
const MAX_ATTRIBUTION_CHARS = 400; // a long name, a long address, a date
const HEADING_LINES = 10; // From, Sent, To, Cc, Subject of an Outlook block, some of them wrapped
const MAX_LABEL_LINE_CHARS = 12_000; // a To of some hundred recipients
const MAX_SEPARATOR_CHARS = 200;
const LINES_TO_HEADERS = 4; // From stands first or second below the separator
const BLANKS_BEFORE_QUOTE = 3;

/** Whether a line is marked as quoted. "＞" is how Japanese keyboards write it. */
export const isMarked = (line: string): boolean => /^[ \t]{0,3}[>＞]/.test(line);

/** A comparison (">5%") or a From that a mailbox file has marked: quoted only if a line beside it surely is. */
export const isMarkedByChance = (line: string): boolean => /^[ \t]{0,3}>(?:=|\d|From )/.test(line);

const SQUEEZED = /[\s\u3000]+/g;
const squeeze = (line: string): string => line.replace(SQUEEZED, ' ').trim().toLowerCase();

/** No attribution is wrapped there; abbreviated months and years end in a dot as well, but are shorter. */
const SENTENCE_END = /[!?。！？]$|\p{L}{7,}\.$/u;
const CLOCK = /\d{1,2} ?[:.時时点점h시] ?\d{2}|\d ?[ap]\.?m\b|\d{1,2} ?[時时点시]/;
const YEAR = /(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2}/;
const BEGINS_WITH_DATE =
  /^[([]?(?:\d{4} ?[年년/.-]|\d{1,2}[./-]\d{1,2}|\d{1,2}\.? \p{L}{3,}|(?:\p{L}{2,13}[.,]{1,2}|\p{L}{2,3}) (?:\p{L}{3,12}[.,]? )?\d{1,2}[ .,/])/u;

/**
 * How many lines the attribution takes that begins at `index`; 0 when none begins there. `marked` says whether what
 * follows a line is marked as quoted: then less is asked of an attribution.
 */
export function attributionAt(
  lines: readonly string[],
  index: number,
  marked: (index: number) => boolean,
): number {
  let joined = '';
  const heads: string[] = []; // the lines so far
  for (let count = 1; count <= ATTRIBUTION_LINES && index + count <= lines.length; count++) {
    const line = lines[index + count - 1] as string;
    if (line.length > MAX_ATTRIBUTION_CHARS || isMarked(line)) return 0;
    const bare = squeeze(line);
    if (bare === '') return 0; // no attribution has a blank line in it
    if (count > 1 && SENTENCE_END.test(joined)) return 0;
    heads.push(bare);
    joined = joined === '' ? bare : `${joined} ${bare}`;
    if (joined.length > MAX_ATTRIBUTION_CHARS) return 0;
    const strong = beginsAttribution(joined);
    if (count === 1 && !strong && !joined.includes('@') && !endsAttribution(joined)) return 0;
    if (!isAttribution(joined, strong, marked(index + count))) continue;
    // Lines of prose may stand before an attribution that is whole without them.
    for (let from = 1; from < count; from++) {
      const later = heads.slice(from).join(' ');
      const whole = !strong || beginsAttribution(later) || (later.includes('@') && CLOCK.test(later));
      if (whole && isAttribution(later, true, true)) return 0;
    }
    return count;
  }
  return 0;
}

const beginsAttribution = (line: string): boolean =>
  (/\d/.test(line) && ATTRIBUTION_BEGINS.some((word) => line.startsWith(word))) ||
  BEGINS_WITH_DATE.test(line);

/** Whether whole lines, joined, introduce a quote. They must name a time or an address, or they are just prose. */
function isAttribution(joined: string, strong: boolean, marked: boolean): boolean {
  if (!LAST_LETTERS.has(joined.at(-1)) && !(marked && strong)) return false;
  const dated = YEAR.test(joined) || CLOCK.test(joined);
  const addressed = joined.includes('@');
  if (!endsAttribution(joined)) {
    // The app of WEB.DE leaves out the colon: "Am … schrieb Sales".
    if (marked && strong && hasVerbInside(joined) && CLOCK.test(joined)) return true;
    // Gmail in Japanese and Russian, Yandex: a date, the writer, an address, and no verb.
    return CLOCK.test(joined) && YEAR.test(joined) && addressed && /[>）)\]] ?[:：]$/.test(joined);
  }
  if (marked) return dated || addressed;
  return addressed ? strong || dated : strong && CLOCK.test(joined);
}

/** The last letters that an attribution can have: looked at first, since most lines of most mails end there. */
const LAST_LETTERS = new Set([...WROTE_AT_END.map((verb) => verb.at(-1)), ...':：,;-–—']);

function endsAttribution(line: string): boolean {
  if (!LAST_LETTERS.has(line.at(-1))) return false;
  const colon = /[:：]$/.test(line);
  const bare = line.replace(/^[-–—]{2,} ?/, '').replace(/[\s:：,;\-–—]+$/, '');
  if (WROTE_AT_END.some((verb) => bare.endsWith(verb))) {
    // Without a colon it is prose, but for the programs that write dashes or nothing there.
    return colon || bare.length + 3 <= line.length || /[写寫]道$|a écrit$|escribió$/.test(bare);
  }
  return colon && hasVerbInside(line);
}

const hasVerbInside = (line: string): boolean =>
  WROTE_INSIDE.some((verb) => line.includes(verb) || line.startsWith(verb.trimStart()));

/** Whether the first line that says something, from `index` on, is marked as quoted. */
export function quoteFollows(lines: readonly string[], index: number): boolean {
  for (let i = index; i <= index + BLANKS_BEFORE_QUOTE && i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.trim() !== '') return isMarked(line);
  }
  return false;
}

/** What a line says between dashes, or in front of its colon; undefined where it is no such line. */
function wordsOfSeparator(line: string): string | undefined {
  if (line.length > MAX_SEPARATOR_CHARS || !/^\s{0,20}(?:[-_=*~–—─━]{2}|[-–—]\s)/.test(line))
    return undefined;
  const bare = line.replaceAll('\u00a0', ' ').trim();
  return squeeze(bare.replace(/^[-_=*~–—─━ ]+/, '').replace(/[-_=*~–—─━ :：]+$/, ''));
}

/** Whether a line parts the new text from the original. */
export function isSeparator(lines: readonly string[], index: number): boolean {
  const line = lines[index] as string;
  const words = wordsOfSeparator(line);
  if (words !== undefined) {
    if (!WEAK_ORIGINAL_WORDS.has(words)) return ORIGINAL_WORDS.has(words);
    return lines.slice(index + 1, index + 1 + LINES_TO_HEADERS).some((below) => roleOf(below) === 'from');
  }
  // GroupWise: ">>> Sales <sales@example.org> 11/20/2026 2:00 PM >>>"
  return line.length <= MAX_SEPARATOR_CHARS && /^>>> .*\d.*>>>\s*$/.test(line);
}

/** Whether a line begins a forwarded mail, whatever the subject says. */
export function beginsForward(line: string): boolean {
  const words = wordsOfSeparator(line);
  if (words !== undefined) return FORWARDED_WORDS.has(words) || /^forwarded by .*\d/.test(words);
  if (line.length > MAX_SEPARATOR_CHARS || !/[:：。]\s*$/.test(line)) return false;
  return FORWARD_BEGINS.has(squeeze(line).replace(/[ :：。]+$/, ''));
}

/** Whether the subject says that the mail was forwarded: its first prefix decides, "RE: FW:" is an answer. */
export function saysForwarded(subject: string): boolean {
  const match = /^\s*(?:\[[^\]]{0,60}\]\s*)?(\p{L}{1,12})(?:\[\d{1,3}\])?\s?[:：]/u.exec(
    subject.slice(0, 120),
  );
  return match !== null && FORWARD_PREFIXES.has((match[1] as string).toLowerCase());
}

/**
 * Whether the headers of the original begin at `index`, as Outlook and others write them. A memo or a travel request has
 * such lines as well: so there must be From, a date and a subject, with an address or the time of day.
 */
export function isHeadingBlock(lines: readonly string[], index: number): boolean {
  if (roleOf(lines[index] as string) === undefined) return false;
  const seen = new Set<HeadingRole>();
  let addressed = false;
  let clock = false;
  let unlabelled = 0;
  let blanks = 0; // in a row: HTML may have made a paragraph of each header
  for (let i = index; i < Math.min(index + HEADING_LINES, lines.length); i++) {
    const line = lines[i] as string;
    const role = roleOf(line);
    if (role === undefined) {
      if (line.trim() === '' ? ++blanks > 1 : blanks > 0 || ++unlabelled > 2) break;
      continue;
    }
    if (seen.has(role) && role !== 'other') break;
    blanks = 0;
    seen.add(role);
    if (role === 'from' && line.includes('@')) addressed = true;
    if (role === 'date' && CLOCK.test(line)) clock = true;
  }
  if (!seen.has('from')) return false;
  if (seen.has('subject') && (seen.has('date') || seen.has('to')))
    return addressed || (clock && seen.has('date'));
  return addressed && clock && seen.has('to');
}

/** What header the label of a line names, without the stars of bold text. */
function roleOf(line: string): HeadingRole | undefined {
  if (line.length > MAX_LABEL_LINE_CHARS) return undefined;
  const match = /^[ \t*_|\u3000]{0,8}([^:：|\t\n]{1,24}?)[ *_\u3000]{0,4}(?:[:：]|[|\t])/.exec(line);
  if (!match) return undefined;
  const label = squeeze(match[1] as string);
  // Chinese and Japanese labels are spread by spaces to one width: "主　题".
  return HEADING_LABELS.get(
    /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/.test(label) ? label.replaceAll(' ', '') : label,
  );
}
