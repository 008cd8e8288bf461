// Finding out the servers of an address, with name servers that are played and a real https server for the files.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover, dns, never, nothing, place, silence } from '../../test/support/discovery.ts';
import { ask } from '../network/request.ts';
import { discoverer } from './autoconfig.ts';
import type { FetchText } from './autoconfig-sources.ts';
import { fetchPublic } from './autoconfig-sources.ts';
import type { MailDns, SrvRecord } from './mail-dns.ts';
import { probeServer } from './mail-probe.ts';

describe('a known provider', () => {
  it('is known by the domain, and nothing is asked of anybody', async () => {
    const asked: string[] = [];
    const note = (name: string): never[] => {
      asked.push(name);
      return [];
    };
    const watched: MailDns = {
      srv: async (name) => note(name),
      mx: async (name) => note(name),
      addresses: async (name) => note(name),
    };
    const fetchText: FetchText = async (url) => ({ status: note(url).length, body: '' });
    const found = await discover('Anna@GMail.com', { dns: watched, fetchText });
    assert.deepEqual(asked, []);
    assert.equal(found.found, true);
    assert.deepEqual(place(found.imap), ['imap.gmail.com', 993, 'tls', 'provider']);
    assert.deepEqual(place(found.smtp), ['smtp.gmail.com', 465, 'tls', 'provider']);
    assert.equal(found.provider?.id, 'gmail');
    assert.equal(found.sent_copy?.value, 'server');
    assert.deepEqual(found.username, { value: 'Anna@GMail.com', source: 'provider', from: 'gmail.com' });
    assert.deepEqual(found.warnings, []);
  });

  it('has other servers for another of its domains', async () => {
    assert.equal((await discover('a@126.com')).imap?.host, 'imap.126.com');
    assert.equal((await discover('a@gmx.com')).smtp?.host, 'mail.gmx.com');
    assert.equal((await discover('a@gmx.de')).smtp?.host, 'mail.gmx.net');
    assert.equal((await discover('a@shop.onmicrosoft.com')).provider?.id, 'microsoft365');
  });

  it('is known by the mail exchanger, the longest name first', async () => {
    for (const [mx, provider] of [
      ['aspmx.l.google.com', 'gmail'],
      ['example-org.mail.protection.outlook.com', 'microsoft365'],
      ['example.olc.protection.outlook.com', 'outlook'],
      ['mxbiz1.qq.com', 'tencent-exmail'],
      ['qiye163mx01.mxmail.netease.com', 'netease-enterprise'],
      ['mxn.mxhichina.com', 'alibaba'],
      ['mx2.zoho.eu', 'zoho'],
      ['mx01.mail.icloud.com', 'icloud'],
    ] as const) {
      const found = await discover('a@example.org', { dns: dns({ mx: [mx] }) });
      assert.equal(found.provider?.id, provider, mx);
      assert.equal(found.imap?.source, 'mx');
      assert.equal(found.imap?.from, `MX ${mx}`);
      assert.deepEqual(found.warnings, [], 'a known provider needs no warning');
    }
    const stranger = await discover('a@example.org', { dns: dns({ mx: ['notgoogle.com'] }) });
    assert.equal(stranger.provider, null);
  });

  it('can be chosen, and one without servers of its own leaves them to the search', async () => {
    const chosen = await discoverer({ dns: silence, fetchText: nothing })('a@example.org', {
      provider: 'zoho',
    });
    assert.equal(chosen.imap?.host, 'imap.zoho.com');
    const exchange = await discoverer({
      dns: dns({ srv: { '_imaps._tcp.example.org': [{ name: 'mail.example.org', port: 993 }] } }),
      fetchText: nothing,
      probe: async () => 'closed',
    })('a@example.org', { provider: 'exchange' });
    assert.equal(exchange.provider?.id, 'exchange');
    assert.deepEqual(place(exchange.imap), ['mail.example.org', 993, 'tls', 'srv']);
    assert.equal(exchange.found, false);
  });
});

