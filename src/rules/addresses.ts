// Addresses in one form, and the patterns for them.
import { domainToASCII, domainToUnicode } from 'node:url';
import type { Needs } from './literals.ts';
import { isPlain, neededBy, PatternError, wholePattern } from './pattern.ts';
import { MAX_TEXT_CHARS } from './text.ts';

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const MAX_DOMAIN_CHARS = 253; // RFC 1035 §2.3.4, less the root's dot

export interface AddressForm {
  /** `local@domain` in lower case, the domain in ASCII (IDNA). */
  readonly address: string;
  readonly local: string;
  /** Empty when there is none or it is no domain. */
  readonly domain: string;
  /** The address with its domain in letters, where that is another one. */
  readonly inLetters: string | null;
}

/** Brings an addr-spec from a mail into the form that patterns compare. */
export function addressForm(raw: string): AddressForm {
  const text = raw.length > MAX_TEXT_CHARS ? raw.slice(0, MAX_TEXT_CHARS) : raw;
  const at = text.lastIndexOf('@');
  const local = lower(at < 0 ? text : text.slice(0, at));
  const domain = at < 0 ? '' : domainForm(text.slice(at + 1));
  const inLetters = domain.includes('xn--') ? `${local}@${domainToUnicode(domain)}` : null;
  return { address: domain ? `${local}@${domain}` : lower(text), local, domain, inLetters };
}

/** A domain in lower case and ASCII, without a dot at its end; empty when it is none. */
export function domainForm(raw: string): string {
  const text = (raw.endsWith('.') ? raw.slice(0, -1) : raw).trim();
  if (text.length > MAX_DOMAIN_CHARS) return '';
  return PRINTABLE_ASCII.test(text) ? text.toLowerCase() : domainToASCII(text);
}

function lower(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** The parents of a domain, nearest first: `a.b.example` has `b.example` and `example`. */
export function parentDomains(domain: string): string[] {
  const parents: string[] = [];
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    parents.push(domain.slice(dot + 1));
  }
  return parents;
}

/** What can be looked up in an index. */
export type AddressKey = { kind: 'address' | 'domain' | 'below'; value: string };

/** What a pattern for addresses means. */
export type AddressPattern = AddressKey | OtherPattern;

export interface OtherPattern {
  kind: 'other';
  test: (form: AddressForm) => boolean;
  /** What every address that fits has as well. */
  within?: AddressKey;
  /** Of each of these sets, one literal is in the folded text of every address that fits, in ASCII or in letters. */
  needs?: Needs;
}

/**
 * Reads `anna@example.org`, `example.org` (any address there), `*@example.org` (the same), `*.example.org`
 * (any address below it, at any depth), a glob over local part and domain such as `sales-*@*.example.org`, or
 * `/regex/` over the whole address in lower case, its domain in ASCII or in letters. Throws PatternError.
 */
export function addressPattern(source: string): AddressPattern {
  if (source.startsWith('/')) {
    const test = wholePattern(source, lower);
    // The index reads an address with each run of white space as one space, the expression as it is.
    const needs = neededBy(source).filter((literals) => !literals.some((literal) => literal.includes(' ')));
    const either = ({ address, inLetters }: AddressForm): boolean =>
      test(address) || (inLetters !== null && test(inLetters));
    return { kind: 'other', test: either, needs };
  }
  if (source === '*') return { kind: 'other', test: () => true };
  const at = source.lastIndexOf('@');
  const local = at <= 0 ? '*' : source.slice(0, at);
  const domain = at < 0 ? source : source.slice(at + 1);
  if (at < 0 && isPlain(source) && !source.includes('.')) {
    throw new PatternError(`is neither an address nor a domain; for the domain ${source} write *@${source}`);
  }
  // It would never fit, and as an exclusion exclude nobody.
  if (!local.startsWith('"') && /[\s,;<>@]/.test(local))
    throw new PatternError(
      'is more than one address, or has a name beside it; write a list of addresses alone',
    );
  return local === '*' ? domainPattern(domain) : withLocal(local, domain);
}

