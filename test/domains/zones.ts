// Prepared zones: a right one, and ones that each have a mistake in them. What the check has to find stands beside.
import type { DomainUse } from '../../src/domains/check/check.ts';
import { keyRecord } from '../../src/domains/dkim-key.ts';
import type { DkimKeysTable } from '../../src/store/schema.ts';
import type { TestDns } from '../support/dns-server.ts';
import { ed25519Key, rsaKey } from '../support/sign-mail.ts';

const NOW = Date.UTC(2026, 10, 21);
const DAY_MS = 24 * 3_600_000;
const ADDRESS = '198.51.100.25'; // of documentation (RFC 5737), which counts as reserved…
/** … so the servers here have public ones that nobody is asked for. */
const PUBLIC = '9.9.9.25';

export interface Zone {
  what: string;
  /** Puts its records in; what is not said is as in a right zone. */
  change(dns: TestDns, domain: string): void;
  use?: Partial<DomainUse> | ((domain: string) => Partial<DomainUse>);
  /** Codes of warnings and errors, with their levels; each has to be found, and no other. */
  wrong: Record<string, 'warning' | 'error'>;
  /** Codes that have to be found besides. */
  right?: string[];
  /** The value of a record that is proposed, by the code of the finding. */
  proposes?: Record<string, RegExp>;
}

const sound = rsaKey();
const weak = rsaKey(1024);
const other = rsaKey();
const ed = ed25519Key();
const pOf = (record: string): string => /p=(.*)$/.exec(record)?.[1] ?? '';

export const key = (changes: Partial<DkimKeysTable> = {}): DkimKeysTable => ({
  id: 'dkm_1',
  domain_id: 'dom_1',
  selector: 's1',
  algorithm: 'rsa',
  bits: 2048,
  public_key: pOf(sound.record),
  state: 'active',
  seen_at: NOW,
  checked_at: NOW,
  problem: null,
  created_at: NOW,
  active_at: NOW,
  retiring_at: null,
  retired_at: null,
  ...changes,
});

const keys =
  (...changes: Partial<DkimKeysTable>[]) =>
  (domain: string): Partial<DomainUse> => ({
    owner: { domain, keys: changes.map(key) },
  });

/** A domain at which nothing is wrong. */
export function rightZone(dns: TestDns, domain: string): void {
  dns.put(domain, 'NS', `ns1.${domain}`);
  dns.put(domain, 'MX', `10 mail.${domain}`);
  dns.put(`mail.${domain}`, 'A', PUBLIC);
  dns.put('25.9.9.9.in-addr.arpa', 'PTR', `mail.${domain}`);
  dns.txt(domain, 'google-site-verification=abc', 'v=spf1 mx -all');
  dns.txt(`s1._domainkey.${domain}`, keyRecord(domain, key()).value);
  dns.txt(`_dmarc.${domain}`, `v=DMARC1; p=reject; rua=mailto:dmarc@${domain}`);
}

export const rightUse = (domain: string): DomainUse => ({
  domain,
  hosts: [`mail.${domain}`],
  signedElsewhere: false,
  owner: { domain, keys: [key()] },
});

export const AT = NOW;

