// The check of a domain against a name server with prepared zones: each mistake is found, and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDomain } from '../../src/domains/check/check.ts';
import { keyRecord } from '../../src/domains/dkim-key.ts';
import { DnsRecords } from '../../src/network/dns-records.ts';
import { startDns } from '../support/dns-server.ts';
import { AT, key, rightUse, rightZone, zones } from './zones.ts';

const clock = { now: () => Date.now() };

for (const [index, zone] of zones.entries())
  test(`a zone in which: ${zone.what}`, async () => {
    const dns = await startDns();
    try {
      const domain = `d${index}.zones.example`;
      const records = new DnsRecords({ clock, servers: [dns.address] });
      rightZone(dns, domain);
      dns.txt('up._domainkey.zones.example', keyRecord('zones.example', key()).value);
      zone.change(dns, domain);
      const changes = typeof zone.use === 'function' ? zone.use(domain) : zone.use;
      const check = await checkDomain(
        (name, type) => records.ask(name, type),
        { ...rightUse(domain), ...changes },
        AT,
      );
      const bad = check.findings.filter(({ level }) => level === 'error' || level === 'warning');
      assert.deepEqual(Object.fromEntries(bad.map(({ code, level }) => [code, level])), zone.wrong);
      assert.equal(check.ok, !Object.values(zone.wrong).includes('error'));
      const codes = check.findings.map(({ code }) => code);
      for (const code of zone.right ?? []) assert.ok(codes.includes(code), `${code} in ${codes.join(' ')}`);
      for (const [code, value] of Object.entries(zone.proposes ?? {}))
        assert.match(check.findings.find((finding) => finding.code === code)?.record?.value ?? '', value);
      for (const { message } of check.findings) assert.match(message, /[.]$/);
    } finally {
      await dns.stop();
    }
  });

test('a long record is shown as a zone file wants it: in strings of at most 255 octets', () => {
  const { zone, value } = keyRecord('example.org', key());
  const strings = [...zone.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
  assert.ok(strings.length > 1);
  assert.ok(strings.every((text) => text.length <= 255));
  assert.equal(strings.join(''), value);
});

test('whatever stands in the DNS, a check stays short', async () => {
  const dns = await startDns();
  try {
    const domain = 'hostile.zones.example';
    const records = new DnsRecords({ clock, servers: [dns.address] });
    rightZone(dns, domain);
    // Includes without end, each of them wide; a text of 60 kB; an alias in a circle; a name that is none.
    dns.txt(domain, `v=spf1 ${wide(domain, 'r')} -all`);
    for (const one of 'abcdefghij')
      for (const path of ['r', ...'abcdefghij'])
        dns.txt(`${one}${path}.${domain}`, `v=spf1 ${wide(domain, one)} -all`);
    dns.txt(`_dmarc.${domain}`, `v=DMARC1; p=reject; rua=${'x'.repeat(60_000)}`);
    dns.put(domain, 'MX', `10 circle.${domain}`, '20 ..', `30 ${'y'.repeat(60)}.${domain}`);
    dns.put(`circle.${domain}`, 'CNAME', `circle.${domain}`);
    const check = await checkDomain((name, type) => records.ask(name, type), rightUse(domain), AT);
    assert.equal(check.ok, false);
    assert.ok(check.questions <= 120, `${check.questions} questions`);
    assert.ok(dns.asked.length < 300, `${dns.asked.length} asked`);
    const said = JSON.stringify(check.findings);
    assert.match(said, /spf_too_many_lookups/);
    assert.ok(said.length < 20_000, `${said.length} characters`);
  } finally {
    await dns.stop();
  }
});

const wide = (domain: string, path: string): string =>
  [...'abcdefghij'].map((one) => `include:${one}${path}.${domain}`).join(' ');

test('a term that would keep a pattern busy is refused at once', async () => {
  const dns = await startDns();
  try {
    const domain = 'term.zones.example';
    const records = new DnsRecords({ clock, servers: [dns.address] });
    rightZone(dns, domain);
    dns.txt(domain, `v=spf1 a:/${'a'.repeat(30_000)}/ -all`);
    const begun = performance.now();
    const check = await checkDomain((name, type) => records.ask(name, type), rightUse(domain), AT);
    assert.ok(check.findings.some(({ code }) => code === 'spf_invalid'));
    assert.ok(performance.now() - begun < 5_000);
  } finally {
    await dns.stop();
  }
});
