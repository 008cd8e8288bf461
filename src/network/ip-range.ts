// IP addresses and networks as records of the DNS write them.
import ipaddr from 'ipaddr.js';

export interface IpRange {
  /** An address of it. */
  base: ipaddr.IPv4 | ipaddr.IPv6;
  bits: number;
}

const MOST_BITS = { 4: 32, 6: 128 } as const;

/** `192.0.2.0/24` or `2001:db8::1`; null for what is no network of that family. */
export function ipRange(text: string, family: 4 | 6): IpRange | null {
  const [address = '', bits, ...more] = text.split('/');
  const isOf = family === 4 ? ipaddr.IPv4.isValidFourPartDecimal(address) : ipaddr.IPv6.isValid(address);
  if (!isOf || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const length = bits === undefined ? MOST_BITS[family] : Number(bits);
  return length <= MOST_BITS[family] ? { base: ipaddr.parse(address), bits: length } : null;
}

/** The network around an address; null where it is none. */
export function rangeAround(address: string, bits4: number, bits6: number): IpRange | null {
  const family = familyOf(address);
  if (family === null) return null;
  return { base: ipaddr.process(address), bits: family === 4 ? bits4 : bits6 };
}

export function liesIn(address: string, { base, bits }: IpRange): boolean {
  if (!ipaddr.isValid(address)) return false;
  const one = ipaddr.process(address);
  return one.kind() === base.kind() && one.match(base as ipaddr.IPv4 & ipaddr.IPv6, bits);
}

/** Null for what is no address; IPv4 inside of IPv6 counts as what it is. */
export function familyOf(text: string): 4 | 6 | null {
  if (!ipaddr.isValid(text)) return null;
  return ipaddr.process(text).kind() === 'ipv4' ? 4 : 6;
}

/** Whether two texts are one address, however they are written. */
export const isSameAddress = (one: string, other: string): boolean =>
  ipaddr.isValid(one) &&
  ipaddr.isValid(other) &&
  ipaddr.process(one).toNormalizedString() === ipaddr.process(other).toNormalizedString();

/** The name under which an address has its name (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: string): string {
  const one = ipaddr.process(address);
  const bytes = one.toByteArray();
  if (one.kind() === 'ipv4') return `${bytes.reverse().join('.')}.in-addr.arpa`;
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}