function withLocal(local: string, domain: string): AddressPattern {
  const where = domainPattern(domain);
  if (isPlain(local) && where.kind === 'domain') {
    const value = `${unescaped(local)}@${where.value}`;
    return { kind: 'address', value };
  }
  const who = wholePattern(`${local.startsWith('/') ? '\\' : ''}${local}`, lower);
  const inDomain = addressTest([where]);
  const within = where.kind === 'other' ? where.within : where;
  return { kind: 'other', test: (form) => who(form.local) && inDomain(form), ...(within && { within }) };
}

function unescaped(local: string): string {
  return lower(local.replace(/\\([*?!/\\])/g, '$1'));
}

function domainPattern(source: string): AddressPattern {
  if (source === '*') return { kind: 'other', test: (form) => form.domain !== '' };
  if (/[*?]/.test(source)) {
    if (source.startsWith('*.') && !/[*?]/.test(source.slice(2))) {
      return { kind: 'below', value: domainOf(source.slice(2)) };
    }
    const written = source.split('.');
    const isWild = (label: string): boolean => /[*?]/.test(label);
    const labels = written.map((label) => (isWild(label) ? lower(label) : domainOf(label)));
    // A piece of a label has no form in ASCII: a domain is held against the pattern in letters too.
    const testOf = (form: string[]) => wholePattern(form.join('.'), (piece) => piece);
    const ascii = testOf(labels);
    const letters = testOf(labels.map((label) => (isWild(label) ? label : domainToUnicode(label))));
    const parent = labels.slice(labels.findLastIndex(isWild) + 1).join('.');
    return {
      kind: 'other',
      test: ({ domain, inLetters }) =>
        domain !== '' &&
        (ascii(domain) || (inLetters !== null && letters(inLetters.slice(inLetters.lastIndexOf('@') + 1)))),
      ...(parent && { within: { kind: 'below', value: parent } as const }),
    };
  }
  return { kind: 'domain', value: domainOf(source) };
}

function domainOf(source: string): string {
  const domain = domainForm(source);
  if (
    !domain ||
    /[\s,;<>@/\\:]/.test(domain.startsWith('[') ? domain.slice(1).replaceAll(':', '') : domain)
  ) {
    throw new PatternError(`has no domain that mail can come from (${source || 'nothing after the @'})`);
  }
  return domain;
}

const SET_FROM = 4; // below this a few comparisons are quicker than hashing

/** One test for several patterns: an address passes when any of them fits. */
export function addressTest(patterns: readonly AddressPattern[]): (form: AddressForm) => boolean {
  const single = patterns[0];
  if (patterns.length === 1 && single) return oneTest(single);
  const addresses = new Set<string>();
  const domains = new Set<string>();
  const below = new Set<string>();
  const rest: ((form: AddressForm) => boolean)[] = [];
  for (const pattern of patterns) {
    if (pattern.kind === 'other') rest.push(pattern.test);
    else if (patterns.length < SET_FROM) rest.push(oneTest(pattern));
    else ({ address: addresses, domain: domains, below })[pattern.kind].add(pattern.value);
  }
  return (form) =>
    addresses.has(form.address) ||
    domains.has(form.domain) ||
    (below.size > 0 && parentDomains(form.domain).some((parent) => below.has(parent))) ||
    rest.some((test) => test(form));
}

function oneTest(pattern: AddressPattern): (form: AddressForm) => boolean {
  switch (pattern.kind) {
    case 'address':
      return (form) => form.address === pattern.value;
    case 'domain':
      return (form) => form.domain === pattern.value;
    case 'below': {
      const end = `.${pattern.value}`;
      return (form) => form.domain.endsWith(end);
    }
    case 'other':
      return pattern.test;
  }
}
