// What a person is told when IMAP does not work: a code and a sentence of its own for each cause, and no word too many
// on the wire.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { accountSettings, type Endpoint, type SignInCheck } from '../../src/contracts/account.ts';
import { checkImap } from '../../src/imap/validate.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { type FakeImap, type FakeImapOptions, startFakeImap } from '../support/fake-imap.ts';
import { freePorts } from '../support/ports.ts';
import { requireService } from '../support/services.ts';
import { uncounted } from './checks.ts';

const CANARY = 'canary-hunter2-§';
const LIMIT_MS = 1_000; // the shortest that an account may have

const accountAt = (imap: Partial<Endpoint>, settings: object = {}): Account => ({
  id: 'acc_1',
  version: 1,
  settings: accountSettings.parse({
    label: 'sales',
    address: 'sales@company.example',
    imap: { host: '127.0.0.1', port: 1, security: 'tls', ...imap },
    smtp: { host: '127.0.0.1', port: 1, security: 'tls' },
    timeout_ms: LIMIT_MS,
    ...settings,
  }),
  auth: { type: 'basic', username: 'sales', password_secret_ref: null },
  oauth: null,
  createdAt: 0,
  updatedAt: 0,
});
const check = (imap: Partial<Endpoint>, settings: object = {}, password = CANARY): Promise<SignInCheck> =>
  checkImap(uncounted(), accountAt(imap, settings), (connect) =>
    connect({ type: 'basic', username: 'sales', password }),
  );

function says(found: SignInCheck, code: string, message: RegExp): void {
  assert.equal(found.code, code, JSON.stringify(found));
  assert.equal(found.ok, false);
  assert.match(found.message, message);
  assert.ok(!JSON.stringify(found).includes('hunter2'), 'the password is shown');
}
function heardNoPassword(server: FakeImap): void {
  const forms = [
    'hunter2',
    Buffer.from(`\0sales\0${CANARY}`).toString('base64'),
    Buffer.from(CANARY).toString('base64'),
  ];
  for (const form of forms) assert.ok(!server.received().includes(form), server.received());
  assert.doesNotMatch(server.received(), /LOGIN|AUTHENTICATE/i);
}

describe('the sign-in test of IMAP against Dovecot', { skip: requireService('dovecot', 'openssl') }, () => {
  const servers: Partial<Record<'good' | 'wrong-name' | 'expired' | 'plain', Dovecot>> = {};
  before(async () => {
    const users = { sales: DEFAULT_PASSWORD };
    for (const certificate of ['good', 'wrong-name', 'expired'] as const)
      servers[certificate] = await startDovecot({ users, certificate });
    servers.plain = await startDovecot({ users, noStartTls: true, noIdle: true });
  });
  after(async () => {
    for (const server of Object.values(servers)) await server.stop();
  });
  const at = (name: keyof typeof servers): Dovecot => servers[name] as Dovecot;

  it('says that all is well, over TLS and over STARTTLS', async () => {
    const { imapsPort, imapPort, ca } = at('good');
    for (const [port, security] of [
      [imapsPort, 'tls'],
      [imapPort, 'starttls'],
    ] as const) {
      const found = await check({ port, security, ca }, {}, DEFAULT_PASSWORD);
      assert.deepEqual([found.ok, found.code], [true, 'ok'], JSON.stringify(found));
      assert.match(found.hint ?? '', /runs out within a day/); // as the certificates of tests do
      assert.match(found.message, /Signed in to IMAP as sales/);
      assert.ok(found.capabilities.includes('IDLE'));
    }
  });

  it('tells that a server without IDLE will be looked at now and then', async () => {
    const endpoint = { port: at('plain').imapPort, security: 'none' as const };
    const found = await check(endpoint, { require_tls: false }, DEFAULT_PASSWORD);
    assert.equal(found.ok, true);
    assert.match(found.hint ?? '', /No IDLE.*60s/);
  });

  it('tells a wrong password', async () => {
    const { imapsPort: port, ca } = at('good');
    says(await check({ port, ca }), 'wrong_password', /refused the user name or the password/);
  });

  it('tells a certificate of an authority that is not known', async () => {
    says(await check({ port: at('good').imapsPort }), 'certificate_invalid', /authority|self-signed/);
  });

  it('tells a certificate for another name, and whose it is', async () => {
    const { imapsPort: port, ca } = at('wrong-name');
    says(await check({ port, ca }), 'certificate_invalid', /for another name.*mail\.example\.net/);
  });

  it('tells a certificate that has expired, also after STARTTLS', async () => {
    const { imapsPort, imapPort, ca } = at('expired');
    says(await check({ port: imapsPort, ca }), 'certificate_invalid', /expired/);
    says(await check({ port: imapPort, security: 'starttls', ca }), 'certificate_invalid', /expired/);
  });

  it('tells a server that offers no STARTTLS', async () => {
    says(
      await check({ port: at('plain').imapPort, security: 'starttls' }),
      'tls_refused',
      /does not offer STARTTLS/,
    );
  });

  it('tells a port without TLS where TLS was expected', async () => {
    says(await check({ port: at('good').imapPort }), 'tls_refused', /does not speak TLS/);
  });

  it('tells a port with TLS where none was expected', async () => {
    const found = await check({ port: at('good').imapsPort, security: 'starttls' });
    assert.ok(['timeout', 'connection_lost'].includes(found.code), JSON.stringify(found));
    assert.ok(!found.ok);
  });
});

