// One SMTP connection: how it signs in, what it never says, and what happens between 354 and the first byte.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import { storedMail } from '../../src/outbound/mail-content.ts';
import { openSmtp } from '../../src/outbound/smtp.ts';
import { checkSmtp } from '../../src/outbound/validate.ts';
import { digestOf } from '../support/compose-whole.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { accountOn, PASSWORD, USER } from './outbox-fixture.ts';
import { startWireRecorder } from './wire-recorder.ts';

const users = { [USER]: PASSWORD };
const credentials = { type: 'basic', username: USER, password: PASSWORD } as const;
const signIn = <T>(connect: (given: typeof credentials) => Promise<T>): Promise<T> => connect(credentials);
const to = ['anna@example.com'];
const mail = Buffer.from('Subject: hello\r\n\r\nbody\r\n');
const nothing = async () => undefined;

/** Every way in which the password could be written on the wire or in an error. */
const FORMS = [
  PASSWORD,
  Buffer.from(PASSWORD).toString('base64'),
  Buffer.from(`\0${USER}\0${PASSWORD}`).toString('base64'),
  Buffer.from(PASSWORD).toString('latin1'),
];
const holdsPassword = (text: string): boolean => FORMS.some((form) => text.includes(form));

test('a server without STARTTLS is refused before any credential leaves', async () => {
  for (const STARTTLS of ['502 5.5.1 not implemented', '454 4.7.0 TLS not available']) {
    await using wire = await startWireRecorder({ extensions: ['AUTH PLAIN LOGIN'], answers: { STARTTLS } });
    const account = accountOn(wire, { smtp: { host: wire.host, port: wire.port, security: 'starttls' } });
    const error = await openSmtp(account, credentials).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PosternError);
    assert.equal(error.code, 'tls_refused');
    assert.ok(!wire.commands().some((line) => /^(AUTH|MAIL)/.test(line)), wire.commands().join(' | '));
    assert.ok(!holdsPassword(wire.bytes()));
    assert.ok(!holdsPassword(JSON.stringify(error) + error.stack + error.message + error.hint));
  }
});

test('an account that requires TLS does not even connect to an endpoint without', async () => {
  await using wire = await startWireRecorder({ extensions: ['AUTH PLAIN'] });
  const check = await checkSmtp(accountOn(wire, { require_tls: true }), signIn);
  assert.equal(check.code, 'tls_refused');
  assert.equal(wire.bytes(), '');
});

