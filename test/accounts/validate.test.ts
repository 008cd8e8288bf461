// The test of an account's servers, against real ones: what is right, what is wrong, and what Postern does instead.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectImap } from '../../src/imap/connection.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { features, imap, names, PASSWORD, smtp, stepOf, trial, type Where } from './checks.ts';

const skip = requireService('dovecot', 'openssl');

describe('an IMAP server is tested step by step', { skip }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot({ users: { anna: PASSWORD } });
  });
  after(() => dovecot?.stop());
  const tls = (): Where => ({ port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca });

  it('over TLS: name, connection, certificate, greeting, sign-in, extensions, mailboxes', async () => {
    const check = await imap(tls());
    assert.equal(check.ok, true, JSON.stringify(check));
    assert.equal(check.code, 'ok');
    assert.deepEqual(names(check), [
      ...['dns', 'connect', 'tls', 'greeting', 'sign_in', 'capabilities', 'mailboxes'],
    ]);
    assert.ok(check.steps.every(({ ok, ms }) => ok && ms >= 0));
    const { version, cipher, certificate } = stepOf(check, 'tls').details as {
      version: string;
      cipher: string;
      certificate: { subject: string; names: string[]; issuer: string; days_left: number; valid_to: string };
    };
    assert.equal(version, 'TLSv1.3');
    assert.match(cipher, /^TLS_/);
    assert.equal(certificate.subject, 'good');
    assert.deepEqual(certificate.names, ['localhost', '127.0.0.1']);
    assert.equal(certificate.issuer, 'Postern test authority');
    assert.equal(certificate.days_left, 0);
    assert.ok(Date.parse(certificate.valid_to) > Date.now());
    assert.match(stepOf(check, 'tls').hint ?? '', /runs out within a day/);
    assert.match(stepOf(check, 'greeting').message, /Dovecot/i);
    assert.deepEqual(stepOf(check, 'mailboxes').details.special, {
      ...{ sent: 'Sent', drafts: 'Drafts', trash: 'Trash', junk: 'Junk', archive: 'Archive' },
    });
    assert.deepEqual(
      [...features(check).values()].filter(({ offered }) => !offered),
      [],
    );
    assert.ok(check.capabilities.includes('IDLE'));
    assert.ok(!JSON.stringify(check).includes('canary-9d1f'));
  });

  it('over STARTTLS the greeting comes before the certificate', async () => {
    const check = await imap({ port: dovecot.imapPort, security: 'starttls', ca: dovecot.ca });
    assert.equal(check.ok, true, JSON.stringify(check));
    assert.deepEqual(names(check).slice(0, 4), ['dns', 'connect', 'greeting', 'tls']);
  });

  it('without encryption only where the account allows it', async () => {
    const where: Where = { port: dovecot.imapPort, security: 'none' };
    const refused = await imap(where);
    assert.deepEqual([refused.ok, refused.code, names(refused)], [false, 'tls_refused', ['settings']]);
    const allowed = await imap(where, { require_tls: false });
    assert.equal(allowed.ok, true, JSON.stringify(allowed));
    assert.ok(!names(allowed).includes('tls'));
  });

  it('a wrong password fails at the sign-in and says so', async () => {
    const auth = { type: 'basic', username: 'anna', password: 'canary-wrong' };
    const check = await imap(tls(), { auth });
    assert.deepEqual([check.ok, check.code, names(check).at(-1)], [false, 'wrong_password', 'sign_in']);
    assert.match(check.hint ?? '', /app password/);
    assert.ok(!JSON.stringify(check).includes('canary-wrong'));
  });

  it('a watched mailbox that is not there is told, with those that are', async () => {
    const check = await imap(tls(), { watch: { mailboxes: ['INBOX', 'Orders'] } });
    assert.deepEqual([check.ok, check.code], [false, 'mailbox_missing']);
    assert.deepEqual(stepOf(check, 'mailboxes').details.missing, ['Orders']);
    assert.match(check.hint ?? '', /Sent/);
  });

  it('an authority that is not trusted fails before any password is said', async () => {
    const check = await imap({ port: dovecot.imapsPort, security: 'tls' });
    assert.deepEqual([check.code, names(check).at(-1)], ['certificate_invalid', 'tls']);
    assert.equal((stepOf(check, 'tls').details.certificate as { subject: string }).subject, 'good');
  });

  it('a ca that is no certificate is told as such', async () => {
    const check = await imap({ ...tls(), ca: 'not a PEM' });
    assert.equal(check.code, 'certificate_invalid');
    assert.match(check.message, /not a certificate in PEM/);
  });

  it('TLS spoken to the STARTTLS port, and the reverse, say which setting to change', async () => {
    const plain = await imap({ port: dovecot.imapPort, security: 'tls', ca: dovecot.ca });
    assert.deepEqual([plain.ok, plain.code, names(plain).at(-1)], [false, 'tls_refused', 'tls']);
    const secure = await imap(
      { port: dovecot.imapsPort, security: 'starttls', ca: dovecot.ca },
      { timeout_ms: 1_000 },
    );
    assert.deepEqual([secure.ok, secure.code, names(secure).at(-1)], [false, 'timeout', 'greeting']);
    assert.match(secure.hint ?? '', /security: "tls"/);
  });

  it('a preset sets how long an IDLE lasts', async () => {
    for (const [provider, expected] of [
      ['netease', 45_000],
      ['yahoo', 150_000],
      [undefined, 25 * 60_000],
    ] as const) {
      const { account, signIn } = trial('imap', tls(), provider ? { provider } : {});
      const connection = await signIn((credentials) => connectImap(account, credentials));
      assert.equal((connection.client as unknown as { maxIdleTime: number }).maxIdleTime, expected);
      await connection.logout();
    }
  });
});

