// Tokens from a real OAuth2 server at a real mail server: Dovecot asks the server about each, for IMAP and for
// submission.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountCheck, AccountView } from '../../src/contracts/account.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { CLIENT, type OAuthServer, startOAuthServer } from '../support/oauth-server.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

let provider: OAuthServer;
let sink: SmtpSink;
let dovecot: Dovecot;
let gateway: TestGateway;

const USER = 'mia@company.example';
const skip = requireService('dovecot', 'smtp-sink', 'openssl');

function account(label: string, user: string, server: Dovecot, auth: object): Record<string, unknown> {
  return {
    label,
    address: user,
    imap: { host: server.host, port: server.imapPort, security: 'starttls', ca: server.ca },
    smtp: { host: server.host, port: server.submissionPort, security: 'starttls', ca: server.ca },
    auth: {
      type: 'oauth2',
      provider: 'company',
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      ...provider.endpoints,
      ...auth,
    },
  };
}

describe('an account with tokens', { skip }, () => {
  before(async () => {
    provider = await startOAuthServer({ accessTokenSeconds: 10 });
    sink = await startSmtpSink();
    const users = { [USER]: 'never used', 'tom@company.example': 'never used' };
    const oauth = { introspectionUrl: provider.introspectionUrl };
    dovecot = await startDovecot({ users, oauth, relayTo: { host: sink.host, port: sink.port } });
    gateway = await startGateway();
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
    await sink?.stop();
    await provider?.stop();
  });

  it('is watched, tested and sends, and shows no secret', async () => {
    const auth = { flow: 'refresh_token', refresh_token: await provider.refreshToken(USER) };
    const added = await gateway.addAccount(account('mia', USER, dovecot, auth));
    assert.equal(added.status.state, 'idle');
    const { body: check } = await gateway.request<AccountCheck>('POST', '/v1/accounts/mia/test');
    assert.ok(check.ok, JSON.stringify(check));
    const { body: sent } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
      account: 'mia',
      to: ['customer@elsewhere.example'],
      subject: 'By token',
      text: 'Hello.',
    });
    await gateway.until(async () => (await gateway.submission(sent.id)).state === 'sent');
    const shown = JSON.stringify(await gateway.get<AccountView>('/v1/accounts/mia'));
    assert.match(shown, /"has_refresh_token":true/);
    assert.ok(!(shown + gateway.log()).includes(CLIENT.secret));
    assert.ok(!(shown + gateway.log()).includes(auth.refresh_token));
    assert.ok(provider.requestsOf(USER).every(({ ok }) => ok));
  });

  it('goes on when the provider ends its token before its time', async () => {
    await provider.endAccessTokens(USER);
    await dovecot.kick(USER);
    await dovecot.deliver(USER, 'Subject: after the end\r\nFrom: a@b.example\r\n\r\nhello\r\n');
    await gateway.until(async () => {
      const { data } = await gateway.get<{ data: { subject: string }[] }>('/v1/messages');
      return data.some(({ subject }) => subject === 'after the end');
    });
  });

  it('uses XOAUTH2 where the server has nothing better', async () => {
    const oauth = { introspectionUrl: provider.introspectionUrl, mechanisms: ['xoauth2'] as const };
    const relayTo = { host: sink.host, port: sink.port };
    await using other = await startDovecot({ users: { [USER]: 'never used' }, oauth, relayTo });
    const auth = { flow: 'refresh_token', refresh_token: await provider.refreshToken(USER) };
    await gateway.addAccount(account('xoauth2', USER, other, auth));
    const { body: check } = await gateway.request<AccountCheck>('POST', '/v1/accounts/xoauth2/test');
    assert.ok(check.ok, JSON.stringify(check));
    await gateway.request('DELETE', '/v1/accounts/xoauth2');
  });

  it('says so where the servers take no tokens', async () => {
    const relayTo = { host: sink.host, port: sink.port };
    await using other = await startDovecot({ users: { [USER]: 'never used' }, relayTo });
    const auth = { flow: 'refresh_token', refresh_token: await provider.refreshToken(USER) };
    await gateway.request('POST', '/v1/accounts', { ...account('none', USER, other, auth), active: false });
    const { body: check } = await gateway.request<AccountCheck>('POST', '/v1/accounts/none/test');
    assert.deepEqual([check.imap.code, check.smtp.code], ['auth_not_offered', 'auth_not_offered']);
    await gateway.request('DELETE', '/v1/accounts/none');
  });

  it('is told apart from one whose user is another', async () => {
    const auth = {
      flow: 'refresh_token',
      refresh_token: await provider.refreshToken(USER),
      username: 'tom@company.example',
    };
    const { status } = await gateway.request('POST', '/v1/accounts', account('wrong', USER, dovecot, auth));
    assert.equal(status, 201);
    await gateway.until(
      async () => (await gateway.get<AccountView>('/v1/accounts/wrong')).status.state === 'needs-sign-in',
    );
    const { body: check } = await gateway.request<AccountCheck>('POST', '/v1/accounts/wrong/test');
    assert.deepEqual([check.imap.code, check.smtp.code], ['token_refused', 'token_refused']);
    await gateway.request('DELETE', '/v1/accounts/wrong');
  });

  it('needs a person within one attempt when the grant is revoked, and a sign-in brings it back at once', async () => {
    await provider.revoke(USER);
    await dovecot.kick(USER);
    const before = provider.requestsOf(USER).length;
    const account = await gateway.until(async () => {
      const view = await gateway.get<AccountView>('/v1/accounts/mia');
      return view.status.state === 'needs-sign-in' ? view : null;
    });
    assert.equal(account.auth.type === 'oauth2' && account.auth.state, 'needs_sign_in');
    assert.equal(provider.requestsOf(USER).length - before, 1);
    assert.match(account.auth.type === 'oauth2' ? (account.auth.reason ?? '') : '', /invalid_grant/);
    const auth = { flow: 'refresh_token', refresh_token: await provider.refreshToken(USER) };
    const patch = { auth: (accountAuth('mia', auth) as { auth: object }).auth };
    const { status } = await gateway.request('PATCH', '/v1/accounts/mia', patch);
    assert.equal(status, 200);
    await gateway.until(
      async () => (await gateway.get<AccountView>('/v1/accounts/mia')).status.state === 'idle',
    );
  });
});

const accountAuth = (label: string, auth: object): Record<string, unknown> =>
  account(label, USER, dovecot, auth);
