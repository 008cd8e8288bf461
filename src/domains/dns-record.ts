// A DNS record as a person enters it: some forms take the value, zone files take a line, and a long text goes as several
// strings (RFC 1035 §3.3.14).
import type { DnsRecord } from '../contracts/domain.ts';

const MAX_STRING_OCTETS = 255; // RFC 1035 §3.3

/** @param name in full, without a dot at its end */
export function txtRecord(name: string, value: string): DnsRecord {
  const strings = stringsOf(value).map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
  const data = strings.length === 1 ? strings[0] : `( ${strings.join(' ')} )`;
  return { type: 'TXT', name, value, zone: `${name}. IN TXT ${data}` };
}

export const mxRecord = (name: string, host: string, priority = 10): DnsRecord => ({
  type: 'MX',
  name,
  value: `${priority} ${host}`,
  zone: `${name}. IN MX ${priority} ${host}.`,
});

export const ptrRecord = (reverseName: string, host: string): DnsRecord => ({
  type: 'PTR',
  name: reverseName,
  value: host,
  zone: `${reverseName}. IN PTR ${host}.`,
});

/** A text in pieces of at most 255 octets; it is ASCII throughout. */
export function stringsOf(value: string): string[] {
  const strings: string[] = [];
  for (let at = 0; at < value.length || strings.length === 0; at += MAX_STRING_OCTETS)
    strings.push(value.slice(at, at + MAX_STRING_OCTETS));
  return strings;
}
