// Address lists (RFC 5322 §3.4): the one door of nodemailer's address parser inside mail/. It was chosen over
// `email-addresses` (a full grammar that refuses the broken lists of real mail) because it recovers from them, runs in
// linear time, and is hardened against quoting tricks that make one address look like another; and because what is
// understood on the way in is then what is meant on the way out. Groups are flattened to their members.
import parser from 'nodemailer/lib/addressparser';
import type { Address } from '../contracts/mail.ts';
import { decodeWords } from './encoded-words.ts';

const MAX_CHARS = 128 * 1024; // about 3,000 recipients
const MAX_ADDRESSES = 2000;
const MAX_ADDRESS_CHARS = 1000; // RFC 5321 allows 320; some gateways encode a whole address in the local part
const MAX_NAME_CHARS = 1000;
const MAX_COMMENTS = 200; // a comment costs more than a name; a header with so many is an attack
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const MAX_PLAIN_CHARS = 2000; // longer lists are rare, and their time is not that of every mail
/** One mailbox in the form that nearly all have: `a@b`, `Name <a@b>` or `"Name" <a@b>` in printable ASCII. */
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const ADDR_SPEC = `${ATOM}(?:\\.${ATOM})*@[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*`;
const WORDS = `${ATOM}(?:[ .]{1,2}${ATOM})*`;
const PLAIN = new RegExp(`^(?:(${ADDR_SPEC})|(?:"([A-Za-z0-9 ._-]+)" ?|(${WORDS}) ?)?<(${ADDR_SPEC})>)$`);

/** The parser knows every form and costs five times as much; undefined where it is needed. */
function readPlain(value: string): Address[] | undefined {
  const list = value.trim();
  if (list === '') return [];
  if (list.length > MAX_PLAIN_CHARS) return undefined;
  const addresses: Address[] = [];
  for (const item of list.includes(',') && !list.includes('"') ? list.split(',') : [list]) {
    const found = PLAIN.exec(item.trim());
    if (!found) return undefined;
    const [, bare, quoted, words, inBrackets] = found;
    const name = quoted ?? words ?? '';
    if (name.includes('=?')) return undefined;
    const address = (bare ?? inBrackets) as string;
    if (address.length > MAX_ADDRESS_CHARS) return undefined;
    addresses.push({ name: name.replace(/ {2,}/g, ' ').trim(), address });
  }
  return addresses.length > MAX_ADDRESSES ? undefined : addresses;
}

/**
 * The mailboxes of a raw header value (encoded words not yet decoded: in decoded text a comma of a name would part
 * two addresses). Entries without an address, such as an empty group, are left out.
 */
export function readAddresses(value: string): Address[] {
  return readPlain(value) ?? parseAddresses(value);
}

/** The same by the parser alone, which knows every form. */
export function parseAddresses(value: string): Address[] {
  let source = value.slice(0, MAX_CHARS);
  if (countOf(source, '(') > MAX_COMMENTS) source = source.replace(/[()]/g, ' ');
  const addresses: Address[] = [];
  for (const entry of parser(source, { flatten: true })) {
    if (addresses.length >= MAX_ADDRESSES) break;
    const address = withoutBlanks(entry.address.trim());
    if (!address.includes('@') || address.length > MAX_ADDRESS_CHARS) continue;
    // An addr-spec holds no encoded word (RFC 2047 §5) and no control characters.
    const bare = address.replace(INVISIBLE, '');
    if (bare !== address) continue;
    addresses.push({ name: nameOf(entry.name), address });
  }
  return addresses;
}

/** Blanks around the @, where a comment stood (RFC 5322 §4.4), are no part of the address; any other makes it none. */
function withoutBlanks(address: string): string {
  if (address.startsWith('"') || !/\s/.test(address)) return address;
  const [local = '', domain = '', more] = address.split('@', 3);
  const joined = `${local.trimEnd()}@${domain.trimStart()}`;
  return more === undefined && !/\s/.test(joined) ? joined : '';
}

function nameOf(name: string): string {
  return decodeWords(name)
    .slice(0, MAX_NAME_CHARS)
    .replace(INVISIBLE, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toWellFormed();
}

function countOf(text: string, char: string): number {
  let count = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) count++;
  return count;
}
