// Markdown in mail: a mail program shows it as it is, but other programs, and agents above all, turn it into links and
// images, and an image is fetched without anybody's doing. So nothing of it is left that would be. Pure.
import type { Link } from './links.ts';

// No bracket is passed over: else many that are never closed would be tried from each of them on.
const IMAGE = /!\[([^[\]\n]{0,300})\]\s?(?:\([^()\n]{0,2000}\)|\[[^[\]\n]{0,300}\])/g;
const SHORT_IMAGE = /!\[/g;
/** `[name]: address`, by which a link or an image elsewhere is resolved, out of the sight of its reader. */
const DEFINITION =
  /^([ \t>]{0,20}\[[^\]\n]{1,300}\]):(?=[ \t]*\n?[ \t]*<?(?:[a-z][a-z0-9+.-]{1,20}:|\/|www\.))/gim;
const TAG =
  /<\/?(?:img|image|iframe|frame|video|audio|object|embed|link|script|style|svg|source|input|picture|base|meta|form)\b[^>]{0,4000}>?/gi;
const INLINE_LINK = /\[([^[\]\n]{0,300})\]\(\s?<?([^()[\]\s<>]{1,2000})>?(?:\s[^()\n]{0,300})?\)/g;

/** The text without what would be fetched, and how much that was. Linear in its text. */
export function withoutFetching(text: string): { text: string; removed: number } {
  let removed = 0;
  const gone =
    (left: string) =>
    (...found: string[]): string => {
      removed++;
      return left.replace('$1', found[1] ?? '');
    };
  let rest = text;
  if (rest.includes('<')) rest = rest.replace(TAG, gone(''));
  if (rest.includes('![')) rest = rest.replace(IMAGE, gone('$1')).replace(SHORT_IMAGE, gone('['));
  if (rest.includes(']:')) rest = rest.replace(DEFINITION, gone('$1'));
  return { text: rest, removed };
}

/** Links with a text of their own. */
export const inlineLinks = (text: string): Link[] =>
  text.includes('](')
    ? [...text.matchAll(INLINE_LINK)].map(([, shown = '', href = '']) => ({ href, shown }))
    : [];
