// SMTP on the wire, against servers and data that want more than they should get: what is encrypted, what is secret, which
// bytes can become a command, and how long anything may take.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { openSmtp } from '../../src/outbound/smtp.ts';
import { checkSmtp } from '../../src/outbound/validate.ts';
import {
  DROP,
  type FakeSmtpOptions,
  HANG,
  replyOf,
  type SmtpScript,
  startFakeSmtp,
  TAKE,
} from '../support/fake-smtp.ts';
import { eventually } from '../support/waiting.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

const credentials = { type: 'basic', username: USER, password: PASSWORD } as const;
const anna = 'anna@example.com';
const mail = Buffer.from('Subject: hello\r\n\r\nbody\r\n');
const nothing = async (): Promise<void> => undefined;
const AUTH = ['AUTH PLAIN LOGIN'];

/** A wire between a client and a server on which every byte of the client is kept, by connection. */
async function startTap(port: number) {
  const heard: Buffer[][] = [];
  const server = createServer((client) => {
    const bytes: Buffer[] = [];
    heard.push(bytes);
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('data', (chunk) => bytes.push(chunk));
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => heard.map((bytes) => Buffer.concat(bytes)),
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** What was said in the clear, before the first record of TLS; and that nothing but records followed. */
function clearPart(bytes: Buffer): string {
  const at = bytes.indexOf(Buffer.from([0x16, 0x03])); // handshake, SSL 3.0 as in every first record (RFC 8446 §5.1)
  if (at < 0) return bytes.toString('latin1');
  for (let next = at; next < bytes.length; ) {
    assert.ok([0x14, 0x15, 0x16, 0x17].includes(bytes[next] ?? 0), `no record of TLS at ${next}`);
    assert.equal(bytes[next + 1], 3);
    next += 5 + bytes.readUInt16BE(next + 3);
  }
  return bytes.subarray(0, at).toString('latin1');
}

const CLEAR = /^EHLO [^\r\n]+\r\n(?:STARTTLS\r\n)?$/;

test('with STARTTLS nothing but EHLO and STARTTLS is said in the clear, whatever the server says', async (t) => {
  const servers: [string, FakeSmtpOptions, boolean][] = [
    ['a good one', {}, true],
    [
      'one that does not offer it, and refuses it',
      { script: { EHLO: '250-x\n250 AUTH PLAIN', STARTTLS: '502 no' } },
      false,
    ],
    [
      'one that does not offer it, and takes it',
      { script: { EHLO: firstTime('250-x\n250 AUTH PLAIN LOGIN') } },
      true,
    ],
    ['one that refuses it for now', { script: { STARTTLS: '454 4.7.0 not now' } }, false],
    ['one that knows only HELO', { script: { EHLO: '502 5.5.1 no' } }, false],
    [
      'one that answers the sign-in beforehand',
      { script: { STARTTLS: { raw: '502 no\r\n235 welcome\r\n250 ok\r\n' } } },
      false,
    ],
    ['one that goes', { script: { STARTTLS: ['220 go', DROP] } }, false],
    ['one whose certificate is of another name', { certificate: 'wrong-name' }, false],
    [
      'one that slips in answers',
      { script: { STARTTLS: { raw: '220 go\r\n250-x\r\n250 AUTH PLAIN\r\n' } } },
      true,
    ],
  ];
  for (const [name, options, works] of servers)
    await t.test(name, async () => {
      await using server = await startFakeSmtp({ security: 'starttls', extensions: AUTH, ...options });
      await using tap = await startTap(server.port);
      const smtp = { host: '127.0.0.1', port: tap.port, security: 'starttls', ca: server.ca };
      const account = accountOn(server, { smtp, require_tls: true });
      const sending = openSmtp(account, credentials).then(async (connection) => {
        const { response } = await connection.send({ from: USER, to: [anna] }, [mail], nothing);
        connection.close();
        return response;
      });
      if (works) assert.match((await sending) ?? '', /^250/);
      else await assert.rejects(sending);
      await eventually(() => server.open() === 0);
      const [bytes, ...more] = tap.connections();
      assert.equal(more.length, 0);
      assert.match(clearPart(bytes ?? Buffer.alloc(0)), CLEAR);
      assert.equal(server.taken.length, works ? 1 : 0);
      for (const { secure } of server.taken) assert.equal(secure, true);
    });
});

/** Once, and then what a good server says. */
function firstTime(answer: string) {
  let times = 0;
  return () => (++times === 1 ? answer : undefined);
}

test('TLS from the first byte: not one byte in the clear', async () => {
  await using server = await startFakeSmtp({ security: 'tls', extensions: AUTH });
  await using tap = await startTap(server.port);
  const account = accountOn(server, {
    smtp: { host: '127.0.0.1', port: tap.port, security: 'tls', ca: server.ca },
  });
  const connection = await openSmtp(account, credentials);
  await connection.send({ from: USER, to: [anna] }, [mail], nothing);
  connection.quit();
  await eventually(() => server.open() === 0);
  assert.equal(clearPart(tap.connections()[0] ?? Buffer.from('?')), '');
});

test('a server that repeats the password brings it into nothing that is shown, kept or logged', async (t) => {
  const forms = [
    PASSWORD,
    Buffer.from(PASSWORD).toString('base64'),
    Buffer.from(`\0${USER}\0${PASSWORD}`).toString('base64'),
    Buffer.from(PASSWORD).toString('latin1'), // as the fake writes it, so that its bytes are UTF-8
  ];
  const echo = Buffer.from(forms.join(' ')).toString('latin1');
  const scripts: [string, SmtpScript][] = [
    ['greeting', { greeting: `554 ${echo}` }],
    ['EHLO', { EHLO: replyOf(250, ['fake', 'AUTH PLAIN', `X-${echo}`, `SIZE ${echo}`]) }],
    ['AUTH', { AUTH: `535 5.7.8 ${echo}` }],
    ['AUTH 4yz', { AUTH: `454 4.7.0 ${echo}` }],
    ['AUTH that is none', { AUTH: `${echo}` }],
    ['MAIL', { MAIL: `451 4.3.0 ${echo}` }],
    ['MAIL that is none', { MAIL: echo }],
    ['RCPT', { RCPT: `550 5.1.1 ${echo}` }],
    ['RCPT out of step', { RCPT: { raw: `250 ok\r\n250 ${echo}\r\n` } }],
    ['DATA', { DATA: `554 5.7.1 ${echo}` }],
    ['DATA out of step', { DATA: `250 ${echo}` }],
    ['the end', { end: `554 5.7.1 ${echo}` }],
    ['the end, taken', { end: `250 2.0.0 ${echo}` }],
    ['the end, cut off', { end: [{ raw: `250 2.0.0 ${echo}` }, DROP] }],
    ['the end, in two minds', { end: [TAKE, { raw: `250-${echo}\r\n554 ${echo}\r\n` }] }],
  ];
  for (const [name, script] of scripts)
    await t.test(name, async () => {
      await using server = await startFakeSmtp({ extensions: AUTH, script });
      await using outpost = await openOutpost(accountOn(server));
      await outpost.start();
      const { id } = await outpost.approve(contentTo(anna));
      const view = await outpost.until(
        id,
        ({ state, attempts }) => state !== 'sending' && (state !== 'queued' || attempts > 0),
      );
      // The check of an account tells what its server greets with before anybody knows the password.
      const check =
        name === 'greeting' ? null : await checkSmtp(accountOn(server), (open) => open(credentials));
      const rows = await outpost.store.db.selectFrom('submission_recipients').selectAll().execute();
      const told = JSON.stringify([view, check, rows, outpost.logs]).replaceAll('\\"', '"');
      assert.deepEqual(
        forms.filter((form) => told.includes(form.replace(/=+$/, ''))),
        [],
      );
    });
});

test('no address becomes a command or a parameter: it is refused before anything is said of it', async () => {
  await using server = await startFakeSmtp({ extensions: ['SIZE 1000000', 'DSN', '8BITMIME', 'SMTPUTF8'] });
  const evil = [
    'anna@example.com>\r\nRCPT TO:<evil@example.net',
    'anna@example.com\r\nDATA',
    'anna@example.com\nDATA',
    'anna@example.com\rDATA',
    'anna@example.com> NOTIFY=SUCCESS',
    'anna@example.com> ORCPT=rfc822;evil@example.net',
    '<anna@example.com',
    '',
  ];
  for (const address of evil)
    for (const envelope of [
      { from: USER, to: [address] },
      { from: USER, to: [anna, address] },
      ...(address === '' ? [] : [{ from: address, to: [anna] }]), // an empty one is that of a bounce
    ]) {
      const connection = await openSmtp(accountOn(server), credentials);
      const { recipients, response } = await connection.send(envelope, [mail], nothing);
      assert.equal(response, null);
      for (const { failure } of recipients)
        assert.deepEqual([failure?.kind, failure?.code], ['permanent', 'address_refused'], failure?.text);
    }
  assert.deepEqual(
    server.commands.filter((line) => !line.startsWith('EHLO')),
    [],
  );
});

test('what a server says ends no line of ours, and no text is longer than a person reads', async () => {
  await using server = await startFakeSmtp({
    script: {
      RCPT: replyOf(
        550,
        Array.from({ length: 50 }, () => `\x1b[31m\x00${'x'.repeat(400)}`),
      ),
    },
  });
  const connection = await openSmtp(accountOn(server), credentials);
  const { recipients } = await connection.send({ from: USER, to: [anna] }, [mail], nothing);
  const text = recipients[0]?.failure?.text ?? '';
  assert.ok(text.length <= 500);
  assert.doesNotMatch(text, /\p{Cc}/u);
});

test('every step has an end, for which the server is not needed', async (t) => {
  for (const stage of ['greeting', 'EHLO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA'] as const)
    for (const act of [HANG, { slow: `250 ${'x'.repeat(1_000)}`, everyMs: 100 }])
      await t.test(`${stage}: ${'slow' in act ? 'a byte now and then' : 'silence'}`, async () => {
        const security = stage === 'STARTTLS' ? 'starttls' : 'none';
        await using server = await startFakeSmtp({ security, extensions: AUTH, script: { [stage]: act } });
        const smtp = {
          host: server.host,
          port: server.port,
          security,
          ...(server.ca ? { ca: server.ca } : {}),
        };
        const account = accountOn(server, { smtp, timeout_ms: 1_000, require_tls: false });
        const startedAt = performance.now();
        await openSmtp(account, credentials)
          .then((connection) => connection.send({ from: USER, to: [anna] }, [mail], nothing))
          .then(
            ({ recipients }) => assert.equal(recipients[0]?.failure?.code, 'timeout'),
            (error: unknown) => assert.equal((error as { code: string }).code, 'timeout'),
          );
        const ms = performance.now() - startedAt;
        assert.ok(ms < 8_000, `it took ${Math.round(ms)} ms`);
        await eventually(() => server.open() === 0);
      });
});

test('an answer to the whole mail is waited for ten minutes, and not longer; what comes then changes nothing', async (t) => {
  const late = Promise.withResolvers<void>();
  await using server = await startFakeSmtp({
    script: { end: [TAKE, { after: () => late.promise }, '250 queued'] },
  });
  const connection = await openSmtp(accountOn(server), credentials);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const sending = connection.send({ from: USER, to: [anna] }, [mail], nothing);
  let over = false;
  void sending.then(() => {
    over = true;
  });
  await untilTaken();
  t.mock.timers.tick(9.9 * 60_000);
  await turns(20);
  assert.equal(over, false, 'it is still waited for');
  t.mock.timers.tick(60_000);
  const { recipients } = await sending;
  late.resolve();
  assert.deepEqual(
    [recipients[0]?.failure?.kind, recipients[0]?.failure?.code],
    ['unknown', 'outcome_unknown'],
  );
  assert.equal(connection.usable, false);

  async function untilTaken(): Promise<void> {
    while (server.taken.length === 0) await turns(1);
  }
  /** Turns of the event loop: timers stand still here. */
  async function turns(count: number): Promise<void> {
    for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
  }
});

test('floods of any kind end the connection with little memory and no standstill', async (t) => {
  const floods: [string, SmtpScript][] = [
    ['empty lines', { MAIL: { flood: '\r\n', bytes: 50_000_000 } }],
    ['bare line feeds', { RCPT: { flood: '\n', bytes: 50_000_000 } }],
    ['a line that never ends', { DATA: { flood: 'x', bytes: 50_000_000 } }],
    ['an answer that never ends', { end: { flood: '250-x\r\n', bytes: 50_000_000 } }],
    ['answers to nothing', { MAIL: { flood: '250 ok\r\n', bytes: 50_000_000 } }],
    ['white space', { end: { flood: ' \r\n', bytes: 50_000_000 } }],
  ];
  for (const [name, script] of floods)
    await t.test(name, async () => {
      await using server = await startFakeSmtp({ script });
      const connection = await openSmtp(accountOn(server), credentials);
      const before = process.memoryUsage().rss;
      let standstill = 0;
      let last = performance.now();
      const watch = setInterval(() => {
        standstill = Math.max(standstill, performance.now() - last);
        last = performance.now();
      }, 10);
      const { recipients } = await connection.send({ from: USER, to: [anna] }, [mail], nothing);
      clearInterval(watch);
      const grown = process.memoryUsage().rss - before;
      assert.notEqual(recipients[0]?.failure, null);
      assert.ok(grown < 64 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MB more`);
      assert.ok(standstill < 3_000, `a standstill of ${Math.round(standstill)} ms`);
      await eventually(() => server.open() === 0);
    });
});
