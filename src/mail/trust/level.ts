// From what a server asserts and what a check of the signatures has found to the trust that counts. Pure.
import type { MailMetadata, Trust } from '../../contracts/mail.ts';
import { headerValues } from '../headers.ts';
import type { Authenticity } from './authenticate.ts';
import { domainName, domainOf, isSameOrganisation } from './domains.ts';
import { MAX_SIGNATURES } from './mail-shape.ts';

const SIGNING_DOMAIN = /(?:^|;)\s*d\s*=\s*([^;\s]+)/;

/**
 * Why no check of the signatures could prove a mail, in words; null where one could. It tells, from the headers alone,
 * for which mails the whole message need not be fetched.
 */
export function unprovable(metadata: Pick<MailMetadata, 'headers' | 'from'>): string | null {
  const { headers } = metadata;
  const signatures = headerValues(headers, 'dkim-signature');
  if (headerValues(headers, 'from').length > 1) return 'the mail has several From headers';
  const from = domainOf(metadata.from?.address);
  if (from === '') return 'the mail names no sender address';
  if (signatures.length === 0) return 'the mail is not signed';
  if (signatures.length > MAX_SIGNATURES)
    return `the mail has ${signatures.length} signatures; none is looked at where there are more than ${MAX_SIGNATURES}`;
  const signers = signatures.map((value) => domainName(SIGNING_DOMAIN.exec(value)?.[1] ?? ''));
  if (signers.some((signer) => isSameOrganisation(signer, from))) return null;
  const named = signers.find((signer) => signer !== '');
  return named === undefined
    ? 'no signature of the mail names its domain'
    : `the mail is signed by ${named}, which is not ${from}`;
}

/** Trust once the signatures were checked: proof counts for more than what a server asserts, and that for more than nothing. */
export function checkedTrust(
  asserted: Trust,
  found: Authenticity,
  { from }: Pick<MailMetadata, 'from'>,
): Trust {
  const { dkim, dmarc, arc, signer } = found;
  const domain = domainOf(from?.address);
  // A server might show one mail to those who look for new ones, and another to those who check them.
  const isOfFrom =
    domain !== '' && found.from.length > 0 && found.from.every((one) => domainOf(one) === domain);
  if (signer !== null && isOfFrom)
    return {
      ...asserted,
      level: 'verified',
      dkim,
      dmarc,
      arc,
      reason: found.reason,
      checked: true,
    };
  const reason = signer === null ? found.reason : 'the mail on the server is not the one that was taken in';
  if (asserted.level === 'asserted')
    return {
      ...asserted,
      arc,
      reason: `${asserted.reason}; a check here found that ${reason}`,
      checked: true,
    };
  return { ...asserted, level: 'unverified', dkim, dmarc, arc, reason, checked: true };
}

/**
 * Trust where no check came about: as a server asserts it, with the reason why it is no more than that.
 * @param isOver whether another try would end the same
 */
export function uncheckedTrust(asserted: Trust, why: string, isOver: boolean): Trust {
  const reason =
    asserted.level === 'asserted'
      ? `${asserted.reason}; its signatures could not be checked here: ${why}`
      : `the signatures could not be checked: ${why}`;
  return { ...asserted, reason, checked: isOver };
}
