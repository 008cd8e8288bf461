// Whether a mail comes from the domain that its From names, by its own signatures: DKIM (RFC 6376), aligned as DMARC
// wants it (RFC 9989, and RFC 7489's public suffixes besides). The one door of mailauth. Hostile mail can make this
// take very long: it runs in a thread that can be ended (proof-thread.ts).
import type { Readable } from 'node:stream';
import type { ARCData, DKIMResult, DKIMVerifyResult } from 'mailauth';
import { arc } from 'mailauth/lib/arc/index.js';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { evaluateDmarc } from 'mailauth/lib/dmarc/index.js';
import { domainOf, exactDomainName, isSameOrganisation } from './domains.ts';

/** Asks for records of a name: lists of the strings of each. Throws with a `code`: ENOTFOUND, ENODATA, or what failed. */
export type RecordLookup = (name: string, type: string) => Promise<string[][]>;

export interface Authenticity {
  /** The domain whose signature proves that of From; null where none does. */
  signer: string | null;
  /** The addresses of From, as they were signed. */
  from: string[];
  /** Verdicts as in RFC 8601 §2.7. */
  dkim: string;
  dmarc: string;
  arc: string;
  /** What proves it, or why nothing does, in words. */
  reason: string;
  /** Nothing proves it because something could not be asked: later it may. */
  temporary: boolean;
}

export interface AuthenticateOptions {
  lookup: RecordLookup;
  /** When the mail arrived: signatures have to be valid then. */
  at: Date;
}

const MAX_LOOKUPS = 40; // an honest mail needs about five; a long ARC chain twenty
const MIN_RSA_BITS = 1024; // RFC 8301 §3.2
const CLOCK_SKEW_MS = 10 * 60_000; // a signer's clock may be ahead of the receiving server's
/** What an agent reads or answers to: where the mail has it, a signature that leaves it out proves nothing about it. */
const MUST_COVER = ['from', 'subject', 'reply-to'];
/** May stand in a mail once (RFC 5322 §3.6): a second one is shown by some programs and signed by none. */
const SINGLE = [
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id'],
  ...['in-reply-to', 'references', 'mime-version', 'content-type', 'content-transfer-encoding'],
];

/** @throws what reading `raw` throws; whatever is wrong with the mail is a reason */
export async function authenticate(
  raw: Readable | Buffer,
  { lookup, at }: AuthenticateOptions,
): Promise<Authenticity> {
  const resolver = bounded(lookup);
  const options = { resolver, minBitLength: MIN_RSA_BITS, strict: true };
  const mail = await dkimVerify(raw, { ...options, curTime: at });
  const names = mail.headers?.parsed.map(({ key }) => key) ?? [];
  const signatures = mail.results
    .filter(({ signingDomain }) => signingDomain)
    .map((result) => ({
      domain: exactDomainName(result.signingDomain ?? ''),
      result,
      weakness: weaknessOf(result, names, at),
    }));
  const good = signatures.filter(({ weakness }) => weakness === null);
  const dmarc = await evaluateDmarc({
    headerFrom: mail.headerFrom,
    fromFields: mail.fromFields,
    dkimDomains: good.map(({ domain }) => ({ domain })),
    resolver,
  });
  const found = {
    from: mail.headerFrom,
    dkim: dkimVerdict(signatures),
    dmarc: dmarc.response ? dmarc.response.status.result : 'none',
    arc: await arcVerdict(mail, options),
  };
  const unproved = (reason: string, temporary = false): Authenticity => ({
    ...found,
    signer: null,
    reason,
    temporary,
  });

  if (mail.fromFields > 1) return unproved('the mail has several From headers');
  const domains = new Set(mail.headerFrom.map(domainOf));
  const [from = ''] = domains;
  if (from === '') return unproved('the mail names no sender address');
  if (domains.size > 1) return unproved('From names senders of several domains');
  const torn = mail.headers?.parsed.find(({ key, line }) => SINGLE.includes(key) && isTorn(line));
  if (torn) return unproved(`the header ${torn.key} goes on in a line that is no header`);
  const twice = SINGLE.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice !== undefined) return unproved(`the header ${twice} stands in the mail more than once`);

  const exact = good.find(({ domain }) => domain === from);
  if (exact) return { ...found, signer: exact.domain, reason: provedBy(exact.domain), temporary: false };
  const related = good.filter(({ domain }) => isSameOrganisation(domain, from));
  if (related.length > 0 && found.dmarc === 'temperror')
    return unproved(`the DMARC record of ${from} could not be asked for`, true);
  // Where there is no record, alignment is relaxed.
  const aligned = related.find(({ domain }) => found.dmarc === 'none' || dmarc.dkimAligned?.has(domain));
  if (aligned)
    return {
      ...found,
      signer: aligned.domain,
      reason: `${provedBy(aligned.domain)}, the organisation of ${from}`,
      temporary: false,
    };
  if (related[0] && dmarc.response && dmarc.response.alignment?.dkim.strict === true)
    return unproved(`${from} wants signatures of its own (adkim=s), and this one is of ${related[0].domain}`);

  // Of what failed, that which would have proved it says most.
  const failed = signatures.filter(({ weakness }) => weakness !== null);
  const telling = failed.find(({ domain }) => isSameOrganisation(domain, from));
  if (telling)
    return unproved(
      telling.weakness as string,
      failed.some(
        ({ domain, result }) => result.status.result === 'temperror' && isSameOrganisation(domain, from),
      ),
    );
  if (good[0]) return unproved(`the mail is signed by ${good[0].domain}, which is not ${from}`);
  return unproved(failed[0]?.weakness ?? 'the mail is not signed');
}

