// Testing and finding out servers, over REST and at the command line.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type AutoconfigParts, discoverer } from '../../src/accounts/autoconfig.ts';
import { runCli } from '../../src/api/cli/cli.ts';
import type { AccountCheck, AccountView } from '../../src/contracts/account.ts';
import type { Discovery } from '../../src/contracts/discovery.ts';
import { providerId } from '../../src/contracts/provider.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { ADMIN_TOKEN, accountBody, startGateway, type TestGateway } from './support.ts';

const PASSWORD = 'canary-51c0 open sesame';
const SRV = {
  '_imaps._tcp.company.example': [{ name: 'mail.company.example', port: 993, priority: 1, weight: 1 }],
  '_submissions._tcp.company.example': [{ name: 'mail.company.example', port: 465, priority: 1, weight: 1 }],
  '_imaps._tcp.moved.example': [{ name: 'imap.elsewhere.example', port: 993, priority: 1, weight: 1 }],
  '_submissions._tcp.moved.example': [{ name: 'smtp.elsewhere.example', port: 465, priority: 1, weight: 1 }],
} as Record<string, { name: string; port: number; priority: number; weight: number }[]>;
const played: AutoconfigParts = {
  dns: { srv: async (name) => SRV[name] ?? [], mx: async () => [], addresses: async () => [] },
  fetchText: () => Promise.reject(new PosternError('unreachable', 'Nothing is there.')),
  probe: async () => 'closed',
  limitMs: 1_000,
};

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
  gateway.rooms.discover = discoverer(played);
});
after(() => gateway?.close());

interface Terminal {
  stdin?: string;
  /** A person sits there; each is typed when the text before it was printed. */
  answers?: [after: string, typed: string][];
}

async function postern(argv: string[], { stdin, answers }: Terminal = {}) {
  const streams = { in: new PassThrough(), out: new PassThrough(), err: new PassThrough() };
  let [out, err] = ['', ''];
  const waiting = [...(answers ?? [])];
  streams.out.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
    if (waiting[0] && out.includes(waiting[0][0])) streams.in.write(waiting.shift()?.[1] ?? '');
  });
  streams.err.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8');
  });
  if (!answers) streams.in.end(stdin ?? '');
  const isTTY = answers !== undefined;
  const code = await runCli(argv, {
    stdin: Object.assign(streams.in, { isTTY, setRawMode: () => undefined }),
    stdout: Object.assign(streams.out, { isTTY }),
    stderr: streams.err,
    settings: {
      url: gateway.url,
      adminToken: ADMIN_TOKEN,
      tokenFile: join(gateway.folder, 'admin-token'),
      rulesDir: gateway.folder,
    },
  });
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out, err };
}

describe('finding out servers', () => {
  it('over REST: what was found, where each value came from, and what was asked', async () => {
    const response = await gateway.api('/v1/accounts/discover', { json: { address: 'a@company.example' } });
    assert.equal(response.status, 200);
    const found = (await response.json()) as Discovery;
    assert.equal(found.found, true);
    assert.deepEqual(found.imap, {
      ...{ host: 'mail.company.example', port: 993, security: 'tls' },
      ...{ source: 'srv', from: '_imaps._tcp.company.example' },
    });
    assert.equal(found.username?.value, 'a@company.example');
    assert.ok(found.attempts.length >= 4);
    const wrong = await gateway.api('/v1/accounts/discover', { json: { address: 'a@localhost' } });
    assert.equal(wrong.status, 400);
  });

  it('the providers are listed with everything that is known of them', async () => {
    const response = await gateway.api('/v1/providers');
    const { providers } = (await response.json()) as { providers: { id: string }[] };
    assert.deepEqual(
      providers.map(({ id }) => id),
      providerId.options,
    );
  });

  it('at the command line it shows what to do at the provider', async () => {
    const shown = await postern(['account', 'discover', 'anna@163.com']);
    assert.equal(shown.code, 0, shown.err);
    assert.match(shown.out, /^IMAP {2}imap\.163\.com:993 tls, by 163\.com \(provider\)$/m);
    assert.match(shown.out, /授权密码/);
    const none = await postern(['account', 'discover', 'anna@nowhere.example']);
    assert.equal(none.code, 1);
    assert.match(none.out, /^IMAP {2}not found$/m);
  });
});

