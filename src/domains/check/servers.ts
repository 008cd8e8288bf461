// Whether the domain can be answered (MX), and whether the servers of its own that send are who they say (PTR).

import { isSameOrganisation } from '../../mail/trust/domains.ts';
import { familyOf, isSameAddress, reverseName } from '../../network/ip-range.ts';
import { isPublicAddress } from '../../network/public-address.ts';
import { mxRecord, ptrRecord } from '../dns-record.ts';
import type { DnsView } from './dns-view.ts';
import { type Say, shown } from './findings.ts';

const MAX_MX = 10;
const MAX_ADDRESSES = 8;
const MAX_NAMES = 5;

export async function checkMx(view: DnsView, domain: string, say: Say): Promise<void> {
  const answer = await view.ask(domain, 'MX');
  if (answer.kind === 'failed')
    return say('error', 'mx_unknown', `The MX records could not be asked for: ${answer.why}.`);
  if (answer.kind === 'missing') {
    const addresses = await view.addresses(domain);
    if (addresses !== null && addresses.length > 0)
      return say(
        'warning',
        'mx_missing',
        `There is no MX record. Mail then goes to the address of ${domain} itself, which is seldom what is meant.`,
        mxRecord(domain, `mail.${domain}`),
      );
    return say(
      'error',
      'mx_missing',
      'There is no MX record: nobody can answer, bounces are lost, and many refuse mail from such a domain.',
      mxRecord(domain, `mail.${domain}`),
    );
  }
  const exchangers = answer.records.map((text) => {
    const [priority = '', host = ''] = text.split(' ');
    return { priority: Number(priority), host: host.toLowerCase().replace(/\.$/, '') };
  });
  if (exchangers.some(({ host }) => host === ''))
    return exchangers.length === 1
      ? say(
          'error',
          'mx_null',
          'The domain says that it takes no mail (a null MX, RFC 7505): answers and bounces are lost.',
        )
      : say('error', 'mx_null', 'There is a null MX beside others (RFC 7505 §3): take it out.');
  let sound = 0;
  for (const { host } of exchangers.slice(0, MAX_MX)) if (await isSound(view, host, say)) sound++;
  if (sound === exchangers.length)
    say(
      'ok',
      'mx_ok',
      `${sound === 1 ? 'One server takes' : `${sound} servers take`} mail for the domain, and can be found.`,
    );
}

async function isSound(view: DnsView, host: string, say: Say): Promise<boolean> {
  const wrong = (code: string, message: string): false => {
    say('error', code, message);
    return false;
  };
  if (familyOf(host) !== null)
    return wrong(
      'mx_address',
      `The MX record names the address ${host}: it has to name a host (RFC 5321 §5.1).`,
    );
  const alias = await view.ask(host, 'CNAME');
  if (alias.kind === 'found')
    return wrong(
      'mx_alias',
      `The MX record names ${shown(host)}, which is an alias (CNAME): some servers refuse that (RFC 2181 §10.3).`,
    );
  const addresses = await view.addresses(host);
  if (addresses === null) {
    say('warning', 'mx_host_unknown', `The addresses of ${shown(host)} could not be asked for.`);
    return false;
  }
  if (addresses.length === 0)
    return wrong('mx_host_missing', `The MX record names ${shown(host)}, which has no address.`);
  if (!addresses.some(isPublicAddress))
    return wrong('mx_host_private', `The MX record names ${shown(host)}, which has no public address.`);
  return true;
}

/** Only for servers of the organisation's own: what stands in front of a provider's is the provider's affair. */
export async function checkReverse(
  view: DnsView,
  domain: string,
  hosts: readonly string[],
  say: Say,
): Promise<void> {
  for (const host of hosts.filter((one) => isSameOrganisation(one, domain))) {
    const addresses = (await view.addresses(host)) ?? [];
    if (addresses.length === 0) {
      say('error', 'host_missing', `The SMTP server ${host} of the account has no address.`);
      continue;
    }
    for (const address of addresses.filter(isPublicAddress).slice(0, MAX_ADDRESSES))
      await sayReverse(view, host, address, say);
  }
}

async function sayReverse(view: DnsView, host: string, address: string, say: Say): Promise<void> {
  const name = reverseName(address);
  const answer = await view.ask(name, 'PTR');
  if (answer.kind === 'failed')
    return say('warning', 'reverse_unknown', `The name of ${address} could not be asked for: ${answer.why}.`);
  const wanted = ptrRecord(name, host);
  if (answer.kind === 'missing')
    return say(
      'error',
      'reverse_missing',
      `The address ${address} of ${host} has no name: large receivers refuse mail from such addresses. Whoever gave you the ` +
        'address enters it.',
      wanted,
    );
  for (const found of answer.records.slice(0, MAX_NAMES)) {
    const back = (await view.addresses(found)) ?? [];
    if (back.some((one) => isSameAddress(one, address)))
      return say(
        'ok',
        'reverse_ok',
        `The address ${address} is called ${shown(found)}, and that name leads back to it.`,
      );
  }
  say(
    'error',
    'reverse_unconfirmed',
    `The address ${address} is called ${shown(answer.records[0] ?? '')}, and that name does not lead back to it.`,
    wanted,
  );
}
