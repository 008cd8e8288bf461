// The language of a text as a BCP 47 tag: the one door of eld. Its table of letter groups takes 30 MB and some tenths of a
// second to load, so it is loaded with the first text that is read, and never where mail is only taken in.
import type { Detector } from 'eld/extrasmall';

const MAX_CHARS = 2000; // more says nothing more; takes half a millisecond
const LOOKED_AT_CHARS = 8000; // quoted lines and addresses among them are passed over
const FEWEST_LETTERS = 8; // "ok" and "Danke" are written in many languages
/** Scripts of one language tell it by a few letters. */
const FEWEST_OWN_LETTERS = 2;
/** BCP 47 where the library's word is another. */
const TAGS: Record<string, string> = { no: 'nb', iw: 'he', in: 'id', ji: 'yi' };

export const UNKNOWN_LANGUAGE = 'und';

let loading: Promise<Detector> | undefined;

/** `und` where the text is too short, in no language, or the library is not sure. Looks at its beginning. */
export async function languageOf(text: string): Promise<string> {
  const prose = proseOf(text);
  const own = byScript(prose);
  if (own !== null) return own;
  if (lettersOf(prose) < FEWEST_LETTERS) return UNKNOWN_LANGUAGE;
  loading ??= import('eld/extrasmall').then(({ eld }) => eld);
  const found = (await loading).detect(prose);
  if (found.language === '' || !found.isReliable()) return UNKNOWN_LANGUAGE;
  return TAGS[found.language] ?? found.language;
}

/** The beginning without what is in no language: quotes, addresses, links, numbers, names of files. */
function proseOf(text: string): string {
  return text
    .slice(0, LOOKED_AT_CHARS)
    .split('\n')
    .filter((line) => !line.startsWith('>'))
    .join('\n')
    .replace(/\S{0,200}(?:@|:\/\/|www\.)\S*/g, ' ')
    .replace(/[^\p{L}\p{M}'’\s.,!?-]+/gu, ' ')
    .slice(0, MAX_CHARS)
    .toWellFormed();
}

const lettersOf = (text: string): number => text.match(/\p{L}/gu)?.length ?? 0;

/** Kana and Hangul are of one language each; so are Greek, Hebrew and Thai letters in what people mail. */
function byScript(text: string): string | null {
  const all = lettersOf(text);
  for (const [pattern, tag] of SCRIPTS) {
    const own = text.match(pattern)?.length ?? 0;
    // Half of Japanese may be in Han, and any language may quote a word of another.
    if (own >= FEWEST_OWN_LETTERS && own * 5 >= all) return tag;
  }
  return null;
}

const SCRIPTS: [RegExp, string][] = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Greek}/gu, 'el'],
  [/\p{Script=Thai}/gu, 'th'],
];
