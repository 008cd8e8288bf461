// The sign-in test over REST, as a person uses it when an account does not work: each cause has its own code and its own
// sentence, for IMAP and for SMTP, nothing crashes, and no password leaves where TLS is required.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AccountCheck, AccountView, Endpoint, SignInCheck } from '../../src/contracts/account.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startFakeImap } from '../support/fake-imap.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';
import { requireService } from '../support/services.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';

const PASSWORD = 'canary-right-4711';
const WRONG = 'canary-wrong-0815';
type Side = Partial<Endpoint>;

describe('the sign-in test over REST', { skip: requireService('dovecot', 'openssl') }, () => {
  const open: { stop(): Promise<void> }[] = [];
  let gateway: TestGateway;
  let dovecot: Record<'good' | 'wrong-name' | 'expired' | 'plain', Dovecot>;
  let smtp: Record<'good' | 'wrong-name' | 'expired' | 'starttls' | 'plain', TestSmtpServer>;
  let ca: string;
  let count = 0;

  before(async () => {
    const users = { sales: PASSWORD };
    const keep = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
      const server = await starting;
      open.push(server);
      return server;
    };
    const imapWith = (certificate: 'good' | 'wrong-name' | 'expired') =>
      keep(startDovecot({ users, certificate }));
    const smtpWith = (certificate: 'good' | 'wrong-name' | 'expired') =>
      keep(startSmtpServer({ users, certificate, security: 'tls' }));
    dovecot = {
      good: await imapWith('good'),
      'wrong-name': await imapWith('wrong-name'),
      expired: await imapWith('expired'),
      plain: await keep(startDovecot({ users, noStartTls: true })),
    };
    smtp = {
      good: await smtpWith('good'),
      'wrong-name': await smtpWith('wrong-name'),
      expired: await smtpWith('expired'),
      starttls: await keep(startSmtpServer({ users, security: 'starttls' })),
      plain: await keep(startSmtpServer({ users })),
    };
    ca = dovecot.good.ca;
    gateway = await startGateway({ env: { MAIL_PASSWORD: PASSWORD } });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await Promise.all(open.map((server) => server.stop()));
  });

  const add = async (imap: Side, smtpSide: Side, more: object = {}): Promise<AccountView> => {
    const { status, body } = await gateway.request<AccountView>('POST', '/v1/accounts', {
      label: `account-${++count}`,
      address: 'sales@company.example',
      imap: { host: '127.0.0.1', security: 'tls', ca, ...imap },
      smtp: { host: '127.0.0.1', security: 'tls', ca, ...smtpSide },
      auth: { type: 'basic', username: 'sales', password: PASSWORD },
      timeout_ms: 5_000,
      watch: { mode: 'off' },
      ...more,
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const test = async (imap: Side, smtpSide: Side, more: object = {}): Promise<AccountCheck> => {
    const { id } = await add(imap, smtpSide, more);
    const { status, body } = await gateway.request<AccountCheck>('POST', `/v1/accounts/${id}/test`, {});
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(!JSON.stringify(body).includes('canary'), 'a password is shown');
    return body;
  };
  const imapPort = (name: keyof typeof dovecot) => ({ port: dovecot[name].imapsPort });
  const smtpPort = (name: keyof typeof smtp) => ({ port: smtp[name].port });

  /** Both sides fail for the same reason, and each says so in its own name. */
  function says(
    { ok, imap, smtp: out }: AccountCheck,
    code: string,
    imapSays: RegExp,
    smtpSays = imapSays,
  ): void {
    assert.equal(ok, false);
    for (const [side, name, text] of [
      [imap, 'IMAP', imapSays],
      [out, 'SMTP', smtpSays],
    ] as const) {
      assert.equal(side.code, code, `${name}: ${JSON.stringify(side)}`);
      assert.match(side.message, text);
      assert.match(side.message, new RegExp(name));
      assert.ok(side.hint, `${name} gives no hint`);
    }
  }

  it('is content with a server that works, over TLS and over STARTTLS', async () => {
    const found = await test(imapPort('good'), smtpPort('good'));
    assert.deepEqual([found.ok, found.imap.code, found.smtp.code], [true, 'ok', 'ok'], JSON.stringify(found));
    const upgraded = await test(
      { port: dovecot.good.imapPort, security: 'starttls' },
      { ...smtpPort('starttls'), security: 'starttls' },
    );
    assert.equal(upgraded.ok, true, JSON.stringify(upgraded));
  });

  it('is content with a password that is named by reference, and misses one that is not there', async () => {
    const auth = (password_secret_ref: string) => ({
      auth: { type: 'basic', username: 'sales', password_secret_ref },
    });
    assert.equal((await test(imapPort('good'), smtpPort('good'), auth('env:MAIL_PASSWORD'))).ok, true);
    for (const [reference, code] of [
      ['env:NOT_SET', 'secret_missing'],
      ['file:/nowhere/at/all', 'secret_missing'],
      ['env:POSTERN_ADMIN_TOKEN', 'secret_forbidden'],
    ] as const) {
      const { id } = await add(imapPort('good'), smtpPort('good'), auth(reference));
      const { status, body } = await gateway.request<AccountCheck>('POST', `/v1/accounts/${id}/test`, {});
      assert.deepEqual([status, body.imap.code, body.smtp.code], [200, code, code], JSON.stringify(body));
    }
  });

  it('tells a wrong password', async () => {
    const auth = { type: 'basic', username: 'sales', password: WRONG };
    says(
      await test(imapPort('good'), smtpPort('good'), { auth }),
      'wrong_password',
      /refused the user name or the password/,
    );
  });

  it('tells a closed port', async () => {
    const [one = 0, two = 0] = await freePorts(2);
    says(await test({ port: one }, { port: two }), 'connection_refused', /nothing listens on that port/);
  });

  it('tells a certificate for another name', async () => {
    const found = await test(imapPort('wrong-name'), smtpPort('wrong-name'));
    says(found, 'certificate_invalid', /for another name.*mail\.example\.net/);
  });

  it('tells a certificate that has expired', async () => {
    says(await test(imapPort('expired'), smtpPort('expired')), 'certificate_invalid', /expired/);
  });

  it('tells a certificate of an authority that is not known', async () => {
    const found = await test({ ...imapPort('good'), ca: undefined }, { ...smtpPort('good'), ca: undefined });
    says(found, 'certificate_invalid', /authority/);
  });

  it('tells a server without STARTTLS under require_tls, and says no password to it', async () => {
    const found = await test(
      { port: dovecot.plain.imapPort, security: 'starttls' },
      { ...smtpPort('plain'), security: 'starttls' },
    );
    says(found, 'tls_refused', /does not offer STARTTLS/);
  });

  it('tells security none under require_tls, and does not even connect', async () => {
    await using fake = await startFakeImap();
    const before = smtp.plain.connections();
    const found = await test(
      { port: fake.port, security: 'none' },
      { ...smtpPort('plain'), security: 'none' },
    );
    says(found, 'tls_refused', /requires TLS/);
    assert.deepEqual([fake.connections(), smtp.plain.connections()], [0, before]);
  });

  it('tells a host name that does not exist', async () => {
    const found = await test(
      { host: 'mail.nowhere.invalid', port: 993 },
      { host: 'mail.nowhere.invalid', port: 465 },
    );
    says(found, 'dns', /mail\.nowhere\.invalid/);
  });

  it('tells a port that says nothing, in time, and answers others meanwhile', async () => {
    await using silent = await startFakeImap({ greeting: null });
    const side = { port: silent.port, security: 'none' as const };
    const hanging = test(side, side, { require_tls: false, timeout_ms: 1_000 });
    const fine: SignInCheck = (await test(imapPort('good'), smtpPort('good'))).imap;
    assert.equal(fine.ok, true);
    says(await hanging, 'timeout', /did not answer/);
  });

  it('has left no password in the log, in any answer or in the ledger, and the gateway still runs', async () => {
    const shown = JSON.stringify([
      await gateway.get('/v1/accounts?limit=100'),
      await gateway.get('/v1/dead-letters'),
      await gateway.get('/v1/openapi.json'),
    ]);
    assert.ok(!shown.includes('canary'));
    assert.match(gateway.log(), /postern runs/);
    assert.ok(!gateway.log().includes('canary'));
    const data = join(gateway.folder, 'data');
    for (const name of await readdir(data, { recursive: true })) {
      const bytes = await readFile(join(data, name)).catch(() => Buffer.alloc(0)); // folders
      assert.ok(!bytes.includes('canary'), name);
    }
  });
});