describe('DNS says where the servers are (RFC 6186)', () => {
  it('TLS before STARTTLS, the lowest priority and the highest weight first', async () => {
    const found = await discover('a@example.org', {
      dns: dns({
        srv: {
          '_imap._tcp.example.org': [{ name: 'clear.example.org', port: 143 }],
          '_imaps._tcp.example.org': [
            { name: 'late.example.org', port: 993, priority: 20 },
            { name: 'light.example.org', port: 993, weight: 1 },
            { name: 'Heavy.example.org.', port: 1993, weight: 9 },
          ],
          '_submission._tcp.example.org': [{ name: 'send.example.org', port: 587 }],
        },
      }),
    });
    assert.deepEqual(place(found.imap), ['heavy.example.org', 1993, 'tls', 'srv']);
    assert.deepEqual(place(found.smtp), ['send.example.org', 587, 'starttls', 'srv']);
    assert.equal(found.imap?.from, '_imaps._tcp.example.org');
    assert.deepEqual(found.username, { value: 'a@example.org', source: 'guess', from: 'the address itself' });
    assert.deepEqual(found.warnings, []);
  });

  it('a name server that fails at one record is asked for the others; where it only fails, it says why', async () => {
    const fails = (name: string): Promise<SrvRecord[]> => Promise.reject(new Error(`SERVFAIL ${name}`));
    const some = await discover('a@example.org', {
      dns: {
        ...silence,
        srv: async (name) =>
          name.startsWith('_imap._')
            ? [{ name: 'mail.example.org', port: 143, priority: 1, weight: 1 }]
            : fails(name),
      },
    });
    assert.deepEqual(place(some.imap), ['mail.example.org', 143, 'starttls', 'srv']);
    const all = await discover('a@example.org', { dns: { ...silence, srv: fails } });
    assert.match(all.attempts.find(({ source }) => source === 'srv')?.message ?? '', /SERVFAIL/);
  });

  it('a service that is said not to be there is not there', async () => {
    const found = await discover('a@example.org', {
      dns: dns({
        srv: {
          '_imaps._tcp.example.org': [{ name: '.', port: 0 }],
          '_imap._tcp.example.org': [{ name: 'mail.example.org', port: 143 }],
        },
      }),
    });
    assert.deepEqual(place(found.imap), ['mail.example.org', 143, 'starttls', 'srv']);
    assert.equal(found.smtp, null);
    assert.equal(found.found, false);
  });

  it('servers of another domain are told to the person, unless they are a known provider’s', async () => {
    const at = (imap: string, smtp: string) =>
      discover('a@example.org', {
        dns: dns({
          srv: {
            '_imaps._tcp.example.org': [{ name: imap, port: 993 }],
            '_submissions._tcp.example.org': [{ name: smtp, port: 465 }],
          },
        }),
      });
    const stranger = await at('imap.attacker.example', 'smtp.attacker.example');
    assert.match(
      stranger.warnings.join(),
      /imap\.attacker\.example and smtp\.attacker\.example are not within/,
    );
    const lookalike = await at('notexample.org', 'mail.example.org');
    assert.match(lookalike.warnings.join(), /notexample\.org is not within/);
    const known = await at('imap.fastmail.com', 'smtp.fastmail.com');
    assert.deepEqual(known.warnings, []);
    assert.equal(known.provider?.id, 'fastmail');
    assert.equal(known.sent_copy?.value, 'append');
  });
});

describe('nothing of the inside is asked', () => {
  it('a settings file on a private address is not fetched', async () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '::1',
      '::ffff:192.168.1.1',
      '100.64.0.1',
    ]) {
      let connected = false;
      const request = ask({
        url: 'https://autoconfig.example.org/mail/config-v1.1.xml',
        headers: {},
        allowPrivate: false,
        lookup: (_host, _options, callback) => {
          connected = true;
          callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
        },
        timeoutMs: 1_000,
        signal: new AbortController().signal,
      });
      await assert.rejects(request, { code: 'egress_refused' }, address);
      assert.ok(connected);
    }
    const limits = { timeoutMs: 1_000, signal: new AbortController().signal };
    await assert.rejects(fetchPublic('https://127.0.0.1/', limits), { code: 'egress_refused' });
    await assert.rejects(fetchPublic('http://example.org/', limits), { code: 'egress_refused' });
  });

  it('no guess is tried at a host with a private address among its addresses', async () => {
    const tried: string[] = [];
    const found = await discover('a@example.org', {
      dns: dns({
        hosts: { 'imap.example.org': ['192.168.1.5'], 'mail.example.org': ['93.184.216.34', '10.0.0.1'] },
      }),
      probe: async ({ host }) => {
        tried.push(host);
        return 'open';
      },
    });
    assert.deepEqual(tried, []);
    assert.equal(found.imap, null);
    const inside = { host: 'mail.example.org', address: '127.0.0.1', port: 993, security: 'tls' as const };
    assert.equal(await probeServer(inside, new AbortController().signal), 'closed');
  });

  it('an address whose domain is no name on the internet is refused', async () => {
    for (const address of [
      'a@localhost',
      'a@127.0.0.1',
      'a@[::1]',
      'a@0x7f.1',
      'a@intranet',
      'a@-x.org',
      'a@x..org',
    ])
      await assert.rejects(discover(address), { code: 'invalid_input' }, address);
  });

  it('a domain in another script is asked for in ASCII', async () => {
    const found = await discover('anna@bücher.example');
    assert.equal(found.domain, 'xn--bcher-kva.example');
  });
});