describe('account add without servers', () => {
  const add = (label: string, address: string, ...more: string[]) => [
    ...['account', 'add', '--label', label, '--address', address, '--no-active', '--json', ...more],
  ];

  it('takes a known provider’s, with its ways', async () => {
    const added = await postern(add('netease', 'anna@126.com', '--password-stdin'), { stdin: PASSWORD });
    assert.equal(added.code, 0, added.err);
    const account = JSON.parse(added.out) as AccountView;
    assert.deepEqual(account.imap, { host: 'imap.126.com', port: 993, security: 'tls' });
    assert.deepEqual(account.smtp, { host: 'smtp.126.com', port: 465, security: 'tls' });
    assert.equal(account.provider, 'netease');
    assert.match(added.err, /IMAP {2}imap\.126\.com/);
    const google = await postern(add('google', 'anna@gmail.com', '--password-stdin'), { stdin: PASSWORD });
    assert.equal((JSON.parse(google.out) as AccountView).sent_copy, 'server');
  });

  it('leaves what was said', async () => {
    const flags = ['--smtp', 'relay.company.example:587', '--sent-copy', 'none', '--username', 'anna'];
    const added = await postern(add('kept', 'a@company.example', ...flags, '--password-stdin'), {
      stdin: PASSWORD,
    });
    const account = JSON.parse(added.out) as AccountView;
    assert.equal(account.imap.host, 'mail.company.example');
    assert.deepEqual(account.smtp, { host: 'relay.company.example', port: 587, security: 'starttls' });
    assert.equal(account.sent_copy, 'none');
    assert.equal(account.auth.type === 'basic' && account.auth.username, 'anna');
    assert.equal(account.provider, undefined);
  });

  it('asks a person before it takes servers of somebody else, and refuses where nobody can be asked', async () => {
    const script = await postern(add('moved', 'a@moved.example', '--password-stdin'), { stdin: PASSWORD });
    assert.equal(script.code, 2);
    assert.match(script.err, /CAREFUL: imap\.elsewhere\.example and smtp\.elsewhere\.example are not within/);
    const no = await postern(add('moved', 'a@moved.example'), { answers: [['Use these servers?', 'n\n']] });
    assert.equal(no.code, 2);
    const yes = await postern(add('moved', 'a@moved.example'), {
      answers: [
        ['Use these servers?', 'y\n'],
        ['Password: ', `${PASSWORD}\r`],
      ],
    });
    assert.equal(yes.code, 0, yes.err);
    assert.equal((await gateway.rooms.accounts.find('moved')).settings.imap.host, 'imap.elsewhere.example');
  });

  it('says so where nothing is found, and where a provider takes no passwords', async () => {
    const none = await postern(add('none', 'a@nowhere.example', '--password-stdin'), { stdin: PASSWORD });
    assert.equal(none.code, 2);
    assert.match(none.err, /--imap and --smtp: the servers of a@nowhere\.example were not found/);
    const outlook = await postern(add('out', 'a@outlook.com', '--password-stdin'), { stdin: PASSWORD });
    assert.equal(outlook.code, 2);
    assert.match(outlook.err, /takes no passwords/);
  });
});

