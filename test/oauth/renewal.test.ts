// Servers that end a connection when the token ends that it was opened with: the first time it is a surprise, after that
// the connection is made anew before.
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { CLIENT, type OAuthServer, startOAuthServer } from '../support/oauth-server.ts';
import { requireService } from '../support/services.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';

const USER = 'mia@company.example';
const TOKEN_SECONDS = 8;
const skip = requireService('dovecot', 'openssl');

let provider: OAuthServer;
let dovecot: Dovecot;
let gateway: TestGateway;
let smtp: TestSmtpServer;

/** Stands before the IMAP server, and ends each connection when a token that was fresh at its start has ended. */
async function startCutter(port: number) {
  let cuts = 0;
  let connections = 0;
  let waiting: { count: number; resolve: () => void }[] = [];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    open.add(near).add(far);
    const timer = setTimeout(() => {
      cuts++;
      near.destroy();
    }, TOKEN_SECONDS * 1000);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.pipe(other);
      one.on('error', () => undefined);
      one.on('close', () => {
        clearTimeout(timer);
        other.destroy();
      });
    }
    connections++;
    waiting = waiting.filter(({ count, resolve }) => connections < count || void resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cuts: () => cuts,
    /** Fulfils when so many connections were made. */
    made: (count: number) => new Promise<void>((resolve) => waiting.push({ count, resolve })),
    stop: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function account(label: string, imapPort: number): Promise<Record<string, unknown>> {
  return {
    label,
    address: USER,
    imap: { host: '127.0.0.1', port: imapPort, security: 'starttls', ca: dovecot.ca },
    smtp: { host: '127.0.0.1', port: 1, security: 'starttls' },
    auth: {
      type: 'oauth2',
      provider: 'company',
      flow: 'refresh_token',
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      refresh_token: await provider.refreshToken(USER),
      ...provider.endpoints,
    },
  };
}

describe('an account with tokens', { skip }, () => {
  before(async () => {
    provider = await startOAuthServer({ accessTokenSeconds: TOKEN_SECONDS });
    const oauth = { introspectionUrl: provider.introspectionUrl };
    dovecot = await startDovecot({ users: { [USER]: 'never used', ops: 'a password' }, oauth });
    smtp = await startSmtpServer();
    gateway = await startGateway({
      env: { POSTERN_OPERATOR_MAIL: 'operator@company.example', POSTERN_OPERATOR_ACCOUNT: 'ops' },
    });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await smtp?.stop();
    await dovecot?.stop();
    await provider?.stop();
  });

  it('is connected anew before its token ends, once the server was seen to cut', async () => {
    const cutter = await startCutter(dovecot.imapPort);
    const fifth = cutter.made(5);
    await gateway.addAccount(await account('cut', cutter.port));
    await fifth;
    assert.equal(cutter.cuts(), 1);
    const { status } = await gateway.get<AccountView>('/v1/accounts/cut');
    assert.equal(status.reconnects, 1, 'only the cut was a failure');
    await gateway.request('DELETE', '/v1/accounts/cut');
    await cutter.stop();
  });

  it('tells the operator by mail when it needs a person', async () => {
    await gateway.addAccount({
      label: 'ops',
      address: 'ops@company.example',
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'starttls', ca: dovecot.ca },
      smtp: { host: smtp.host, port: smtp.port, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: 'ops', password: 'a password' },
    });
    await gateway.addAccount(await account('mia', dovecot.imapPort));
    await provider.revoke(USER);
    const [mail] = await smtp.waitFor(1);
    assert.ok(mail);
    assert.deepEqual(mail.recipients, ['operator@company.example']);
    const text = mail.raw.toString('utf8');
    assert.match(text, /^Subject: Postern: the account mia has to be signed in again\r$/m);
    assert.match(text, /invalid_grant/);
    assert.doesNotMatch(text, new RegExp(CLIENT.secret));
  });
});
