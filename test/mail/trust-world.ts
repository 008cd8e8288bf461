// What the mails of test/mail/trust-cases.ts are made of: keys, the records that publish them, and a mail to sign.
import assert from 'node:assert/strict';
import type { Trust } from '../../src/contracts/mail.ts';
import { ed25519Key, rsaKey, type SigningJob } from '../support/sign-mail.ts';

export const NOW = new Date();
export const seconds = (offset: number): string => String(Math.floor(NOW.getTime() / 1000) + offset);
export const DAY_S = 86_400;
export const DAY_MS = DAY_S * 1000;

export const good = rsaKey();
export const other = rsaKey();
export const short = rsaKey(512);
export const edwards = ed25519Key();

export const RECORDS: Record<string, string[]> = {
  's1._domainkey.example.org': [good.record],
  's1._domainkey.mail.example.org': [good.record],
  's1._domainkey.example.net': [good.record],
  's1._domainkey.one.co.uk': [good.record],
  's1._domainkey.two.co.uk': [good.record],
  's1._domainkey.alice.github.io': [good.record],
  's1._domainkey.strict.example': [good.record],
  's1._domainkey.mail.strict.example': [good.record],
  's1._domainkey.relaxed.example': [good.record],
  's1._domainkey.mail.relaxed.example': [good.record],
  's1._domainkey.down.example': [good.record],
  's1._domainkey.mail.down.example': [good.record],
  's1._domainkey.xn--mller-kva.example': [good.record],
  's1._domainkey.xn--example-oka.org': [good.record],
  's1._domainkey.xn--xample-hy68a.org': [good.record],
  's1._domainkey.apart.org.relaxed.example': [good.record],
  's1._domainkey.inner.relaxed.example': [good.record],
  'other._domainkey.example.org': [other.record],
  'short._domainkey.example.org': [short.record],
  'revoked._domainkey.example.org': ['v=DKIM1; k=rsa; p='],
  'test._domainkey.example.org': [good.record.replace('k=rsa', 'k=rsa; t=y')],
  'exact._domainkey.example.org': [good.record.replace('k=rsa', 'k=rsa; t=s')],
  'web._domainkey.example.org': [good.record.replace('k=rsa', 'k=rsa; s=web')],
  'sha1._domainkey.example.org': [good.record.replace('k=rsa', 'k=rsa; h=sha1')],
  'broken._domainkey.example.org': ['v=DKIM1; k=rsa; p=not*base64'],
  'version._domainkey.example.org': [good.record.replace('DKIM1', 'DKIM2')],
  'bare._domainkey.example.org': [good.record.replace('v=DKIM1; k=rsa; ', '')],
  'ed._domainkey.example.org': [edwards.record],
  'mismatch._domainkey.example.org': [good.record.replace('k=rsa', 'k=ed25519')],
  '_dmarc.example.org': ['v=DMARC1; p=reject'],
  '_dmarc.strict.example': ['v=DMARC1; p=none; adkim=s'],
  '_dmarc.relaxed.example': ['v=DMARC1; p=quarantine; adkim=r'],
  '_dmarc.inner.relaxed.example': ['v=DMARC1; p=none; psd=n'],
};
export const TROUBLE = {
  'down._domainkey.example.org': 'servfail',
  'mute._domainkey.example.org': 'silent',
  '_dmarc.down.example': 'servfail',
} as const;

const HEAD = {
  From: 'Anna Keller <anna@example.org>',
  To: 'sales@postern.example',
  Subject: 'Order 17',
  Date: 'Fri, 20 Nov 2026 15:00:00 +0000',
  'Message-ID': '<17@example.org>',
  'MIME-Version': '1.0',
  'Content-Type': 'text/plain; charset=utf-8',
};
const BODY = 'Good morning,\r\n\r\nplease send  17 boxes.\r\n\r\nAnna\r\n';
export const compose = (head: Record<string, string> = {}, body = BODY): string =>
  `${Object.entries({ ...HEAD, ...head })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n')}\r\n\r\n${body}`;

/** How a mail was made and what became of it; by default signed by the domain of its From, and left as it was. */
export interface Way {
  head?: Record<string, string>;
  body?: string;
  /** One signature, or several, the first at the bottom. Null: none. */
  sign?: Partial<SigningJob> | Partial<SigningJob>[] | null;
  /** What becomes of the mail on its way. */
  change?: (mail: string) => string;
  authservId?: string;
  /** How long after now it arrives, in milliseconds. */
  at?: number;
  verdicts?: Partial<Trust>;
}

export interface Case extends Way {
  what: string;
  level: Trust['level'];
  reason: RegExp;
}

const expecting =
  (level: Trust['level']) =>
  (what: string, reason: RegExp, way: Way = {}): Case => ({ what, reason, level, ...way });
export const verified = expecting('verified');
export const unverified = expecting('unverified');
export const asserted = expecting('asserted');

/** A change on the way; the text that it looks for has to be there. */
export const replaced =
  (from: string | RegExp, to: string) =>
  (mail: string): string => {
    const changed = mail.replace(from, to);
    assert.notEqual(changed, mail, 'the mail was to be changed');
    return changed;
  };
/** A header put in front of all others, as a relay does. */
export const onTop =
  (header: string) =>
  (mail: string): string =>
    `${header}\r\n${mail}`;
/** What the receiving server writes, or somebody in its name. */
export const PASSED =
  'Authentication-Results: mx.postern.example; dkim=pass header.d=example.org; dmarc=pass header.from=example.org';