describe('a guess', () => {
  const hosts = {
    'imap.example.org': ['93.184.216.34'],
    'mail.example.org': ['93.184.216.35'],
    'mx.example.org': ['93.184.216.36'],
  };

  it('takes what answers with a valid certificate before what only answers', async () => {
    const found = await discover('a@example.org', {
      dns: dns({ hosts }),
      probe: async ({ host, port }) => {
        if (host === 'imap.example.org') return 'open';
        return host === 'mail.example.org' && port !== 143 ? 'verified' : 'closed';
      },
    });
    assert.deepEqual(place(found.imap), ['mail.example.org', 993, 'tls', 'guess']);
    assert.deepEqual(place(found.smtp), ['mail.example.org', 465, 'tls', 'guess']);
    assert.deepEqual(found.warnings, []);
  });

  it('says so where a certificate is not for that name', async () => {
    const found = await discover('a@example.org', {
      dns: dns({ hosts }),
      probe: async ({ host, port }) => (host === 'imap.example.org' && port === 993 ? 'open' : 'closed'),
    });
    assert.deepEqual(place(found.imap), ['imap.example.org', 993, 'tls', 'guess']);
    assert.match(found.warnings.join(), /certificate is not valid/);
  });

  it('is not silenced by a firewall that swallows some of the questions', async () => {
    const found = await discover('a@example.org', {
      dns: {
        ...dns({ hosts }),
        mx: () => never,
        addresses: async (host) => (host === 'smtp.example.org' ? never : dns({ hosts }).addresses(host)),
      },
      probe: async ({ host, port }) => {
        if (port === 143 || port === 587) return never;
        return host === 'mail.example.org' ? 'verified' : 'closed';
      },
    });
    assert.deepEqual(place(found.imap), ['mail.example.org', 993, 'tls', 'guess']);
    assert.deepEqual(place(found.smtp), ['mail.example.org', 465, 'tls', 'guess']);
  });

  it('tries the mail exchanger too where it is the domain’s own', async () => {
    const found = await discover('a@example.org', {
      dns: dns({ hosts, mx: ['mx.example.org', 'backup.elsewhere.example'] }),
      probe: async ({ host, port }) =>
        host === 'mx.example.org' && [993, 587].includes(port) ? 'verified' : 'closed',
    });
    assert.deepEqual(place(found.imap), ['mx.example.org', 993, 'tls', 'guess']);
    assert.deepEqual(place(found.smtp), ['mx.example.org', 587, 'starttls', 'guess']);
  });
});

it('when name servers, files and servers all hang, the answer comes within two time limits', async () => {
  const hanging: MailDns = { srv: () => never, mx: () => never, addresses: () => never };
  const begun = performance.now();
  const found = await discover('a@example.org', { dns: hanging, fetchText: () => never, limitMs: 200 });
  assert.ok(performance.now() - begun < 2_000);
  assert.equal(found.found, false);
  assert.deepEqual(
    found.attempts.map(({ source, ok }) => [source, ok]),
    [
      ...[
        ['srv', false],
        ['autoconfig', false],
        ['autoconfig', false],
      ],
      ...[
        ['mx', false],
        ['guess', false],
      ],
    ],
  );
});

it('whoever asked and went away ends the search', async () => {
  const hanging: MailDns = { srv: () => never, mx: () => never, addresses: () => never };
  const gone = new AbortController();
  const search = discoverer({ dns: hanging, fetchText: () => never, limitMs: 60_000 })('a@example.org', {
    signal: gone.signal,
  });
  gone.abort();
  assert.equal((await search).found, false);
});
