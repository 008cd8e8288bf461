// Why a mail was not delivered, from what the server said: its enhanced status (RFC 3463), its SMTP code, its words.
// Servers use the codes loosely and say what they mean in words, so clear words come first. What is not clear is
// `unknown`: an address that works must never be given up for a sentence that was misread.
import type { BounceKind } from '../contracts/suppression.ts';
import { BY_STATUS, TELLING } from './reason-words.ts';

export interface Cause {
  kind: BounceKind;
  reason: string;
}

export interface Said {
  /** Such as `5.1.1`. */
  status: string | null;
  /** The words of the server, or of the notice where it quotes none. */
  words: string;
}

const LONGEST_WORDS_CHARS = 4_000; // what a server said; a notice around it may go on for pages

const UNCLEAR: Cause = { kind: 'unknown', reason: 'it does not say why' };

/** Why, as far as it was said. */
export function causeOf({ status: written, words }: Said): Cause {
  const status = written !== null && /^[45]\.0\.0$/.test(written) ? null : written; // says nothing
  const read = words.slice(0, LONGEST_WORDS_CHARS);
  // Exchange Online says “access denied” of people whom its directory does not know.
  if (status === '5.4.1' && /recipient address rejected: access denied/i.test(read))
    return { kind: 'hard', reason: 'no such recipient' };
  const told = TELLING.find((one) => one.words.test(read));
  const coded = BY_STATUS.find(([pattern]) => status !== null && pattern.test(status));
  if (told) {
    const isTemporary = status?.startsWith('4.') === true || isTemporaryReply(read);
    // A temporary answer never gives up an address, whatever it says.
    if (told.kind === 'hard' && isTemporary) return { kind: 'soft', reason: told.reason };
    // Words of a general notice beside a clear code: the code is about this mail.
    if (told.kind === 'hard' && coded && coded[1] !== 'hard') return { kind: coded[1], reason: coded[2] };
    return { kind: told.kind, reason: told.reason };
  }
  if (coded) return { kind: coded[1], reason: coded[2] };
  if (isTemporaryReply(read)) return { kind: 'soft', reason: 'a temporary failure' };
  return UNCLEAR;
}

/** An SMTP reply with a code of the 400s, and none of the 500s. */
const isTemporaryReply = (words: string): boolean =>
  /(?:^|[\s:;"'(>])4\d\d[ -]/.test(words) && !/(?:^|[\s:;"'(>])5\d\d[ -]/.test(words);

/** The first enhanced status of a text that is not about success. */
export function statusIn(text: string): string | null {
  const found = /(?:^|[^\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/.exec(text.slice(0, LONGEST_WORDS_CHARS));
  return found?.[1] ?? null;
}
