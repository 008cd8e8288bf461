// Text as a person sees it: without the characters that show nothing or turn the order of what they show. They serve
// to hide words from the reader, or to hide words for an agent.
import type { HiddenText } from './hidden-text.ts';

/**
 * Runs of what shows nothing: zero-width and format characters, bidirectional controls, tag characters, variation
 * selectors, controls. Joiners and the selectors of emoji are looked at once more.
 */
const UNSEEN_RUN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each stands for itself
  /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{13430}-\u{13440}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]+/gu;
const JOINERS = /^[\u200c\u200d]+$/;
const BEFORE_JOINER = /[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?$/u;
const AFTER_JOINER = /^[\p{L}\p{M}\p{Extended_Pictographic}]/u;
/** What one selector may follow: emoji, symbols, digits of key caps, ideographs, Mongolian. */
const TAKES_SELECTOR =
  /[\p{Extended_Pictographic}\p{Emoji_Component}\p{S}\p{Script=Han}\p{Script=Mongolian}\p{Script=Phags_Pa}\p{Po}\p{Emoji_Modifier}]$/u;
const SELECTOR = /^[\ufe00-\ufe0f\u180b-\u180d\u{e0100}-\u{e01ef}]/u;
/** Programs put them into honest text: soft hyphens, byte order marks, and marks of direction one at a time. */
const TYPOGRAPHIC = /^[\u00ad\u061c\u200b-\u200f\u2060\u2066-\u2069\ufeff]{1,2}$/;
/** The flags of England, Scotland and Wales are the only ones that are written in tag characters (UTS 51, RGI). */
const FLAG_TAGS =
  /^\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}$/u;
const BLACK_FLAG = '\u{1f3f4}';
const AROUND_CHARS = 4; // an emoji with its modifier, in UTF-16

/** `text` with LF line ends, without invisible characters, well-formed. What is taken out is told to `hidden`. */
export function visibleText(text: string, hidden?: HiddenText): string {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  const seen = lines.replace(UNSEEN_RUN, (run, at: number) => {
    const before = lines.slice(Math.max(0, at - AROUND_CHARS), at);
    const after = lines.slice(at + run.length, at + run.length + AROUND_CHARS);
    const kept = spelling(run, before, after);
    if (hidden && kept.length < run.length) tell(hidden, run.slice(kept.length));
    return kept;
  });
  return seen.toWellFormed();
}

/** What of a run belongs to the spelling of what stands around it: nothing, or its beginning. */
function spelling(run: string, before: string, after: string): string {
  // Joiners are spelling between letters (Persian, Hindi) and inside emoji, and padding anywhere else.
  if (JOINERS.test(run)) {
    const spells = run.length === 1 && BEFORE_JOINER.test(before) && AFTER_JOINER.test(after);
    return spells ? run : '';
  }
  if (before.endsWith(BLACK_FLAG) && FLAG_TAGS.test(run)) return run;
  const selector = SELECTOR.exec(run)?.[0];
  if (selector === undefined || !TAKES_SELECTOR.test(before)) return '';
  const rest = run.slice(selector.length);
  if (rest === '') return selector;
  // An emoji that is joined to the next: the selector, then one joiner.
  return rest === '\u200d' && AFTER_JOINER.test(after) ? run : SELECTOR.test(rest) ? '' : selector;
}

function tell(hidden: HiddenText, run: string): void {
  if (TYPOGRAPHIC.test(run)) return;
  const of = (pattern: RegExp): string => (run.match(pattern) ?? []).join('');
  const tags = of(/[\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]/gu);
  const selectors = of(/[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is counted
  const controls = of(/[\u0000-\u001f\u007f-\u009f]/g);
  const bidi = of(/[\u202a-\u202e]/g);
  const length = (text: string): number => [...text].length;
  hidden.add('tag-characters', fromTags(tags), length(tags));
  hidden.add('variation-selectors', fromSelectors(selectors), length(selectors));
  hidden.add('control', '', controls.length);
  hidden.add('bidi', '', bidi.length);
  const others = length(run) - length(tags) - length(selectors) - controls.length - bidi.length;
  hidden.add('zero-width', '', others);
}

/** Tag characters mirror ASCII: what they say can be read. */
const fromTags = (tags: string): string =>
  [...tags]
    .map((char) => (char.codePointAt(0) ?? 0) - 0xe0000)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join('');

/** There are 256 selectors, as many as an octet has values: the usual way to smuggle text by them. */
function fromSelectors(selectors: string): string {
  const octets = [...selectors].map((char) => {
    const code = char.codePointAt(0) ?? 0;
    return code <= 0xfe0f ? code - 0xfe00 : code - 0xe0100 + 16;
  });
  const text = Buffer.from(octets).toString('utf8');
  return /^[\p{L}\p{N}\p{P}\p{S}\p{Z}\n]+$/u.test(text) && !text.includes('\ufffd') ? text : '';
}
