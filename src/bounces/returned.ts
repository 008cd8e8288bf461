// The mail that a report gives back, whole or its headers alone: by its Message-ID it is known again.
import { readRawHeaders } from '../mail/headers.ts';

const MAX_OCTETS = 128 * 1024; // of its header block
const MOST_IDS = 10;
const OWN_FORM = /<[0-9a-f]{32}@[A-Za-z0-9.-]{1,253}>/g;

export interface Returned {
  messageId: string | null;
  /** To whom its headers say that it went. */
  to: string[];
}

/** From the octets of a `message/rfc822` or `text/rfc822-headers` part. */
export function returnedMail(content: Uint8Array): Returned {
  const headers = readRawHeaders(Buffer.from(content.subarray(0, MAX_OCTETS)));
  const value = (name: string): string => headers.find((header) => header.name === name)?.value ?? '';
  const id = /<[^<>\s]{1,500}>/.exec(value('message-id'))?.[0] ?? null;
  return { messageId: id, to: addressesIn(value('to')) };
}

/** What in a text has the form of the Message-IDs that this gateway gives. */
export function messageIdsIn(text: string): string[] {
  const ids = new Set<string>();
  for (const [id] of text.slice(0, MAX_OCTETS).matchAll(OWN_FORM)) {
    ids.add(id);
    if (ids.size === MOST_IDS) break;
  }
  return [...ids];
}

// Domains in ASCII alone, as they leave: behind one a Chinese notice goes on without a space.
const ADDRESS = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?/g;
const MESSAGE_ID = /^[0-9a-f]{32}@/;
const MOST_ADDRESSES = 1_000;
const LONGEST_TEXT_CHARS = 64 * 1024;

/** Everything in a text that looks like an address, and not like a Message-ID of ours. */
export function addressesIn(text: string): string[] {
  const found = new Set<string>();
  for (const [address] of text.slice(0, LONGEST_TEXT_CHARS).matchAll(ADDRESS)) {
    if (!MESSAGE_ID.test(address)) found.add(address.replace(/^['.=/]+/, ''));
    if (found.size === MOST_ADDRESSES) break;
  }
  return [...found];
}