describe('what is wrong with an IMAP server is said plainly', { skip }, () => {
  it('a certificate for another name', async () => {
    await using dovecot = await startDovecot({ certificate: 'wrong-name', users: { anna: PASSWORD } });
    const check = await imap({ port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca });
    assert.equal(check.code, 'certificate_invalid');
    assert.match(check.message, /mail\.example\.net/);
    assert.deepEqual((stepOf(check, 'tls').details.certificate as { names: string[] }).names, [
      'mail.example.net',
    ]);
  });

  it('a certificate that has run out', async () => {
    await using dovecot = await startDovecot({ certificate: 'expired', users: { anna: PASSWORD } });
    const check = await imap({ port: dovecot.imapPort, security: 'starttls', ca: dovecot.ca });
    assert.equal(check.code, 'certificate_invalid');
    assert.match(check.message, /expired/);
    assert.ok((stepOf(check, 'tls').details.certificate as { days_left: number }).days_left < 0);
  });

  it('no STARTTLS', async () => {
    await using dovecot = await startDovecot({ noStartTls: true, users: { anna: PASSWORD } });
    const check = await imap({ port: dovecot.imapPort, security: 'starttls' });
    assert.deepEqual([check.ok, check.code, names(check).at(-1)], [false, 'tls_refused', 'tls']);
    assert.match(check.message, /does not offer STARTTLS/);
  });

  it('no IDLE: it works, and mailboxes are looked at on a timer', async () => {
    await using dovecot = await startDovecot({ noIdle: true, users: { anna: PASSWORD } });
    const check = await imap(
      { port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
      { watch: { interval: '90s' } },
    );
    assert.equal(check.ok, true);
    assert.match(features(check).get('IDLE')?.instead ?? '', /every 90s/);
    assert.match(stepOf(check, 'capabilities').hint ?? '', /No IDLE: Postern looks/);
  });

  it('only what every server has: each missing extension says what Postern does instead', async () => {
    await using dovecot = await startDovecot({ bareCapabilities: true, users: { anna: PASSWORD } });
    const check = await imap({ port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca });
    assert.equal(check.ok, true, JSON.stringify(check));
    const missing = [...features(check).values()].filter(({ offered }) => !offered);
    assert.deepEqual(missing.map(({ name }) => name).sort(), [
      ...['CONDSTORE', 'MOVE', 'SPECIAL-USE', 'UIDPLUS'],
    ]);
    assert.ok(missing.every(({ instead }) => (instead ?? '').length > 20));
  });

  it('nobody listens, and a name that nobody knows', async () => {
    const refused = await imap({ port: 1, security: 'tls' });
    assert.deepEqual([refused.code, names(refused)], ['connection_refused', ['dns', 'connect']]);
    const unknown = await imap({ host: 'mail.nowhere.invalid', port: 993, security: 'tls' });
    assert.deepEqual([unknown.code, names(unknown)], ['dns', ['dns']]);
  });
});

describe('an SMTP server is tested step by step', { skip: requireService('openssl') }, () => {
  it('over TLS and over STARTTLS, with what it announces', async () => {
    for (const security of ['tls', 'starttls'] as const) {
      await using server = await startSmtpServer({
        security,
        users: { anna: PASSWORD },
        maxBytes: 1_000_000,
      });
      const check = await smtp({ port: server.port, security, ca: server.ca });
      assert.equal(check.ok, true, JSON.stringify(check));
      const before = security === 'tls' ? ['tls', 'greeting'] : ['greeting', 'tls'];
      assert.deepEqual(names(check), ['dns', 'connect', ...before, 'sign_in', 'capabilities']);
      const { details, hint } = stepOf(check, 'capabilities');
      assert.deepEqual(details.auth, ['PLAIN', 'LOGIN']);
      assert.equal(details.size, 1_000_000);
      assert.match(hint ?? '', /up to 1000000 bytes; the account allows 26214400/);
      assert.equal(features(check).get('SMTPUTF8')?.offered, true);
      assert.match(features(check).get('DSN')?.instead ?? '', /come back/);
    }
  });

  it('what is missing says what Postern does instead', async () => {
    await using server = await startSmtpServer({ security: 'tls', users: { anna: PASSWORD }, ascii: true });
    const check = await smtp({ port: server.port, security: 'tls', ca: server.ca });
    assert.equal(check.ok, true);
    assert.match(features(check).get('SMTPUTF8')?.instead ?? '', /cannot send to an address/);
    assert.match(features(check).get('8BITMIME')?.instead ?? '', /nothing changes/);
  });

  it('a wrong password, a certificate for another name, no STARTTLS, no sign-in', async () => {
    await using good = await startSmtpServer({ security: 'tls', users: { anna: 'another' } });
    const wrong = await smtp({ port: good.port, security: 'tls', ca: good.ca });
    assert.deepEqual([wrong.code, names(wrong).at(-1)], ['wrong_password', 'sign_in']);
    await using other = await startSmtpServer({ security: 'tls', certificate: 'wrong-name' });
    const name = await smtp({ port: other.port, security: 'tls', ca: other.ca });
    assert.deepEqual([name.code, names(name).at(-1)], ['certificate_invalid', 'tls']);
    await using plain = await startSmtpServer({ users: { anna: PASSWORD } });
    const bare = await smtp({ port: plain.port, security: 'starttls' });
    assert.deepEqual([bare.code, names(bare).at(-1)], ['tls_refused', 'tls']);
    await using open = await startSmtpServer({ security: 'tls' });
    const anonymous = await smtp({ port: open.port, security: 'tls', ca: open.ca });
    assert.deepEqual([anonymous.code, names(anonymous).at(-1)], ['auth_not_offered', 'sign_in']);
  });

  it('a server that sends us away says why', async () => {
    const fault = { at: 'connect' as const, does: { code: 554, text: 'No SMTP service here' } };
    await using server = await startSmtpServer({ security: 'tls', faults: [fault] });
    const check = await smtp({ port: server.port, security: 'tls', ca: server.ca });
    assert.deepEqual([check.code, names(check).at(-1)], ['protocol', 'greeting']);
    assert.match(check.message, /554/);
  });
});
