// What warns of a mail whoever it is proved to be from: it may show a name that is not its sender's. On the hot path of
// ingest: an ordinary mail costs a few comparisons of text.
import type { Address, MailMetadata, TrustFlag } from '../../contracts/mail.ts';
import { readAddresses } from '../addresses.ts';
import { headerValues } from '../headers.ts';
import { domainOf, isSameOrganisation, shownDomain } from './domains.ts';
import type { KnownPeople } from './known-people.ts';
import { hasMixedScripts } from './skeleton.ts';

const MAX_REPLY_TO = 20; // more are an attack, and what is to be said of them is said by the first
const ADDRESS_IN_NAME = /[^\s<>()[\]"',;:]{1,64}@[^\s<>()[\]"',;:@]{1,253}\.[\p{L}\p{N}-]{2,63}/u;

/** @param known the people whom the account has written to, and itself; null where they are not known */
export function flagsOf(metadata: MailMetadata, known: KnownPeople | null): TrustFlag[] {
  const flags: TrustFlag[] = [];
  const { from } = metadata;
  if (from) {
    if (showsOther(from)) flags.push('name-shows-address');
    if (leadsElsewhere(from, metadata.reply_to)) flags.push('reply-to-elsewhere');
    if (mixesScripts(from) || metadata.reply_to.slice(0, MAX_REPLY_TO).some(mixesScripts))
      flags.push('mixed-scripts');
    if (known && known.resembled(from.address) !== null) flags.push('lookalike');
    if (known?.isNameOfAnother(from)) flags.push('name-of-another');
  }
  if (severalFrom(metadata)) flags.push('several-from');
  return flags;
}

function showsOther({ name, address }: Address): boolean {
  if (!name.includes('@') && !name.includes('＠')) return false;
  const shown = ADDRESS_IN_NAME.exec(name.normalize('NFKC'))?.[0];
  return shown !== undefined && shown.toLowerCase() !== address.toLowerCase();
}

function leadsElsewhere(from: Address, replyTo: readonly Address[]): boolean {
  if (replyTo.length === 0) return false;
  const domain = domainOf(from.address);
  return replyTo
    .slice(0, MAX_REPLY_TO)
    .some(({ address }) => address !== from.address && !isSameOrganisation(domainOf(address), domain));
}

function mixesScripts({ name, address }: Address): boolean {
  const domain = domainOf(address);
  const local = address.slice(0, Math.max(address.lastIndexOf('@'), 0));
  return hasMixedScripts(name) || hasMixedScripts(local) || hasMixedScripts(shownDomain(domain));
}

/** Several headers, or several mailboxes in one: whom a mail program shows is its own choice. */
export function severalFrom({ headers }: Pick<MailMetadata, 'headers'>): boolean {
  const values = headerValues(headers, 'from');
  if (values.length > 1) return true;
  const value = values[0] ?? '';
  return value.indexOf('@') !== value.lastIndexOf('@') && readAddresses(value).length > 1;
}