export const zones: Zone[] = [
  {
    what: 'nothing is wrong',
    change: () => undefined,
    wrong: {},
    right: ['spf_ok', 'spf_host_allowed', 'dkim_ok', 'dmarc_ok', 'mx_ok', 'reverse_ok', 'mta_sts_missing'],
  },
  {
    what: 'the domain does not exist',
    change(dns, domain) {
      for (const name of [domain, `mail.${domain}`, `s1._domainkey.${domain}`, `_dmarc.${domain}`])
        dns.remove(name);
    },
    wrong: { domain_missing: 'error' },
  },
  {
    what: 'the name servers fail',
    change: (dns, domain) => dns.trouble(domain, 'servfail'),
    wrong: { domain_unknown: 'error' },
  },
  // SPF
  {
    what: 'no SPF record',
    change: (dns, domain) => dns.txt(domain, 'something else'),
    wrong: { spf_missing: 'error' },
    proposes: { spf_missing: /^v=spf1 a:mail\.\S+ ~all$/ },
  },
  {
    what: 'no SPF record, and a server on the same machine',
    change: (dns, domain) => dns.txt(domain, 'something else'),
    use: { hosts: ['127.0.0.1', 'localhost'] },
    wrong: { spf_missing: 'error' },
    proposes: { spf_missing: /^v=spf1 mx ~all$/ },
  },
  {
    what: 'a record that looks like SPF',
    change: (dns, domain) => dns.txt(domain, 'spf1 mx -all'),
    wrong: { spf_invalid: 'error' },
  },
  {
    what: 'two SPF records',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 mx -all', 'v=spf1 a -all'),
    wrong: { spf_several: 'error' },
  },
  {
    what: 'an SPF record with a mistake',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 ip4:300.1.2.3 mx -all'),
    wrong: { spf_invalid: 'error' },
  },
  {
    what: 'an SPF record with a word that there is not',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 mx includes:example.com -all'),
    wrong: { spf_invalid: 'error' },
  },
  {
    what: '+all',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 mx +all'),
    wrong: { spf_allows_all: 'error' },
  },
  {
    what: 'an SPF record without an end',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 mx'),
    wrong: { spf_neutral: 'warning' },
  },
  {
    what: 'eleven look-ups, some of them deep',
    change(dns, domain) {
      dns.txt(domain, `v=spf1 mx include:a.${domain} include:b.${domain} -all`);
      for (const side of ['a', 'b']) {
        const inner = [1, 2, 3, 4].map((number) => `include:${side}${number}.${domain}`);
        dns.txt(`${side}.${domain}`, `v=spf1 ${inner.join(' ')} -all`);
        for (const number of [1, 2, 3, 4]) dns.txt(`${side}${number}.${domain}`, 'v=spf1 ip4:192.0.2.1 -all');
      }
    },
    wrong: { spf_too_many_lookups: 'error' },
  },
  {
    what: 'ten look-ups',
    change(dns, domain) {
      const inner = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `include:i${number}.${domain}`);
      dns.txt(domain, `v=spf1 mx ${inner.join(' ')} -all`);
      for (const number of [1, 2, 3, 4, 5, 6, 7, 8, 9])
        dns.txt(`i${number}.${domain}`, 'v=spf1 ip4:192.0.2.1 -all');
    },
    wrong: {},
    right: ['spf_ok'],
  },
  {
    what: 'an include that leads back',
    change(dns, domain) {
      dns.txt(domain, `v=spf1 mx include:loop.${domain} -all`);
      dns.txt(`loop.${domain}`, `v=spf1 include:back.${domain} -all`);
      dns.txt(`back.${domain}`, `v=spf1 include:loop.${domain} -all`);
    },
    wrong: { spf_broken: 'error' },
  },
  {
    what: 'an include that leads nowhere',
    change: (dns, domain) => dns.txt(domain, `v=spf1 mx include:gone.${domain} -all`),
    wrong: { spf_broken: 'error' },
  },
  {
    what: 'names that do not exist',
    change: (dns, domain) => dns.txt(domain, `v=spf1 mx a:x.${domain} a:y.${domain} a:z.${domain} -all`),
    wrong: { spf_void_lookups: 'error' },
  },
  {
    what: 'an SPF record without the server of the account',
    change: (dns, domain) => dns.txt(domain, 'v=spf1 ip4:192.0.2.0/24 -all'),
    wrong: { spf_host_missing: 'error' },
  },
  {
    what: 'a provider that is not included',
    change: () => undefined,
    use: { hosts: ['smtp.gmail.com'], signedElsewhere: true },
    wrong: { spf_host_missing: 'error' },
  },
  {
    what: 'a provider that is included',
    change(dns, domain) {
      dns.txt(domain, 'v=spf1 include:_spf.google.com ~all');
      dns.txt('_spf.google.com', 'v=spf1 ip4:192.0.2.0/24 ~all');
    },
    use: { hosts: ['smtp.gmail.com'], signedElsewhere: true },
    wrong: {},
    right: ['spf_host_included'],
  },
  // DKIM
  {
    what: 'the record of the key is missing',
    change: (dns, domain) => dns.remove(`s1._domainkey.${domain}`),
    wrong: { dkim_record_missing: 'error' },
    proposes: { dkim_record_missing: /^v=DKIM1; k=rsa; p=MII/ },
  },
  {
    what: 'another key is published',
    change: (dns, domain) => dns.txt(`s1._domainkey.${domain}`, other.record),
    wrong: { dkim_record_wrong: 'error' },
  },
  {
    what: 'a key that was cut in two',
    change: (dns, domain) =>
      dns.txt(`s1._domainkey.${domain}`, `${sound.record.slice(0, 200)}"; "${sound.record.slice(200)}`),
    wrong: { dkim_record_wrong: 'error' },
  },
  {
    what: 'a revoked key',
    change: (dns, domain) => dns.txt(`s1._domainkey.${domain}`, 'v=DKIM1; k=rsa; p='),
    wrong: { dkim_record_wrong: 'error' },
  },
  {
    what: 'a weak key',
    change: (dns, domain) => dns.txt(`s1._domainkey.${domain}`, weak.record),
    use: keys({ public_key: pOf(weak.record), bits: 1024 }),
    wrong: { dkim_weak_key: 'warning' },
  },
  {
    what: 'a key that is marked as a test',
    change: (dns, domain) => dns.txt(`s1._domainkey.${domain}`, sound.record.replace('k=rsa', 'k=rsa; t=y')),
    wrong: { dkim_testing: 'warning' },
  },
  {
    what: 'only an Ed25519 key',
    change: (dns, domain) => dns.txt(`s1._domainkey.${domain}`, ed.record),
    use: keys({ algorithm: 'ed25519', bits: 256, public_key: pOf(ed.record) }),
    wrong: { dkim_only_ed25519: 'warning' },
  },
  {
    what: 'the next key is not published yet',
    change: () => undefined,
    use: keys({}, { id: 'dkm_2', selector: 's2', state: 'pending', public_key: pOf(other.record) }),
    wrong: { dkim_record_missing: 'warning' },
  },
  {
    what: 'no key at all',
    change: () => undefined,
    use: { owner: null },
    wrong: { dkim_no_key: 'warning' },
  },
  {
    what: 'a key that has signed for years',
    change: () => undefined,
    use: keys({ active_at: NOW - 800 * DAY_MS }),
    wrong: {},
    right: ['dkim_old'],
  },
  // DMARC
  {
    what: 'no DMARC record',
    change: (dns, domain) => dns.remove(`_dmarc.${domain}`),
    wrong: { dmarc_missing: 'warning' },
    proposes: { dmarc_missing: /^v=DMARC1; p=none; rua=mailto:/ },
  },
  {
    what: 'a DMARC record without a policy',
    change: (dns, domain) => dns.txt(`_dmarc.${domain}`, 'v=DMARC1; rua=mailto:a@b.example'),
    wrong: { dmarc_invalid: 'error' },
  },
  {
    what: 'a DMARC record with a policy that there is not',
    change: (dns, domain) => dns.txt(`_dmarc.${domain}`, 'v=DMARC1; p=deny'),
    wrong: { dmarc_invalid: 'error' },
  },
  {
    what: 'two DMARC records',
    change: (dns, domain) => dns.txt(`_dmarc.${domain}`, 'v=DMARC1; p=none', 'v=DMARC1; p=reject'),
    wrong: { dmarc_several: 'error' },
  },
  {
    what: 'the policy none',
    change: (dns, domain) => dns.txt(`_dmarc.${domain}`, `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`),
    wrong: { dmarc_policy_none: 'warning' },
  },
  {
    what: 'reports to somebody who has not said that he takes them',
    change: (dns, domain) => dns.txt(`_dmarc.${domain}`, 'v=DMARC1; p=reject; rua=mailto:x@reports.example'),
    wrong: { dmarc_report_refused: 'warning' },
  },
  {
    what: 'strict alignment, and signatures of the domain above',
    change: (dns, domain) =>
      dns.txt(`_dmarc.${domain}`, `v=DMARC1; p=reject; adkim=s; rua=mailto:dmarc@${domain}`),
    use: () => ({ owner: { domain: 'zones.example', keys: [key({ selector: 'up' })] } }),
    wrong: { dmarc_alignment: 'error' },
  },
  {
    what: 'the DMARC record of the organisation holds',
    change(dns, domain) {
      dns.remove(`_dmarc.${domain}`);
      dns.txt('_dmarc.zones.example', 'v=DMARC1; p=reject; rua=mailto:x@zones.example');
    },
    wrong: {},
    right: ['dmarc_ok'],
  },
  {
    what: 'the organisation lets in what its domains below send',
    change(dns, domain) {
      dns.remove(`_dmarc.${domain}`);
      dns.txt('_dmarc.zones.example', 'v=DMARC1; p=reject; sp=none; rua=mailto:x@zones.example');
    },
    wrong: { dmarc_policy_none: 'warning' },
  },
  {
    what: 'reports to somebody who has said that he takes them',
    change(dns, domain) {
      dns.txt(`_dmarc.${domain}`, 'v=DMARC1; p=reject; rua=mailto:x@reports.example!10m');
      dns.txt(`${domain}._report._dmarc.reports.example`, 'v=DMARC1');
    },
    wrong: {},
    right: ['dmarc_ok'],
  },
  {
    what: 'the key is that of the domain above',
    change: () => undefined,
    use: () => ({ owner: { domain: 'zones.example', keys: [key({ selector: 'up' })] } }),
    wrong: {},
    right: ['dkim_ok', 'dmarc_ok'],
  },
  // MX and the servers
  {
    what: 'no MX record, and an address of its own',
    change(dns, domain) {
      dns.put(domain, 'MX');
      dns.put(domain, 'A', PUBLIC);
    },
    use: { hosts: [] },
    wrong: { mx_missing: 'warning' },
  },
  {
    what: 'a null MX beside another',
    change: (dns, domain) => dns.put(domain, 'MX', '0 .', `10 mail.${domain}`),
    wrong: { mx_null: 'error' },
  },
  {
    what: 'a server with an IPv6 address that has a name, and MTA-STS',
    change(dns, domain) {
      dns.put(`mail.${domain}`, 'AAAA', '2620:fe::25');
      dns.put(`5.2.0.0.${'0.'.repeat(20)}e.f.0.0.0.2.6.2.ip6.arpa`, 'PTR', `mail.${domain}`);
      dns.txt(`_mta-sts.${domain}`, 'v=STSv1; id=1');
    },
    wrong: {},
    right: ['mta_sts', 'tls_reports_missing'],
  },
  {
    what: 'no MX record',
    change: (dns, domain) => dns.put(domain, 'MX'),
    use: { hosts: [] },
    wrong: { mx_missing: 'error' },
  },
  {
    what: 'a null MX',
    change: (dns, domain) => dns.put(domain, 'MX', '0 .'),
    use: { hosts: [] },
    wrong: { mx_null: 'error' },
  },
  {
    what: 'an MX that does not exist',
    change: (dns, domain) => dns.put(domain, 'MX', `10 gone.${domain}`),
    use: { hosts: [] },
    wrong: { mx_host_missing: 'error' },
  },
  {
    what: 'an MX that is an alias',
    change(dns, domain) {
      dns.put(domain, 'MX', `10 alias.${domain}`);
      dns.put(`alias.${domain}`, 'CNAME', `mail.${domain}`);
    },
    wrong: { mx_alias: 'error' },
  },
  {
    what: 'an MX that is an address',
    change: (dns, domain) => dns.put(domain, 'MX', `10 ${PUBLIC}`),
    use: { hosts: [] },
    wrong: { mx_address: 'error' },
  },
  {
    what: 'an MX inside a network',
    change(dns, domain) {
      dns.put(domain, 'MX', `10 in.${domain}`);
      dns.put(`in.${domain}`, 'A', '10.0.0.25');
    },
    use: { hosts: [] },
    wrong: { mx_host_private: 'error' },
  },
  {
    what: 'a server without a reverse name',
    change: (dns) => dns.remove('25.9.9.9.in-addr.arpa'),
    wrong: { reverse_missing: 'error' },
  },
  {
    what: 'a reverse name that does not lead back',
    change(dns, domain) {
      dns.put('25.9.9.9.in-addr.arpa', 'PTR', `pool.${domain}`);
      dns.put(`pool.${domain}`, 'A', ADDRESS);
    },
    wrong: { reverse_unconfirmed: 'error' },
    proposes: { reverse_unconfirmed: /^mail\./ },
  },
];