test('a sign-in test answers each trouble with a code and a hint', async (t) => {
  const refusals: [
    string,
    { security?: 'tls' | 'starttls' | 'none'; certificate?: 'wrong-name' | 'expired'; trusted?: boolean },
  ][] = [
    ['ok', { security: 'tls' }],
    ['ok', { security: 'starttls' }],
    ['certificate_invalid', { security: 'tls', certificate: 'wrong-name' }],
    ['certificate_invalid', { security: 'starttls', certificate: 'expired' }],
    ['certificate_invalid', { security: 'tls', trusted: false }],
  ];
  for (const [code, { security = 'tls', certificate = 'good', trusted = true }] of refusals) {
    await t.test(`${security}, ${certificate}, ${trusted ? 'trusted' : 'not trusted'}: ${code}`, async () => {
      await using server = await startSmtpServer({ users, security, certificate: certificate as 'good' });
      const smtp = { host: server.host, port: server.port, security, ...(trusted ? { ca: server.ca } : {}) };
      const check = await checkSmtp(accountOn(server, { smtp }), signIn);
      assert.equal(check.code, code, check.message);
      assert.equal(check.ok, code === 'ok');
      if (code !== 'ok') assert.ok(check.hint);
      else assert.ok(check.capabilities.length > 0);
    });
  }
  await t.test('wrong password', async () => {
    await using server = await startSmtpServer({ users: { [USER]: 'other' }, security: 'tls' });
    assert.equal((await checkSmtp(accountOn(server), signIn)).code, 'wrong_password');
  });
  await t.test('closed port', async () => {
    const server = await startSmtpServer();
    await server.stop();
    assert.equal((await checkSmtp(accountOn(server), signIn)).code, 'connection_refused');
  });
  await t.test('TLS spoken to a port that does not', async () => {
    await using server = await startSmtpServer({ users });
    const account = accountOn(server, { smtp: { host: server.host, port: server.port, security: 'tls' } });
    assert.equal((await checkSmtp(account, signIn)).code, 'tls_refused');
  });
  await t.test('silence', async () => {
    await using wire = await startWireRecorder({ greeting: null });
    assert.equal((await checkSmtp(accountOn(wire, { timeout_ms: 1000 }), signIn)).code, 'timeout');
  });
  await t.test('silence after EHLO', async () => {
    await using wire = await startWireRecorder({ answers: { EHLO: null } });
    assert.equal((await checkSmtp(accountOn(wire, { timeout_ms: 1000 }), signIn)).code, 'timeout');
  });
  await t.test('not SMTP', async () => {
    await using wire = await startWireRecorder({ greeting: 'HTTP/1.1 400 Bad Request' });
    assert.equal((await checkSmtp(accountOn(wire), signIn)).code, 'protocol');
  });
  await t.test('no such host', async () => {
    const smtp = { host: 'no-such-host.invalid', port: 465, security: 'tls' };
    const account = accountOn({ host: '127.0.0.1', port: 1, ca: '' }, { smtp, timeout_ms: 5000 });
    assert.equal((await checkSmtp(account, signIn)).code, 'dns');
  });
  await t.test('a sign-in that is put off', async () => {
    await using wire = await startWireRecorder({
      extensions: ['AUTH PLAIN'],
      answers: { AUTH: '454 4.7.0 Too many logins, try again later' },
    });
    assert.equal((await checkSmtp(accountOn(wire), signIn)).code, 'sign_in_deferred');
  });
});

test('a server that offers no sign-in is used without one only where TLS is not required', async () => {
  await using wire = await startWireRecorder();
  const check = await checkSmtp(accountOn(wire), signIn);
  assert.equal(check.code, 'ok');
  assert.match(check.message, /asks nobody to sign in/);
  assert.ok(!holdsPassword(wire.bytes()));
  await using server = await startSmtpServer({ security: 'tls' });
  assert.equal((await checkSmtp(accountOn(server), signIn)).code, 'auth_not_offered');
});

test('a server that echoes the password does not bring it into an error', async () => {
  for (const form of FORMS) {
    await using wire = await startWireRecorder({
      extensions: ['AUTH PLAIN'],
      answers: { AUTH: `535 5.7.8 I do not like AUTH PLAIN ${form}` },
    });
    const check = await checkSmtp(accountOn(wire), signIn);
    assert.equal(check.code, 'wrong_password');
    assert.ok(!holdsPassword(JSON.stringify(check)), check.message);
  }
});

test('onData comes after 354 and before any content', async () => {
  await using wire = await startWireRecorder({ extensions: ['PIPELINING'] });
  const connection = await openSmtp(accountOn(wire), credentials);
  let before = '';
  const { response } = await connection.send({ from: USER, to }, [mail], async () => {
    // Time enough for bytes to arrive that should not have left.
    await new Promise((resolve) => setTimeout(resolve, 50));
    before = wire.bytes();
  });
  connection.close();
  assert.equal(response, '250 2.0.0 kept');
  assert.match(before, /DATA\r\n$/);
  assert.match(wire.bytes(), /DATA\r\nSubject: hello\r\n\r\nbody\r\n\.\r\n$/);
});

