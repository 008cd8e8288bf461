// Text in headers as encoded words (RFC 2047), where it must come back exactly and the MIME library would leave it as it
// is: what looks like an encoded word already, runs of spaces, words too long for a line.
import type { Address } from '../contracts/mail.ts';

const MAX_WORD_OCTETS = 30; // 40 characters of base64 and the frame of 12: two short lines rather than one that is cut
const LONGEST_PLAIN_WORD_CHARS = 60; // with a header's name before it within the 78 of a line (RFC 5322 §2.1.1)
const LONG_WORD = new RegExp(`[^ ]{${LONGEST_PLAIN_WORD_CHARS + 1}}`);

/** Whether a reader could see something else in it than it says, were it written as it is. */
export function misreadable(text: string): boolean {
  return text.includes('=?') || /\s\s/.test(text) || LONG_WORD.test(text);
}

/** The same of a name, which is quoted where it is ASCII: a quoted pair that a fold stands before is read in many ways. */
export function misreadableName(name: string): boolean {
  return misreadable(name) || (/["\\]/.test(name) && /^[\x20-\x7e]*$/.test(name));
}

/** Encoded words with a space between them, which readers leave out. None cuts a character in two (RFC 2047 §5). */
export function encodedWords(text: string): string {
  const words: string[] = [];
  let word = '';
  const end = () => {
    if (word !== '') words.push(`=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`);
    word = '';
  };
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > MAX_WORD_OCTETS) end();
    word += character;
  }
  end();
  return words.join(' ');
}

/** A list of addresses as a header says it, where one of their names is misreadable. */
export function addressList(addresses: readonly Address[]): string {
  return addresses
    .map(({ name, address }) => (name === '' ? address : `${phrase(name)} <${address}>`))
    .join(', ');
}

function phrase(name: string): string {
  if (misreadableName(name) || !/^[\x20-\x7e]*$/.test(name)) return encodedWords(name);
  return /^[\w ]*$/.test(name) ? name : `"${name}"`;
}
