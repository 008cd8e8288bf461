// Sending domains at a real gateway: over REST and the command line, with its mail over SMTP, and through a kill.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { DomainCheck, DomainView } from '../../src/contracts/domain.ts';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { verifyMails } from '../support/verify-mail.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const DOMAIN = 'company.example';
const USER = `sales@${DOMAIN}`;
const PASSWORD = 'canary-51c7-password';
const LIMIT_MS = 30_000;

let dns: TestDns;
let server: TestSmtpServer;
let gateway: TestGateway;

before(async () => {
  dns = await startDns();
  server = await startSmtpServer({ users: { [USER]: PASSWORD } });
  gateway = await startGateway({ env: { POSTERN_DNS_SERVERS: dns.address } });
  const account = {
    label: 'sales',
    address: USER,
    imap: { host: '127.0.0.1', port: 1, security: 'none' },
    smtp: { host: '127.0.0.1', port: server.port, security: 'none' },
    require_tls: false,
    sent_copy: 'none',
    watch: { mode: 'off' },
    auth: { type: 'basic', username: USER, password: PASSWORD },
  };
  assert.equal((await gateway.request('POST', '/v1/accounts', account)).status, 201);
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await dns.stop();
});

async function postern(argv: string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { PATH: process.env.PATH ?? '', POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN },
  });
  child.stdin.end(stdin);
  const ended = once(child, 'close');
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [code] = (await ended) as [number];
  return { code, out: out.toString(), err: err.toString() };
}

/** Sends a mail, and gives its bytes as they arrived. */
async function send(): Promise<{ id: string; raw: Buffer }> {
  const count = server.messages().length;
  const mail = { account: 'sales', to: ['anna@example.com'], subject: 'Hello', text: 'Grüße\n' };
  const { body, status } = await gateway.request<SubmissionView>('POST', '/v1/submissions', mail);
  assert.equal(status, 201, JSON.stringify(body));
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    const { body: now } = await gateway.request<SubmissionView>('GET', `/v1/submissions/${body.id}`);
    if (now.state === 'sent') break;
    assert.ok(Date.now() < until, JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { id: body.id, raw: server.messages()[count]?.raw as Buffer };
}

describe('a sending domain', () => {
  it('is added, published and checked at the command line; its mail then leaves signed', async () => {
    const added = await postern(['domain', 'add', DOMAIN]);
    assert.equal(added.code, 0, added.err);
    assert.match(added.out, /leaves unsigned/);
    assert.match(added.out, /waits for its record/);
    assert.doesNotMatch((await send()).raw.toString(), /DKIM-Signature/);

    const { body } = await gateway.request<DomainView>('GET', `/v1/domains/${DOMAIN}`);
    const record = body.keys[0]?.record;
    assert.ok(record && added.out.includes(record.value), added.out);
    dns.put(DOMAIN, 'NS', `ns.${DOMAIN}`);
    dns.put(DOMAIN, 'MX', `10 mx.${DOMAIN}`);
    dns.put(`mx.${DOMAIN}`, 'A', '9.9.9.25');
    dns.txt(DOMAIN, 'v=spf1 +all');
    dns.txt(record.name, record.value);

    const checked = await postern(['domain', 'check', DOMAIN]);
    assert.equal(checked.code, 1, checked.err);
    assert.match(checked.out, /ERROR {4}SPF .*\+all/);
    assert.match(checked.out, /ok {7}DKIM .*is right/);
    assert.match(checked.out, new RegExp(`name {3}_dmarc\\.${DOMAIN}`));
    dns.txt(DOMAIN, 'v=spf1 mx -all');
    dns.txt(`_dmarc.${DOMAIN}`, `v=DMARC1; p=reject; rua=mailto:d@${DOMAIN}`);
    const again = await postern(['domain', 'check', DOMAIN, '--json']);
    const check = JSON.parse(again.out) as DomainCheck;
    assert.equal(again.code, 0, again.out);
    assert.deepEqual([check.domain, check.ok], [DOMAIN, true]);

    const { id, raw } = await send();
    const [verified] = await verifyMails([raw], dns);
    assert.deepEqual([verified?.dkimpy[0]?.[1], verified?.mailauth[0]?.[1]], [true, true]);
    const left = await fetch(`${gateway.url}/v1/submissions/${id}/raw`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    assert.equal(left.headers.get('content-type'), 'message/rfc822');
    assert.ok(Buffer.from(await left.arrayBuffer()).equals(raw));
  });

  it('is signed for after a kill as well, and in the middle of a rotation', async () => {
    assert.equal((await gateway.request('POST', `/v1/domains/${DOMAIN}/rotate`, {})).status, 200);
    await gateway.kill();
    await gateway.start();
    const { body } = await gateway.request<DomainView>('GET', `/v1/domains/${DOMAIN}`);
    assert.deepEqual(
      body.keys.map(({ state }) => state),
      ['active', 'pending'],
    );
    const { raw } = await send();
    assert.match(raw.toString(), new RegExp(`^DKIM-Signature: [^]*s=${body.keys[0]?.selector};`));
  });

  it('takes a key from a file, shows no private one, and writes down who did what', async () => {
    const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const refused = await postern(['domain', 'rotate', DOMAIN, '--private-key-file', '-'], pem);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /waits for its record/);
    const { body: before } = await gateway.request<DomainView>('GET', `/v1/domains/${DOMAIN}`);
    const [, waiting = ''] = before.keys.map(({ selector }) => selector);
    assert.equal((await postern(['domain', 'remove-key', DOMAIN, waiting])).code, 0);
    const argv = ['domain', 'rotate', DOMAIN, '--selector', 'brought', '--private-key-file', '-'];
    const taken = await postern(argv, pem);
    assert.equal(taken.code, 0, taken.err);
    assert.match(taken.out, /brought/);

    const secret = pem.split('\n')[5] ?? '';
    const { body: list } = await gateway.request('GET', '/v1/domains');
    const { body: audit } = await gateway.request<{ data: { operation: string; target: string }[] }>(
      'GET',
      '/v1/audit?limit=100',
    );
    for (const text of [JSON.stringify(list), JSON.stringify(audit), taken.out, gateway.log()])
      assert.ok(secret.length > 40 && !text.includes(secret));
    const told = audit.data.map(({ operation, target }) => `${operation} ${target}`);
    for (const one of [
      `domain.add ${DOMAIN}`,
      `domain.rotate ${DOMAIN}`,
      `domain.remove_key ${DOMAIN} ${waiting}`,
    ])
      assert.ok(told.includes(one), `${one} in ${told.join(', ')}`);
  });

  it('is removed with its keys', async () => {
    assert.equal((await postern(['domain', 'remove', DOMAIN])).code, 0);
    assert.doesNotMatch((await send()).raw.toString(), /DKIM-Signature/);
  });
});