test('when onData throws, no byte of content leaves and its error comes out', async () => {
  await using wire = await startWireRecorder();
  const connection = await openSmtp(accountOn(wire), credentials);
  const refused = new PosternError('lease_lost', 'somebody else has it');
  await assert.rejects(
    connection.send({ from: USER, to }, [mail], () => Promise.reject(refused)),
    (error) => error === refused,
  );
  assert.equal(refused.code, 'lease_lost');
  assert.equal(connection.usable, false);
  assert.match(wire.bytes(), /DATA\r\n$/);
});

test('a stored mail that is another one by the time it leaves is not ended, and no server takes it', async () => {
  const large = Buffer.from(`Subject: large\r\n\r\n${'the price is 5\r\n'.repeat(20_000)}`);
  const changed = Buffer.from(large.toString().replace('price is 5\r\n', 'price is 6\r\n'));
  const envelope = { from: USER, to };
  const digest = await digestOf(envelope, large);
  const blobOf = (open: () => Readable) => ({
    id: '',
    sha256: '',
    size: large.length,
    open: async () => open(),
  });
  const inPieces = (bytes: Buffer) =>
    Readable.from(bytes.toString().match(/[\s\S]{1,50000}/g) ?? [], { objectMode: false });
  function* breaking() {
    yield large.subarray(0, 100_000);
    throw new Error('the disk is gone');
  }
  for (const [name, stored, code] of [
    ['changed', () => inPieces(changed), 'digest_mismatch'],
    ['cut short', () => inPieces(large.subarray(0, -2)), 'digest_mismatch'],
    ['unreadable', () => Readable.from(breaking(), { objectMode: false }), 'content_unreadable'],
  ] as const) {
    await using wire = await startWireRecorder();
    const connection = await openSmtp(accountOn(wire), credentials);
    const content = [storedMail(blobOf(stored), envelope, digest)];
    await assert.rejects(connection.send(envelope, content, nothing), { code }, name);
    assert.equal(connection.usable, false);
    assert.doesNotMatch(wire.bytes(), /\r\n\.\r\n/, name);
  }
  await using wire = await startWireRecorder();
  const connection = await openSmtp(accountOn(wire), credentials);
  const sound = [
    storedMail(
      blobOf(() => inPieces(large)),
      envelope,
      digest,
    ),
  ];
  const { response } = await connection.send(envelope, sound, nothing);
  connection.close();
  assert.equal(response, '250 2.0.0 kept');
});

test('failures say for each recipient whether to try again', async (t) => {
  const table: [string, Record<string, string | null>, string, string][] = [
    [
      'sender refused for good',
      { MAIL: '550 5.7.1 no', RCPT: '503 5.5.1 need MAIL' },
      'permanent',
      'refused',
    ],
    [
      'sender refused for now',
      { MAIL: '451 4.7.1 no', RCPT: '503 5.5.1 need MAIL' },
      'temporary',
      'deferred',
    ],
    ['wrong order of commands', { RCPT: '503 5.5.1 order' }, 'temporary', 'deferred'],
    ['DATA refused', { DATA: '554 5.5.1 no' }, 'permanent', 'refused'],
    ['closing', { RCPT: '421 4.4.2 bye' }, 'temporary', 'closing'],
    ['no answer to RCPT', { RCPT: null, DATA: null }, 'temporary', 'timeout'],
    ['content refused', { '.': '552 5.3.4 too big' }, 'permanent', 'refused'],
    ['content refused for now', { '.': '452 4.3.1 full' }, 'temporary', 'deferred'],
    ['closing after the content', { '.': '421 4.3.2 bye' }, 'temporary', 'closing'],
    ['nonsense after the content', { '.': 'what?' }, 'unknown', 'outcome_unknown'],
    ['an answer of the wrong kind', { '.': '354 more' }, 'unknown', 'outcome_unknown'],
  ];
  for (const pipelining of [false, true]) {
    for (const [name, answers, kind, code] of table) {
      await t.test(`${name}${pipelining ? ', pipelined' : ''}: ${kind}`, async () => {
        await using wire = await startWireRecorder({ answers, extensions: pipelining ? ['PIPELINING'] : [] });
        const connection = await openSmtp(accountOn(wire, { timeout_ms: 1000 }), credentials);
        const { recipients, response } = await connection.send({ from: USER, to }, [mail], nothing);
        assert.equal(response, null);
        assert.equal(recipients[0]?.failure?.kind, kind, recipients[0]?.failure?.text);
        assert.equal(recipients[0]?.failure?.code, code);
        assert.equal(connection.usable, false);
      });
    }
  }
});