/**
 * Whether a header holds a line break with no white space behind it. mailauth takes such a line for a part of the header,
 * and relaxed canonicalisation leaves the break out, so that the signature holds; for everybody else the header ends there.
 */
const isTorn = (line: Buffer): boolean => /\n(?![ \t])/.test(line.toString('latin1'));

const provedBy = (domain: string): string => `a signature of ${domain} holds`;

interface Signature {
  domain: string;
  result: DKIMResult;
  weakness: string | null;
}

/** Why a signature proves nothing; null where it holds. */
function weaknessOf(result: DKIMResult, names: readonly string[], at: Date): string | null {
  const { status, signingDomain, selector } = result;
  const domain = exactDomainName(signingDomain ?? '') || 'a domain that is none';
  const key = `${selector}._domainkey.${domain}`;
  switch (status.result) {
    case 'pass':
      break;
    case 'temperror':
      return `the key at ${key} could not be asked for`;
    case 'policy':
      return status.policy?.['dkim-rules'] === 'weak-key'
        ? `the key at ${key} is shorter than ${MIN_RSA_BITS} bits`
        : `the signature of ${domain} is of a kind that is no longer safe (rsa-sha1)`;
    default:
      return failureOf(String(status.comment ?? ''), domain, key, isRevoked(result));
  }
  if (exactDomainName(signingDomain ?? '') === '') return 'the signature names a domain that is none';
  if (status.testing) return `the key at ${key} is marked as a test (t=y)`;
  if (result.canonBodyLengthLimited) return `the signature of ${domain} covers only a part of the body (l=)`;
  if (result.signTime && Date.parse(result.signTime) > at.getTime() + CLOCK_SKEW_MS)
    return `the signature of ${domain} is dated in the future`;
  const covered = new Set(result.signingHeaders?.keys.toLowerCase().split(/\s*:\s*/));
  const missing = MUST_COVER.find((name) => names.includes(name) && !covered.has(name));
  return missing === undefined ? null : `the signature of ${domain} does not cover the header ${missing}`;
}

function failureOf(comment: string, domain: string, key: string, revoked: boolean): string {
  if (revoked) return `the key at ${key} is revoked`;
  switch (comment) {
    case 'body hash did not verify':
      return `the body is not the one that ${domain} has signed`;
    case 'bad signature':
      return `the headers are not those that ${domain} has signed, or the key is another`;
    case 'no key':
      return `there is no key at ${key}`;
    case 'expired':
      return `the signature of ${domain} has expired`;
    default:
      return `the signature of ${domain} cannot be used: ${comment.slice(0, MAX_COMMENT_CHARS)}`;
  }
}

const MAX_COMMENT_CHARS = 200; // some of it comes from the mail

/** An empty p= (RFC 6376 §3.6.1). */
const isRevoked = ({ rr }: DKIMResult): boolean => rr !== undefined && /(?:^|;)\s*p=\s*(?:;|$)/.test(rr);

/** The best of all: one good signature among several is a good signature. One that passes and proves nothing is `policy`. */
function dkimVerdict(signatures: readonly Signature[]): string {
  const [first] = signatures;
  if (!first) return 'none';
  if (signatures.some(({ weakness }) => weakness === null)) return 'pass';
  const { result } = first.result.status;
  return result === 'pass' ? 'policy' : result;
}

async function arcVerdict(
  mail: DKIMVerifyResult,
  options: { resolver: RecordLookup; minBitLength: number; strict: boolean },
): Promise<string> {
  if (!mail.arc) return 'none';
  try {
    return (await arc(mail.arc as ARCData, options)).status.result;
  } catch {
    return 'permerror'; // a chain that cannot be read says nothing
  }
}

/** A mail may name keys without end. */
function bounded(lookup: RecordLookup): RecordLookup {
  let left = MAX_LOOKUPS;
  return async (name, type) => {
    if (left-- <= 0) throw Object.assign(new Error('The mail names too many keys.'), { code: 'ENODATA' });
    return lookup(name, type);
  };
}
