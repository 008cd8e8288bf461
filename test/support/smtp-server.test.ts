import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTransport } from 'nodemailer';
import { requireService } from './services.ts';
import { type FaultPoint, startSmtpServer, type TestSmtpServer } from './smtp-server.ts';

const skip = requireService('openssl');
const raw = 'Subject: hi\r\n\r\n.dot\r\nend\r\n';
const envelope = { from: 'a@example.org', to: ['b@example.net', 'c@example.net'] };

function send(server: TestSmtpServer, options: object = {}): Promise<{ rejected: string[] }> {
  const transport = createTransport({
    host: server.host,
    port: server.port,
    ignoreTLS: true,
    socketTimeout: 300,
    greetingTimeout: 300,
    ...options,
  });
  return transport.sendMail({ raw, envelope }) as unknown as Promise<{ rejected: string[] }>;
}

test('it takes a mail and keeps its envelope and its exact content', async () => {
  await using server = await startSmtpServer();
  await send(server);
  const [mail] = await server.waitFor(1);
  assert.equal(mail?.envelopeFrom, envelope.from);
  assert.deepEqual(mail.recipients, envelope.to);
  assert.equal(mail.raw.toString(), raw);
  assert.equal(mail.secure, false);
});

test('it takes only who signs in, over STARTTLS and over TLS', { skip }, async () => {
  for (const security of ['starttls', 'tls'] as const) {
    await using server = await startSmtpServer({ security, users: { anna: 'right' } });
    const tls = { ignoreTLS: false, secure: security === 'tls', requireTLS: true, tls: { ca: server.ca } };
    await assert.rejects(send(server, { ...tls, auth: { user: 'anna', pass: 'wrong' } }), {
      responseCode: 535,
    });
    await send(server, { ...tls, auth: { user: 'anna', pass: 'right' } });
    assert.deepEqual(
      server.messages().map(({ secure, user }) => ({ secure, user })),
      [{ secure: true, user: 'anna' }],
    );
  }
});

test('a server with an expired certificate is not trusted', { skip }, async () => {
  await using server = await startSmtpServer({ security: 'tls', certificate: 'expired' });
  await assert.rejects(send(server, { secure: true, tls: { ca: server.ca } }), /expired/);
});

test('every point of a transaction can be answered with a code, once', async () => {
  for (const at of ['connect', 'mail', 'rcpt', 'data', 'end'] as FaultPoint[]) {
    await using server = await startSmtpServer({
      faults: [{ at, does: { code: 451, text: '4.3.0 Later' }, times: at === 'rcpt' ? 2 : 1 }],
    });
    await assert.rejects(send(server), { responseCode: 451 }, at);
    assert.deepEqual(server.messages(), [], at);
    await send(server);
    assert.equal(server.messages().length, 1, at);
  }
});

test('every point of a transaction can drop the connection, or hang', async () => {
  for (const at of ['connect', 'mail', 'rcpt', 'data', 'content', 'end'] as FaultPoint[]) {
    for (const does of ['drop', 'hang'] as const) {
      await using server = await startSmtpServer({ faults: [{ at, does }] });
      const struck = server.nextFault();
      await assert.rejects(
        send(server),
        (error: { responseCode?: number }) => error.responseCode === undefined,
      );
      assert.equal((await struck).at, at);
      assert.equal(server.received.length, at === 'end' ? 1 : 0, `${at} ${does}`);
      assert.deepEqual(server.messages(), []);
    }
  }
});

test('one recipient can be refused while the others are taken', async () => {
  const fault = {
    at: 'rcpt',
    recipient: 'c@example.net',
    does: { code: 550, text: '5.1.1 Unknown' },
  } as const;
  await using server = await startSmtpServer({ faults: [fault] });
  assert.deepEqual((await send(server)).rejected, ['c@example.net']);
  assert.deepEqual(server.messages()[0]?.recipients, ['b@example.net']);
});

test('a message over the limit is refused', async () => {
  await using server = await startSmtpServer({ maxBytes: 10 });
  await assert.rejects(send(server), { responseCode: 552 });
  assert.deepEqual(server.messages(), []);
});
