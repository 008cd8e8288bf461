// The extensions of an SMTP server that Postern can use, and what it does where one is missing.
import type { CheckFeature } from '../contracts/check.ts';

const INSTEAD: Readonly<Record<string, string>> = {
  SIZE: 'Postern learns that a mail is too large only when it has sent it.',
  '8BITMIME': 'nothing changes: Postern encodes every mail in ASCII.',
  SMTPUTF8:
    'Postern cannot send to an address with other than ASCII before its @; subjects and names go in any script.',
  DSN: 'Postern learns of failures from the mails that come back, as it does anyway.',
  PIPELINING: 'nothing changes: Postern says one command at a time.',
};

export interface Announced {
  features: CheckFeature[];
  /** Mechanisms of AUTH, in the server's order. */
  auth: string[];
  /** The largest mail in octets (RFC 1870); null where it does not say. */
  size: number | null;
}

/** @param lines of the answer to EHLO: `SIZE 26214400`, `AUTH PLAIN LOGIN` */
export function smtpFeatures(lines: readonly string[]): Announced {
  const words = lines.map((line) => line.trim().toUpperCase().split(/[ =]+/));
  const announced = new Map(words.map(([name = '', ...rest]) => [name, rest]));
  const features = Object.entries(INSTEAD).map(([name, instead]) => {
    const offered = announced.has(name);
    return { name, offered, instead: offered ? null : instead };
  });
  const size = Number(announced.get('SIZE')?.[0] ?? 0);
  const auth = words.filter(([name]) => name === 'AUTH').flatMap(([, ...mechanisms]) => mechanisms);
  return { features, auth: [...new Set(auth)], size: Number.isSafeInteger(size) && size > 0 ? size : null };
}
