// What an agent wrote, made fit to leave: what would fetch, run or hide something is taken out, and whatever a person has to
// look at is told. Pure; the same words give the same answer.
import type { HiddenNote } from '../contracts/mail.ts';
import { HiddenText } from '../mail/hidden-text.ts';
import { cleanHtml } from '../mail/outgoing-html.ts';
import { domainName, hasPublicSuffix } from '../mail/trust/domains.ts';
import { visibleText } from '../mail/visible-text.ts';
import type { Link } from './links.ts';
import { inlineLinks, withoutFetching } from './markdown.ts';
import { type Finding, finding } from './rules.ts';

const ADDRESS = /\b(?:https?|ftp):\/\/[^\s<>"'`\\^{|}]{1,2000}/gi;
const NAKED_ADDRESS = /(?<![\p{L}\p{N}@./:-])www\.[\p{L}\p{N}-]{1,63}\.[^\s<>"'`]{1,500}/giu;
/** `shop.example/order`, which programs for mail make a link of. Words, files and addresses of mail are none. */
const BARE_DOMAIN =
  /(?<![\p{L}\p{N}@./:_?&=%#-])((?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,8}\p{L}{2,63})((?::\d{1,5})?[/?#][^\s<>"'`]{0,500})?(?![\p{L}\p{N}@_-])/gu;
const BEHIND = new Set('.,;:!?)]}*_');
const MOST_LINKS = 500;
const LOOKED_THROUGH_CHARS = 300_000; // of the text; a book has more, and no answer to a mail
const DIFFERENT_SHARE = 0.3; // programs that write both parts differ by a few words

export interface Words {
  subject?: string;
  text?: string;
  html?: string;
}

export interface CleanWords {
  words: Words;
  /** What a reader sees of all of it. */
  seen: string;
  links: Link[];
  findings: Finding[];
}

/** @param pictures the Content-IDs of the mail's files, which its HTML may show */
export function cleanWords({ subject, text, html }: Words, pictures?: ReadonlySet<string>): CleanWords {
  const hidden = new HiddenText();
  const findings: Finding[] = [];
  let fetching = 0;
  const plain = (written: string): string => {
    const { text: left, removed } = withoutFetching(written);
    fetching += removed;
    return left;
  };
  const cleanText =
    text === undefined ? undefined : plain(visibleText(text.slice(0, LOOKED_THROUGH_CHARS), hidden));
  const cleanSubject = subject === undefined ? undefined : visibleText(subject, hidden);
  const page = html === undefined ? undefined : cleanHtml(html, plain, pictures);

  if (page && page.fetching.length > 0)
    findings.push(
      finding(
        'remote_content',
        `Something that would be fetched was taken out: ${page.fetching.join(', ')}.`,
      ),
    );
  if (page && page.active.length > 0)
    findings.push(finding('active_content', `Something that runs was taken out: ${page.active.join(', ')}.`));
  if (fetching > 0)
    findings.push(finding('markdown_fetch', 'Images or reference links in Markdown were taken out.'));
  for (const note of [hidden.note(), page?.hidden ?? null]) {
    const told = note && tellHidden(note);
    if (told) findings.push(told);
  }
  if (page?.isCut === true || [text, page?.text].some((part = '') => part.length > LOOKED_THROUGH_CHARS))
    findings.push(finding('too_long', 'the mail is longer than what is looked through'));
  if (page && cleanText !== undefined && differ(cleanText, page.text))
    findings.push(finding('parts_differ', 'Its text and its HTML do not say the same.'));

  const seen = [cleanSubject, cleanText, page?.text].filter((part) => part !== undefined).join('\n');
  const links = [...(page?.links ?? []), ...inlineLinks(seen), ...nakedLinks(seen)];
  if (links.length > MOST_LINKS) findings.push(finding('too_long', `the mail has ${links.length} links`));
  return {
    words: {
      ...(cleanSubject === undefined ? {} : { subject: cleanSubject }),
      ...(cleanText === undefined ? {} : { text: cleanText }),
      ...(page ? { html: page.html } : {}),
    },
    seen,
    links: links.slice(0, MOST_LINKS),
    findings,
  };
}

/** A comment says nothing to a reader, and most programs write some: only what has words is told. */
function tellHidden({ characters, kinds, text }: HiddenNote): Finding | null {
  if (characters === 0) return null;
  const what = kinds.map(({ kind, characters: count }) => `${kind} ${count}`).join(', ');
  const beginning = text === '' ? '' : `: ${JSON.stringify(text.slice(0, 100))}`;
  return finding('hidden_text', `Text that its reader would not see was taken out (${what})${beginning}.`);
}

function nakedLinks(text: string): Link[] {
  const found = [...text.matchAll(ADDRESS)].map(([href]) => href);
  const naked = [...text.matchAll(NAKED_ADDRESS)].map(([href]) => `https://${href}`);
  const bare = [...text.matchAll(BARE_DOMAIN)].flatMap(([written, host = '']) =>
    host.startsWith('www.') || !hasPublicSuffix(domainName(host)) ? [] : [`https://${written}`],
  );
  return [...found, ...naked, ...bare].map((written) => {
    // A sentence goes on behind an address. Counted from the end: an expression would try from each mark on.
    let end = written.length;
    while (end > 0 && BEHIND.has(written.charAt(end - 1))) end--;
    const href = written.slice(0, end);
    return { href, shown: href };
  });
}

/** Whether two parts of a mail say something else: more than a few words, or any longer number. */
function differ(text: string, shown: string): boolean {
  const [one, other] = [wordsOf(text), wordsOf(shown)];
  const lacking = (from: Set<string>, to: Set<string>): string[] => [...from].filter((word) => !to.has(word));
  const lacks = [...lacking(one, other), ...lacking(other, one)];
  if (lacks.some((word) => /\d{4}/.test(word))) return true;
  const larger = Math.max(one.size, other.size);
  return larger > 5 && lacks.length > 2 * DIFFERENT_SHARE * larger;
}

const wordsOf = (text: string): Set<string> =>
  new Set(
    text
      .slice(0, LOOKED_THROUGH_CHARS)
      .replace(ADDRESS, ' ')
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]{2,}/gu) ?? [],
  );