describe('the sign-in test of IMAP', () => {
  const withServer = async (options: FakeImapOptions, test: (server: FakeImap) => Promise<void>) => {
    await using server = await startFakeImap(options);
    await test(server);
  };

  it('tells a closed port', async () => {
    const [port = 0] = await freePorts(1);
    says(await check({ port }), 'connection_refused', /nothing listens on that port/);
  });

  it('tells a host name that does not exist', async () => {
    says(
      await check({ host: 'imap.nowhere.invalid', port: 993 }, { timeout_ms: 20_000 }),
      'dns',
      /nowhere\.invalid/,
    );
  });

  it('tells a port that says nothing, within the time limit of the account', async () => {
    await withServer({ greeting: null }, async ({ port }) => {
      const from = performance.now();
      const found = await check({ port, security: 'none' }, { require_tls: false });
      says(found, 'timeout', /did not answer/);
      assert.ok(performance.now() - from < 5 * LIMIT_MS);
      says(await check({ port }), 'timeout', /did not answer/);
    });
  });

  it('tells a server that greets and then hangs', async () => {
    await withServer({ answer: () => null }, async ({ port }) => {
      says(await check({ port, security: 'none' }, { require_tls: false }), 'timeout', /did not answer/);
    });
  });

  it('tells a server that hangs up, or says goodbye', async () => {
    await withServer({ greeting: '* BYE overloaded' }, async ({ port }) => {
      const found = await check({ port, security: 'none' }, { require_tls: false });
      assert.ok(!found.ok && found.code !== 'internal', JSON.stringify(found));
    });
    await withServer({ answer: (_command, _line, socket) => void socket.destroy() }, async ({ port }) => {
      says(await check({ port, security: 'none' }, { require_tls: false }), 'connection_lost', /./);
    });
  });

  it('says no password and no word at all to a server under require_tls with security none', async () => {
    await withServer({}, async (server) => {
      says(await check({ port: server.port, security: 'none' }), 'tls_refused', /requires TLS/);
      assert.equal(server.connections(), 0);
    });
  });

  it('says no password to a server from which somebody took STARTTLS away', async () => {
    for (const capabilities of ['IMAP4rev1 AUTH=PLAIN', 'IMAP4rev1 STARTTLS AUTH=PLAIN'])
      await withServer(
        { capabilities, answer: (command) => (command === 'STARTTLS' ? ['TAG NO not today'] : undefined) },
        async (server) => {
          says(await check({ port: server.port, security: 'starttls' }), 'tls_refused', /STARTTLS/);
          heardNoPassword(server);
        },
      );
  });

  it('is not content with a server that claims that we are signed in already, in the clear', async () => {
    await withServer({ greeting: '* PREAUTH [CAPABILITY IMAP4rev1] welcome' }, async (server) => {
      says(await check({ port: server.port, security: 'starttls' }), 'tls_refused', /./);
      heardNoPassword(server);
    });
  });

  it('notices what somebody slipped in between STARTTLS and the encryption', async () => {
    const answer = (command: string) =>
      command === 'STARTTLS' ? ['TAG OK go', '* OK slipped in'] : undefined;
    await withServer({ capabilities: 'IMAP4rev1 STARTTLS', answer }, async (server) => {
      says(await check({ port: server.port, security: 'starttls' }), 'tls_refused', /./);
      heardNoPassword(server);
    });
  });

  it('does not repeat the password when a server does', async () => {
    const answer = (command: string, line: string) =>
      command === 'LOGIN' ? [`TAG NO [AUTHENTICATIONFAILED] I do not like "${line}"`] : undefined;
    await withServer({ answer }, async ({ port }) => {
      const found = await check({ port, security: 'none' }, { require_tls: false }, 'hunter2');
      says(found, 'wrong_password', /I do not like.*\[secret\]/);
    });
  });

  it('tells a throttled sign-in from a wrong password', async () => {
    const answer = (command: string) =>
      command === 'LOGIN' ? ['TAG NO [UNAVAILABLE] Too many login attempts, try again later'] : undefined;
    await withServer({ answer }, async ({ port }) => {
      says(await check({ port, security: 'none' }, { require_tls: false }), 'throttled', /come back later/);
    });
  });

  it('tells a server that takes passwords over encrypted connections only', async () => {
    await withServer({ capabilities: 'IMAP4rev1 LOGINDISABLED' }, async (server) => {
      const found = await check({ port: server.port, security: 'none' }, { require_tls: false });
      says(found, 'tls_refused', /does not take passwords over an unencrypted connection/);
      assert.match(found.hint ?? '', /security: tls or starttls/);
      heardNoPassword(server);
    });
  });

  it('ends when whoever asked is gone', async () => {
    await withServer({ greeting: null }, async ({ port }) => {
      const gone = new AbortController();
      const asking = checkImap(
        uncounted(),
        accountAt({ port, security: 'none' }, { require_tls: false, timeout_ms: 600_000 }),
        (connect) => connect({ type: 'basic', username: 'sales', password: CANARY }),
        gone.signal,
      );
      gone.abort();
      assert.equal((await asking).ok, false);
    });
  });
});
