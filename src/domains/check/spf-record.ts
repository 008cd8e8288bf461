// An SPF record as its terms (RFC 7208 §4.6, §12).
import { type IpRange, ipRange } from '../../network/ip-range.ts';

const MAX_TERMS = 100;
const MAX_TERM_CHARS = 300; // a name of 253 and what stands around it
const MECHANISMS = ['all', 'include', 'a', 'mx', 'ptr', 'ip4', 'ip6', 'exists'] as const;

export interface SpfMechanism {
  qualifier: '+' | '-' | '~' | '?';
  kind: (typeof MECHANISMS)[number];
  /** Empty: the domain of the record itself. */
  domain: string;
  /** Of ip4 and ip6. */
  range: IpRange | null;
  /** Prefix lengths of a and mx. */
  bits4: number;
  bits6: number;
}

export interface SpfRecord {
  mechanisms: SpfMechanism[];
  redirect: string | null;
}

/** @returns a sentence where the record is not one */
export function parseSpf(text: string): SpfRecord | string {
  const [version, ...terms] = text.split(/ +/);
  if (version?.toLowerCase() !== 'v=spf1') return 'it does not begin with v=spf1';
  if (terms.length > MAX_TERMS) return `it has more than ${MAX_TERMS} terms`;
  const record: SpfRecord = { mechanisms: [], redirect: null };
  for (const term of terms) {
    if (term === '') continue;
    const modifier = /^([A-Za-z][A-Za-z0-9._-]*)=(.*)$/.exec(term);
    if (modifier) {
      if (modifier[1]?.toLowerCase() !== 'redirect') continue; // exp= and unknown ones are no concern of ours
      if (record.redirect !== null) return 'it has redirect= twice';
      if (!modifier[2]) return 'its redirect= names no domain';
      record.redirect = modifier[2];
      continue;
    }
    const mechanism = mechanismOf(term);
    if (typeof mechanism === 'string') return mechanism;
    record.mechanisms.push(mechanism);
  }
  return record;
}

function mechanismOf(term: string): SpfMechanism | string {
  const refuse = (why: string) => `the term ${JSON.stringify(term.slice(0, 60))} ${why}`;
  if (term.length > MAX_TERM_CHARS) return refuse('is too long');
  const parts =
    /^([+~?-]?)([A-Za-z0-9]+)(?::([^/]*(?:\/[^/]*[^0-9/][^/]*)*))?((?:\/\d{1,3}){0,1}(?:\/\/\d{1,3})?)$/.exec(
      term,
    );
  const word = /^[+~?-]?([A-Za-z0-9]*)/.exec(term)?.[1]?.toLowerCase() ?? '';
  const kind = MECHANISMS.find((name) => name === word);
  if (!kind) return refuse('is none that there is');
  if (!parts) return refuse('is not written as it has to be');
  const [, sign, , value = '', lengths = ''] = parts;
  const qualifier = (sign === '' ? '+' : sign) as SpfMechanism['qualifier'];
  const [, first, second] = /^(?:\/(\d+))?(?:\/\/(\d+))?$/.exec(lengths) ?? [];
  const bits4 = first === undefined ? 32 : Number(first);
  const bits6 = second === undefined ? 128 : Number(second);
  const base = { qualifier, kind, domain: value, range: null, bits4, bits6 };
  if (kind === 'ip4' || kind === 'ip6') {
    const range = ipRange(`${value}${lengths}`, kind === 'ip4' ? 4 : 6);
    return range
      ? { ...base, range, domain: '' }
      : refuse(`names no ${kind === 'ip4' ? 'IPv4' : 'IPv6'} network`);
  }
  if (bits4 > 32 || bits6 > 128) return refuse('has a prefix that is too long');
  if (kind === 'all' && (value !== '' || lengths !== '' || term.includes(':')))
    return refuse('takes nothing behind it');
  if ((kind === 'include' || kind === 'exists') && value === '') return refuse('names no domain');
  if (kind !== 'a' && kind !== 'mx' && lengths !== '') return refuse('takes no prefix');
  if (term.includes(':') && value === '') return refuse('names no domain');
  return base;
}