test('a mail larger than the server announced is refused without sending it', async () => {
  await using wire = await startWireRecorder({ extensions: ['SIZE 10'] });
  const connection = await openSmtp(accountOn(wire), credentials);
  const { recipients } = await connection.send({ from: USER, to }, [mail], nothing);
  assert.deepEqual(
    [recipients[0]?.failure?.kind, recipients[0]?.failure?.code],
    ['permanent', 'message_too_large'],
  );
  assert.ok(!wire.commands().some((line) => line.startsWith('MAIL')));
});

test('a stop before the content leaves ends the send at once; content on its way may end', async () => {
  await using quiet = await startWireRecorder({ answers: { RCPT: null } });
  const first = await openSmtp(accountOn(quiet), credentials);
  const stop = new AbortController();
  const sending = first.send({ from: USER, to }, [mail], nothing, stop.signal);
  stop.abort();
  assert.equal((await sending).recipients[0]?.failure?.code, 'stopping');

  await using wire = await startWireRecorder();
  const second = await openSmtp(accountOn(wire), credentials);
  const late = new AbortController();
  const { response } = await second.send({ from: USER, to }, [mail], async () => late.abort(), late.signal);
  assert.match(response ?? '', /^250/);
  second.close();
});

test('lines that could end the mail early are stuffed, also those after bare line ends', async () => {
  await using server = await startSmtpServer({ users });
  const connection = await openSmtp(accountOn(server), credentials);
  for (const body of ['.\r\n', 'a\r\n.\r\nb\r\n', '..\r\n.\r\n..\r\n']) {
    await connection.send({ from: USER, to }, [Buffer.from(`Subject: x\r\n\r\n${body}`)], nothing);
    assert.equal(String(server.messages().at(-1)?.raw), `Subject: x\r\n\r\n${body}`);
  }
  connection.close();
  for (const end of ['\n.\n', '\n.\r\n', '\r.\r', '\r\n.\n', '\r\n.\r', '\r.\r\n', '\n.\r']) {
    await using wire = await startWireRecorder();
    const other = await openSmtp(accountOn(wire), credentials);
    const smuggled = `Subject: x\r\n\r\na${end}MAIL FROM:<evil@example.net>\r\n`;
    await other.send({ from: USER, to }, [Buffer.from(smuggled)], nothing);
    other.close();
    const content = wire.bytes().slice(wire.bytes().indexOf('DATA\r\n') + 6);
    assert.doesNotMatch(content.slice(0, -5), /(?:^|[\r\n])\.(?:\r|\n)/, JSON.stringify(end));
    assert.doesNotMatch(content, /\r(?!\n)|(?<!\r)\n/);
  }
});

test('a real server of another make takes a mail of a few megabytes whole', async () => {
  await using sink = await startSmtpSink();
  const account = accountOn({ ...sink, ca: '' });
  const connection = await openSmtp(account, credentials);
  const big = Buffer.from(`Subject: big\r\n\r\n${'0123456789abcdef.\r\n.\r\n'.repeat(150_000)}`);
  const { response } = await connection.send({ from: USER, to }, [mail, big], nothing);
  connection.quit();
  assert.match(response ?? '', /^250/);
  const [received] = await sink.waitFor(1);
  assert.equal(received?.raw.equals(Buffer.concat([mail, big])), true);
});
