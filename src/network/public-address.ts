// Which addresses belong to the open internet, and a look-up of names that gives out no others.
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PosternError } from '../kernel/errors.ts';

/** As `lookup` of node:dns. */
export type Lookup = LookupFunction;

const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96'); // RFC 6052; that for local use (RFC 8215) stays inside
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3'); // RFC 4291 §2.4
const CLOUD_INTERNAL = new Set(['168.63.129.16']); // Azure's host, from inside its machines at a public address

/** Where clouds tell their machines' secrets, and addresses that only neighbours on a line have. */
const NEVER_BY_NAME = [
  ...['169.254.0.0/16', '168.63.129.16/32', '100.100.100.200/32', '192.0.0.192/32'],
  ...['fe80::/10', 'fd00:ec2::/32'],
].map((range) => ipaddr.parseCIDR(range));

/** Whether a text is an IP address in a form that a socket would take: decimal, octal and hex ones too. */
export const isAddress = (text: string): boolean => ipaddr.isValid(text);

/** Whether an address belongs to the open internet; IPv4 inside of IPv6 (mapped, NAT64, 6to4) counts as what it is. */
export function isPublicAddress(text: string): boolean {
  let address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) address = address.toIPv4Address();
  if (address instanceof ipaddr.IPv6) {
    const bytes = address.toByteArray();
    if (address.match(NAT64)) return isPublicAddress(bytes.slice(12).join('.'));
    if (address.range() === '6to4') return isPublicAddress(bytes.slice(2, 6).join('.'));
    return address.match(GLOBAL_UNICAST) && address.range() === 'unicast';
  }
  return address.range() === 'unicast' && !CLOUD_INTERNAL.has(address.toString());
}

/** Whether no name may lead there, also where private addresses are allowed; who means it writes the address itself. */
function isMetadata(text: string): boolean {
  const address = ipaddr.process(text);
  return NEVER_BY_NAME.some(([range, bits]) => address.kind() === range.kind() && address.match(range, bits));
}

/** Resolves a name, and gives out none of its addresses unless all of them are public. */
export const publicLookup = (lookup?: Lookup): Lookup =>
  lookupWithout((address) => !isPublicAddress(address), lookup);

/** For endpoints inside the network: loopback and private addresses, but not those of a cloud's metadata. */
export const privateLookup = (lookup?: Lookup): Lookup => lookupWithout(isMetadata, lookup);

const lookupWithout =
  (isRefused: (address: string) => boolean, lookup: Lookup = dnsLookup): Lookup =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const addresses = found as LookupAddress[];
      const inside = addresses.find(({ address }) => isRefused(address));
      if (inside || addresses.length === 0) {
        return callback(
          new PosternError(
            'egress_refused',
            `${hostname} is not allowed: it resolves to an address inside a network.`,
          ),
          '',
          0,
        );
      }
      if (options.all) return callback(null, addresses);
      const [first] = addresses as [LookupAddress];
      callback(null, first.address, first.family);
    });
  };
