// Markdown in mail: a mail program shows it as it is, but other programs, and agents above all, turn it into links and
// images, and an image is fetched without anybody's doing. So nothing of it is left that would be. Pure.
import type { Link } from './links.ts';

// No bracket is passed over: else many that are never closed would be tried from each of them on.
const IMAGE = /!\[([^[\]\n]{0,300})\]\s?(?:\([^()\n]{0,2000}\)|\[[^[\]\n]{0,300}\])/g;
const SHORT_IMAGE = /!+\[/g;
/**
 * `[name]: address`, by which a link or an image elsewhere is resolved, out of the sight of its reader: also in a quote or a
 * list, and with a name over several lines. White space is read in one way only: else a run of it takes quadratic time.
 */
const DEFINITION =
  /^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t]){0,20}\[(?:\\.|[^[\]\\]){1,300}\]):(?=[ \t]*(?:\n[ \t]*)?<?(?:[a-z][a-z0-9+.-]{1,20}:|\/|www\.))/gim;
const TAG =
  /<\/?(?:img|image|iframe|frame|video|audio|object|embed|link|script|style|svg|source|input|picture|base|meta|form)\b[^>]{0,4000}>?/gi;
/** As far as its host: what stands behind may have parentheses, a title, or no end. */
const INLINE_LINK = /\[([^[\]]{0,300})\]\(\s{0,10}<?([^()[\]\s<>]{1,2000})/g;
const MOST_PASSES = 10; // what is taken out may join what stood around it; nobody nests deeper by chance

/** The text without what would be fetched, and how much that was. Linear in its text, but for a few passes. */
export function withoutFetching(text: string): { text: string; removed: number } {
  let removed = 0;
  const gone =
    (left: string) =>
    (...found: string[]): string => {
      removed++;
      return left.replace('$1', found[1] ?? '');
    };
  let rest = text;
  for (let pass = 0; ; pass++) {
    const before = rest;
    if (rest.includes('<')) rest = rest.replace(TAG, gone(''));
    if (rest.includes('![')) rest = rest.replace(IMAGE, gone('$1')).replace(SHORT_IMAGE, gone('['));
    if (rest.includes(']:')) rest = rest.replace(DEFINITION, gone('$1'));
    if (rest === before) return { text: rest, removed };
    if (pass === MOST_PASSES) return { text: rest.replace(/[<[]/g, ''), removed };
  }
}

/** Links with a text of their own. */
export const inlineLinks = (text: string): Link[] =>
  text.includes('](')
    ? [...text.matchAll(INLINE_LINK)].map(([, shown = '', href = '']) => ({ href, shown }))
    : [];
