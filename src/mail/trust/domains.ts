// Which domain stands behind an address, and whether two domains are one organisation's: the one door of the public
// suffix list.
import { domainToASCII, domainToUnicode } from 'node:url';
import { getDomain, parse } from 'tldts';

const MAX_DOMAIN_CHARS = 253; // RFC 1035 §2.3.4, less the root's dot

/** A domain in lower case and ASCII, without a dot at its end; empty when it is none. */
export function domainName(written: string): string {
  const text = written.trim().replace(/\.$/, '');
  if (text.length > MAX_DOMAIN_CHARS) return '';
  return /^[\x21-\x7e]*$/.test(text) ? text.toLowerCase() : domainToASCII(text);
}

/**
 * The same of a name that was looked up as it is written: empty also where its ASCII form is that of another name, as with
 * letters of double width and characters that are left out. In the DNS those are names of their own, and anybody's.
 */
export function exactDomainName(written: string): string {
  const name = domainName(written);
  const letters = written.normalize('NFC').toLowerCase().replace(/\.$/, '');
  return name === letters || domainToUnicode(name) === letters ? name : '';
}

/** The domain of an addr-spec, in that form; empty where there is none. */
export function domainOf(address: string | undefined): string {
  const at = address?.lastIndexOf('@') ?? -1;
  return address === undefined || at < 0 ? '' : domainName(address.slice(at + 1));
}

/** A domain as a mail program shows it: in the letters that its ASCII form stands for. */
export const shownDomain = (domain: string): string =>
  domain.includes('xn--') ? domainToUnicode(domain) || domain : domain;

/**
 * The domain that an organisation has registered (RFC 7489 §3.2); null for a public suffix itself, and for what is no
 * domain. Those under which strangers register (`github.io`) count as public suffixes.
 */
export const organisationOf = (domain: string): string | null =>
  getDomain(domain, { allowPrivateDomains: true, validateHostname: false });

/** Relaxed alignment (RFC 7489 §3.1.1): one domain, or two of one organisation. */
export function isSameOrganisation(one: string, other: string): boolean {
  if (one === '' || other === '') return false;
  if (one === other) return true;
  const organisation = organisationOf(one);
  return organisation !== null && organisation === organisationOf(other);
}

/** Whether a name ends as names of the internet do: `report.pdf` and `localhost` do not. */
export const hasPublicSuffix = (domain: string): boolean => {
  const { isIcann, isPrivate, domain: registered } = parse(domain, { allowPrivateDomains: true });
  return registered !== null && (isIcann === true || isPrivate === true);
};