describe('testing servers', { skip: requireService('dovecot', 'openssl') }, () => {
  let dovecot: Dovecot;
  let smtp: TestSmtpServer;
  before(async () => {
    dovecot = await startDovecot({ users: { anna: PASSWORD } });
    smtp = await startSmtpServer({ security: 'tls', users: { anna: PASSWORD } });
  });
  after(async () => {
    await dovecot?.stop();
    await smtp?.stop();
  });
  let body: Record<string, unknown>;
  beforeEach(() => {
    body = {
      ...accountBody,
      require_tls: true,
      imap: { host: '127.0.0.1', port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
      smtp: { host: '127.0.0.1', port: smtp.port, security: 'tls', ca: smtp.ca },
      auth: { type: 'basic', username: 'anna', password: PASSWORD },
    };
  });

  it('of settings that nobody saved: both are tested, and nothing is stored', async () => {
    const before = (await gateway.rooms.accounts.list()).length;
    const { label: _label, ...unnamed } = body;
    const response = await gateway.api('/v1/accounts/test', { json: unnamed });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const check = JSON.parse(text) as AccountCheck;
    assert.equal(check.ok, true, text);
    assert.equal(check.imap.steps.length, 7);
    assert.equal(check.smtp.steps.length, 6);
    assert.ok(!text.includes('canary-51c0'));
    assert.equal((await gateway.rooms.accounts.list()).length, before);
  });

  it('of an OAuth2 sign-in that nobody has made yet: everything before the sign-in', async () => {
    const auth = { type: 'oauth2', provider: 'gmail', client_id: 'x' };
    const response = await gateway.api('/v1/accounts/test', { json: { ...body, auth } });
    const check = (await response.json()) as AccountCheck;
    assert.equal(check.imap.code, 'oauth_sign_in_needed');
    assert.equal(check.imap.steps.at(-2)?.step, 'greeting');
    assert.equal(check.imap.steps.at(-2)?.ok, true);
  });

  it('one protocol may fail while the other works', async () => {
    const wrong = { ...(body.smtp as object), port: 1 };
    const response = await gateway.api('/v1/accounts/test', { json: { ...body, smtp: wrong } });
    const check = (await response.json()) as AccountCheck;
    assert.deepEqual([check.ok, check.imap.ok, check.smtp.ok], [false, true, false]);
    assert.equal(check.smtp.code, 'connection_refused');
  });

  it('of a saved account, at the command line: a line for each step, and the exit code tells', async () => {
    const added = await gateway.api('/v1/accounts', { json: { ...body, label: 'tested', active: false } });
    assert.equal(added.status, 201);
    const good = await postern(['account', 'test', 'tested']);
    assert.equal(good.code, 0, good.out + good.err);
    assert.match(good.out, /^IMAP {2}ok {2}Signed in to IMAP as anna\.$/m);
    assert.match(good.out, /^ {2}ok {6}TLS +TLSv1\.3, .*certificate of good by Postern test authority/m);
    assert.match(good.out, /runs out within a day/);
    assert.match(good.out, /No DSN: /);
    const validated = await postern(['imap', 'validate', 'tested', '--json']);
    assert.equal(validated.code, 0);
    assert.equal((JSON.parse(validated.out) as AccountCheck['imap']).steps.length, 7);
    await dovecot.addUser('anna', 'another');
    const bad = await postern(['account', 'test', 'tested']);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /^IMAP {2}FAILED \(wrong_password\)/m);
    assert.match(bad.out, /^ {2}FAILED {2}sign-in/m);
    assert.match(bad.out, /^SMTP {2}ok/m);
    await dovecot.addUser('anna', PASSWORD);
  });

  it('before an account is added, at the command line', async () => {
    const tried = await postern(
      [
        ...[
          'account',
          'try',
          '--address',
          'anna@company.example',
          '--username',
          'anna',
          '--ca',
          dovecot.caFile,
        ],
        ...[
          '--imap',
          `127.0.0.1:${dovecot.imapsPort}`,
          '--smtp',
          `127.0.0.1:${smtp.port}`,
          '--password-stdin',
        ],
      ],
      { stdin: PASSWORD },
    );
    assert.equal(tried.code, 0, tried.out + tried.err);
    assert.match(tried.out, /^SMTP {2}ok/m);
  });
});
