// How far a mail can be believed to come from whom it names, before its signatures are checked (trust/ does that): here
// only what the receiving server asserts is read. A header that the sender could have written himself never counts.
import type { MailMetadata, Trust } from '../contracts/mail.ts';
import { type AuthenticationResult, readAuthenticationResults } from './authentication-results.ts';
import { headerValues } from './headers.ts';
import { domainOf, isSameOrganisation } from './trust/domains.ts';
import type { KnownPeople } from './trust/known-people.ts';
import { flagsOf } from './trust/look-alikes.ts';

/**
 * `asserted` when the account names its server's authserv-id (RFC 8601 §2.5), the topmost Authentication-Results is
 * from it, and it says that DMARC, or a DKIM signature of From's own domain, passed. Only the topmost counts: those
 * below may have come with the mail. Anything else is `unverified`, with the reason in words.
 */
export function trustOf(
  metadata: MailMetadata,
  authservId: string | null,
  known: KnownPeople | null = null,
): Trust {
  return { ...assertedTrust(metadata, authservId), flags: flagsOf(metadata, known) };
}

/** Trust as the ledger has it; that of mails from before these were noted has no flags, and was not checked. */
export const storedTrust = (json: string): Trust => ({
  arc: 'none',
  flags: [],
  checked: false,
  ...(JSON.parse(json) as Pick<Trust, 'level' | 'dkim' | 'spf' | 'dmarc' | 'reason'>),
});

function assertedTrust(metadata: MailMetadata, authservId: string | null): Omit<Trust, 'flags'> {
  const unverified = (reason: string, verdicts: Verdicts = NO_VERDICTS) => ({
    level: 'unverified' as const,
    ...verdicts,
    reason,
    checked: false,
  });
  const froms = headerValues(metadata.headers, 'from');
  if (froms.length > 1) return unverified('the mail has several From headers');
  const domain = domainOf(metadata.from?.address);
  if (domain === '') return unverified('the mail names no sender address');
  if (authservId === null || authservId.trim() === '') {
    return unverified('the account names no authentication server whose results would count');
  }
  const topmost = headerValues(metadata.headers, 'authentication-results')[0];
  if (topmost === undefined) return unverified('the mail carries no Authentication-Results header');
  const read = readAuthenticationResults(topmost);
  if (!read || read.authservId !== authservId.trim().toLowerCase()) {
    return unverified(
      'the topmost Authentication-Results header is not from the server that the account names',
    );
  }
  const verdicts = verdictsOf(read.results);
  const dmarc = read.results.filter(({ method }) => method === 'dmarc');
  if (dmarc.some(({ result }) => result === 'fail')) return unverified('DMARC failed', verdicts);
  if (dmarc.some((result) => result.result === 'pass' && namesFrom(result, domain))) {
    return {
      level: 'asserted',
      ...verdicts,
      reason: `${read.authservId} says that DMARC passed for ${domain}`,
      checked: false,
    };
  }
  const signed = read.results.find(({ method, result, properties }) => {
    return method === 'dkim' && result === 'pass' && aligned(signerOf(properties), domain);
  });
  if (signed) {
    const signer = signerOf(signed.properties);
    return {
      level: 'asserted',
      ...verdicts,
      reason: `${read.authservId} says that a signature of ${signer} holds`,
      checked: false,
    };
  }
  return unverified(`${read.authservId} found nothing that proves ${domain}`, verdicts);
}

type Verdicts = Pick<Trust, 'dkim' | 'spf' | 'dmarc' | 'arc'>;
const NO_VERDICTS: Verdicts = { dkim: 'none', spf: 'none', dmarc: 'none', arc: 'none' };
const VERDICTS = new Set([
  'pass',
  'fail',
  'softfail',
  'neutral',
  'none',
  'policy',
  'temperror',
  'permerror',
  'bestguesspass',
]);

/** For each method the best that was found: one good signature among several is a good signature. */
function verdictsOf(results: readonly AuthenticationResult[]): Verdicts {
  const best = (method: string): string => {
    const found = results.filter((result) => result.method === method).map(({ result }) => result);
    const verdict = found.includes('pass') ? 'pass' : (found[0] ?? 'none');
    return VERDICTS.has(verdict) ? verdict : 'none';
  };
  return { dkim: best('dkim'), spf: best('spf'), dmarc: best('dmarc'), arc: best('arc') };
}

/** The result is about this From: a server that names another header.from judged another mail. */
function namesFrom({ properties }: AuthenticationResult, domain: string): boolean {
  const judged = properties.get('header.from');
  return judged === undefined || (judged.includes('@') ? domainOf(judged) : bare(judged)) === domain;
}

/** The signing domain: header.d, or that of header.i where only this is given (Gmail). */
const signerOf = (properties: Map<string, string>): string =>
  bare(properties.get('header.d') ?? '') || domainOf(properties.get('header.i'));

/**
 * One domain is the other or lies below it, and both are one organisation's: `alice.github.io` does not stand for
 * `github.io`. Narrower than RFC 7489 §3.1.1, which also lets two children of one organisation stand for each other.
 */
function aligned(signer: string, from: string): boolean {
  if (!signer.includes('.') || !isSameOrganisation(signer, from)) return false;
  return signer === from || from.endsWith(`.${signer}`) || signer.endsWith(`.${from}`);
}

const bare = (domain: string): string => domain.trim().toLowerCase().replace(/\.$/, '');
