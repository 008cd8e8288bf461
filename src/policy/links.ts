// What is wrong with a link that an agent wrote: that it does not lead where it says, or that it carries something away.
// Pure.

import {
  domainName,
  hasPublicSuffix,
  isSameOrganisation,
  organisationOf,
  shownDomain,
} from '../mail/trust/domains.ts';
import { hasMixedScripts } from '../mail/trust/skeleton.ts';
import { type Finding, finding } from './rules.ts';

export interface Link {
  href: string;
  /** What a reader sees of it; the address itself, where nothing else is shown. */
  shown: string;
}

/** What a mail's links are held against. */
export interface KnownLinks {
  /** Domains to which mails of the conversation link, or from which they came, and the account's own. */
  domains: readonly string[];
  /** Whether the address stands in a mail of the conversation: then it carries nothing that is not known there. */
  stands: (href: string) => boolean;
}

const UNSAFE = /^(?:javascript|data|vbscript|file|blob|livescript|mocha|view-source|jar):/i;
const DOMAIN_IN_TEXT =
  /(?:^|[^\p{L}\p{N}@._-])((?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,8}[\p{L}][\p{L}\p{N}-]{1,62})/gu;
const ADDRESS_IN_TEXT = /[^\s<>"'()@]{1,64}@((?:[\p{L}\p{N}-]{1,63}\.){1,8}[\p{L}\p{N}-]{2,63})/gu;
const MAX_SHOWN_CHARS = 5_000; // of all that is shown of a link: whatever is longer is cut in its middle
const MAX_HREF_CHARS = 500; // tracking links of newsletters are longer; what an agent writes is for a person
const LONG_QUERY_CHARS = 120;
const LONG_WORD_CHARS = 20;
const RANDOM_BITS = 3.4; // bits a character of 20 random hexadecimal digits; words of a language have less, and no digits
const LONG_NAME_CHARS = 40; // of the labels in front of the registered domain

export function judgeLink(link: Link, known: KnownLinks): Finding[] {
  const href = link.href.trim();
  if (UNSAFE.test(href))
    return [finding('unsafe_link', `it has a link that runs or carries its content: ${cut(href)}`)];
  const url = parsed(href);
  if (url === null) return [finding('odd_link', `It has a link that leads nowhere: ${cut(href)}.`)];
  if (url.protocol === 'mailto:' || url.protocol === 'tel:' || url.protocol === 'sms:')
    return ofMail(url, link.shown);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return [finding('odd_link', `It has a link that is not to a page: ${cut(href)}.`)];
  return ofPage(url, { ...link, href }, known);
}

function parsed(href: string): URL | null {
  try {
    return new URL(href.startsWith('//') ? `https:${href}` : href);
  } catch {
    return null;
  }
}

function ofMail(url: URL, shown: string): Finding[] {
  const findings: Finding[] = [];
  if (url.search !== '')
    findings.push(finding('odd_link', `It has a link that fills in a mail: ${cut(url.href)}.`));
  const target = domainName(url.pathname.slice(url.pathname.lastIndexOf('@') + 1));
  for (const [, written = ''] of seenOf(shown).matchAll(ADDRESS_IN_TEXT))
    if (url.protocol === 'mailto:' && !isSameOrganisation(domainName(written), target))
      findings.push(misleading(written, url.href));
  return findings;
}

function ofPage(url: URL, { href, shown }: Link, known: KnownLinks): Finding[] {
  const findings: Finding[] = [];
  const host = url.hostname;
  if (url.username !== '' || url.password !== '')
    findings.push(finding('misleading_link', `a link hides where it leads behind a name: ${cut(href)}`));
  const text = seenOf(shown);
  for (const [, written = ''] of text.matchAll(DOMAIN_IN_TEXT)) {
    const domain = domainName(written);
    if (hasPublicSuffix(domain) && !isSameOrganisation(domain, host))
      findings.push(misleading(written, href));
  }
  const isName = organisationOf(host) !== null && hasPublicSuffix(host);
  if (!isName) findings.push(finding('odd_link', `It has a link to ${cut(host)}, which is no public name.`));
  const letters = shownDomain(host);
  if (letters !== host && hasMixedScripts(letters))
    findings.push(finding('odd_link', `It has a link to a domain in look-alike letters: ${cut(letters)}.`));
  const isKnown = known.domains.some((domain) => isSameOrganisation(domain, host));
  // One that is only named in the conversation is where programs for mail link to as well.
  if (!isKnown && !known.stands(letters))
    findings.push(
      finding(
        'new_link_domain',
        `It links to ${cut(letters)}, to which no mail of this conversation does.`,
        'note',
      ),
    );
  if (known.stands(href)) return findings;
  const carries =
    !isKnown && (url.search.length > 1 || url.hash.length > 1) ? 'it has a query' : carried(url);
  if (carries !== null)
    findings.push(
      finding('link_carries_data', `A link may carry something away, for ${carries}: ${cut(href)}.`),
    );
  return findings;
}

const misleading = (shown: string, href: string): Finding =>
  finding('misleading_link', `a link shows ${cut(shown)} and leads to ${cut(href)}`);

/** What of an address looks like data, or null. */
function carried(url: URL): string | null {
  if (url.href.length > MAX_HREF_CHARS) return 'it is very long';
  if (url.search.length + url.hash.length > LONG_QUERY_CHARS) return 'its query is long';
  const below = url.hostname.slice(0, -(organisationOf(url.hostname) ?? url.hostname).length);
  if (below.length > LONG_NAME_CHARS) return 'its name is long';
  const values = [...url.searchParams].flat();
  const pieces = [...values, ...url.pathname.split('/'), url.hash.slice(1), ...below.split('.')].map(decoded);
  for (const piece of pieces) {
    if (/[^\s@]@[^\s@]+\.[^\s@]/.test(piece)) return 'it has an address in it';
    if (/\d{12}/.test(piece.replace(/[\s-]/g, ''))) return 'it has a long number in it';
    if (piece.split(/[\s+]+/).length > 8) return 'it has whole sentences in it';
    const words = piece.split(/[^A-Za-z0-9+/=]+/);
    if (words.some(isRandom)) return 'it has random text in it';
  }
  return null;
}

/** Long, and neither a word nor words that were run together. */
function isRandom(word: string): boolean {
  if (word.length < LONG_WORD_CHARS) return false;
  if (!/\d/.test(word) && !/[a-z][A-Z].*[a-z][A-Z]/.test(word)) return false;
  const counts = new Map<string, number>();
  for (const char of word) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / word.length) * Math.log2(count / word.length);
  return bits >= Math.min(RANDOM_BITS, Math.log2(word.length) - 1);
}

function decoded(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}

/** The text of a link as its reader sees it: a run of white space is one space. */
function seenOf(shown: string): string {
  const text = shown.replace(/\s+/g, ' ').trim().normalize('NFKC');
  if (text.length <= MAX_SHOWN_CHARS) return text;
  return `${text.slice(0, MAX_SHOWN_CHARS / 2)} ${text.slice(-MAX_SHOWN_CHARS / 2)}`;
}

const cut = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
