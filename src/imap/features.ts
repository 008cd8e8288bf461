// The extensions of an IMAP server that Postern can use, and what it does where one is missing.
import type { CheckFeature } from '../contracts/check.ts';

/** @param interval how often a mailbox is looked at without IDLE, as the account says */
const INSTEAD: Readonly<Record<string, (interval: string) => string>> = {
  IDLE: (interval) => `Postern looks for new mail every ${interval}.`,
  MOVE: () => 'Postern copies a message, marks the first one as deleted and expunges it.',
  UIDPLUS: () =>
    'Postern expunges a message only where no other one in its mailbox is marked as deleted, and learns where a moved message lies at its next look.',
  CONDSTORE: () => 'Postern compares the flags of the latest 5,000 messages once an hour.',
  'SPECIAL-USE': () => 'Postern knows Sent, Drafts, Trash, Junk and Archive by their usual names.',
};

/** @param capabilities as the server announced them; IMAP4rev2 includes most extensions (RFC 9051 appendix E) */
export function imapFeatures(capabilities: readonly string[], interval: string): CheckFeature[] {
  const announced = new Set(capabilities.map((name) => name.toUpperCase()));
  const rev2 = announced.has('IMAP4REV2');
  return Object.entries(INSTEAD).map(([name, instead]) => {
    const offered =
      announced.has(name) ||
      (rev2 && name !== 'CONDSTORE') ||
      (name === 'CONDSTORE' && announced.has('QRESYNC')) || // RFC 7162 §3.2.3
      (name === 'SPECIAL-USE' && announced.has('XLIST'));
    return { name, offered, instead: offered ? null : instead(interval) };
  });
}
