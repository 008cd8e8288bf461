// A domain's own settings file: a real https server, and files as strangers may write them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { testCertificates } from '../../test/support/certificates.ts';
import { discover, dns, place } from '../../test/support/discovery.ts';
import { requireService } from '../../test/support/services.ts';
import { ask } from '../network/request.ts';
import type { AutoconfigParts } from './autoconfig.ts';
import type { FetchText } from './autoconfig-sources.ts';

const FILE = `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="example.org">
  <domain>example.org</domain>
  <incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
  <incomingServer type="imap"><hostname>clear.example.org</hostname><port>143</port><socketType>plain</socketType></incomingServer>
  <incomingServer type="imap">
    <hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
    <authentication>OAuth2</authentication><authentication>password-cleartext</authentication>
    <username>%EMAILLOCALPART%</username>
  </incomingServer>
  <outgoingServer type="smtp">
    <hostname>smtp.example.org</hostname><port>587</port><socketType>STARTTLS</socketType>
    <username>%EMAILADDRESS%</username>
  </outgoingServer>
</emailProvider></clientConfig>`;

describe('a domain has a settings file', { skip: requireService('openssl') }, () => {
  const files = new Map<string, string>();
  const asked: string[] = [];
  let port = 0;
  let ca = '';
  let close: () => void;
  before(async () => {
    const certificates = await testCertificates();
    ca = certificates.ca;
    const { cert, key } = certificates.of.good;
    const server = createServer({ cert, key }, (request, response) => {
      const url = String(request.headers['x-wanted']);
      asked.push(url);
      const body = files.get(url.replace(/\?.*$/, ''));
      if (body === 'hang') return;
      if (body?.startsWith('redirect ')) {
        response.writeHead(302, { location: body.slice(9) }).end();
        return;
      }
      response.writeHead(body === undefined ? 404 : 200).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    close = () => {
      server.close();
      server.closeAllConnections();
    };
  });
  after(() => close());

  /** The real request, led to the server of this test. */
  const fetchText: FetchText = (url, limits) =>
    ask({
      url: `https://localhost:${port}/`,
      headers: { 'x-wanted': url },
      allowPrivate: true,
      ca,
      largestAnswerBytes: 256 * 1024,
      ...limits,
    });
  const WELL_KNOWN = 'https://example.org/.well-known/autoconfig/mail/config-v1.1.xml';
  const OWN_HOST = 'https://autoconfig.example.org/mail/config-v1.1.xml';
  const withFile = async (text: string, parts: Partial<AutoconfigParts> = {}, url = WELL_KNOWN) => {
    files.clear();
    files.set(url, text);
    return discover('anna@example.org', { fetchText, ...parts });
  };
  const said = (found: Awaited<ReturnType<typeof discover>>, url = WELL_KNOWN) =>
    found.attempts.find(({ from }) => from === url)?.message ?? '';

  it('at either of its two places; its encrypted IMAP and SMTP servers are taken', async () => {
    for (const url of [WELL_KNOWN, OWN_HOST]) {
      asked.length = 0;
      const found = await withFile(FILE, {}, url);
      assert.deepEqual(
        place(found.imap),
        ['imap.example.org', 993, 'tls', 'autoconfig'],
        JSON.stringify(found),
      );
      assert.deepEqual(place(found.smtp), ['smtp.example.org', 587, 'starttls', 'autoconfig']);
      assert.deepEqual(found.username, { value: 'anna', source: 'autoconfig', from: url });
      assert.equal(found.imap?.from, url);
      assert.deepEqual(asked.sort(), [
        `${OWN_HOST}?emailaddress=anna%40example.org`,
        `${WELL_KNOWN}?emailaddress=anna%40example.org`,
      ]);
    }
  });

  it('what DNS says is believed before it', async () => {
    const srv = { '_imaps._tcp.example.org': [{ name: 'srv.example.org', port: 993 }] };
    const found = await withFile(FILE, { dns: dns({ srv, mx: ['aspmx.l.google.com'] }) });
    assert.deepEqual(place(found.imap), ['srv.example.org', 993, 'tls', 'srv']);
    assert.deepEqual(place(found.smtp), ['smtp.example.org', 587, 'starttls', 'autoconfig']);
    assert.equal(found.provider, null, 'the mail exchanger is somebody else than the servers');
  });

  it('a file with entities, or that is nested, large, or something else, is not read', async () => {
    const entity = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY h SYSTEM "file:///etc/passwd">]>${FILE.slice(38)}`;
    assert.match(said(await withFile(entity)), /document type/);
    const nested = `<clientConfig>${'<a>'.repeat(100_000 / 4)}`;
    assert.match(said(await withFile(nested)), /nested too deeply/);
    assert.match(said(await withFile(`<!--${'x'.repeat(300 * 1024)}-->${FILE}`)), /more than 262144 bytes/);
    assert.match(said(await withFile('<html><body>Hello</body></html>')), /not a clientConfig/);
    assert.match(said(await withFile('')), /names no servers/);
    const clear =
      '<clientConfig><emailProvider><incomingServer type="imap"><hostname>a.example.org</hostname>' +
      '<port>143</port><socketType>plain</socketType></incomingServer></emailProvider></clientConfig>';
    const found = await withFile(clear);
    assert.match(said(found), /no encrypted/);
    assert.equal(found.imap, null);
  });

  it('hosts that are none, and ports that are none, are passed over', async () => {
    for (const [host, number] of [
      ['localhost', '993'],
      ['a b.example.org', '993'],
      ['mail.example.org/x', '993'],
      ['mail.example.org', '99999'],
      ['mail.example.org', '993; rm'],
    ]) {
      const file = `<clientConfig><emailProvider><incomingServer type="imap"><hostname>${host}</hostname><port>${number}</port><socketType>SSL</socketType></incomingServer></emailProvider></clientConfig>`;
      assert.equal((await withFile(file)).imap, null, host);
    }
  });

  it('a server that hangs ends at its time limit, and the others are heard', async () => {
    const found = await withFile('hang', { dns: dns({ mx: ['aspmx.l.google.com'] }), limitMs: 300 });
    assert.match(said(found), /did not answer within 300 ms|No answer within 300 ms/);
    assert.equal(found.provider?.id, 'gmail');
  });

  it('a redirect to an unencrypted address is not followed', async () => {
    const found = await withFile('redirect http://example.org/config.xml');
    assert.match(said(found), /unencrypted/);
  });
});
