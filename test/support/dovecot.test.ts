import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createTransport } from 'nodemailer';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from './dovecot.ts';
import { ImapClient } from './imap-client.ts';
import { requireService } from './services.ts';
import { startSmtpServer } from './smtp-server.ts';

const skip = requireService('dovecot', 'openssl');
const mail = (subject: string): string =>
  `From: a@example.org\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n`;

let dovecot: Dovecot;
before(async () => {
  if (!skip) dovecot = await startDovecot({ users: { 'sales@example.org': DEFAULT_PASSWORD } });
});
after(async () => dovecot?.stop());

test('a delivered mail is there with its exact bytes, flags and date', { skip }, async () => {
  await dovecot.addUser('anna');
  const raw = Buffer.from('Subject: \xff\r\n\r\n.\r\nlast line without end', 'latin1');
  const internalDate = new Date('2026-01-02T03:04:05Z');
  const { uid } = await dovecot.deliver('anna', raw, 'INBOX', {
    flags: ['\\Seen', 'Agent/Quotes'],
    internalDate,
  });
  assert.deepEqual(await dovecot.fetchAll('anna'), [
    { uid, flags: ['\\Seen', 'Agent/Quotes'], internalDate, raw },
  ]);
});

test('mailboxes are made on delivery, and a missing one is empty', { skip }, async () => {
  await dovecot.addUser('ben');
  assert.deepEqual(await dovecot.fetchAll('ben', 'Nowhere'), []);
  await dovecot.deliver('ben', mail('one'), 'Suppliers/Invoices');
  assert.equal((await dovecot.list('ben', 'Suppliers/Invoices')).length, 1);
  assert.deepEqual(await dovecot.list('ben', 'Sent'), []);
});

test('moving a mail takes it out of one mailbox and into the other', { skip }, async () => {
  await dovecot.addUser('cleo');
  const { uid } = await dovecot.deliver('cleo', mail('one'));
  await dovecot.move('cleo', uid, 'Done');
  assert.deepEqual(await dovecot.list('cleo'), []);
  assert.equal((await dovecot.list('cleo', 'Done')).length, 1);
});

test('a changed UIDVALIDITY keeps the mails, and renumbers them when asked', { skip }, async () => {
  await dovecot.addUser('dora');
  await dovecot.deliverMany('dora', [mail('one'), mail('two')]);
  const first = await dovecot.uidValidity('dora');
  const second = await dovecot.changeUidValidity('dora');
  assert.notEqual(second, first);
  assert.equal(await dovecot.uidValidity('dora'), second);
  assert.deepEqual(
    (await dovecot.list('dora')).map(({ uid }) => uid),
    [1, 2],
  );
  const third = await dovecot.changeUidValidity('dora', 'INBOX', { renumber: true });
  assert.equal(await dovecot.uidValidity('dora'), third);
  const uids = (await dovecot.list('dora')).map(({ uid }) => uid);
  assert.equal(uids.length, 2);
  assert.notDeepEqual(uids, [1, 2]);
});

test('a kicked user is disconnected, and a restart keeps mail and ports', { skip }, async () => {
  await dovecot.addUser('emil');
  await dovecot.deliver('emil', mail('one'));
  const socket = connect(dovecot.imapPort, '127.0.0.1');
  socket.write(`a LOGIN emil "${DEFAULT_PASSWORD}"\r\n`);
  let heard = '';
  while (!heard.includes('a OK')) heard += String((await once(socket, 'data'))[0]);
  const closed = once(socket, 'close');
  await dovecot.kick('emil');
  await closed;
  await dovecot.restart();
  assert.equal((await dovecot.list('emil')).length, 1);
});

test('a wrong password is refused, and a changed one takes the place of the old', { skip }, async () => {
  await assert.rejects(
    ImapClient.open(dovecot.imapPort, 'sales@example.org', 'wrong'),
    /AUTHENTICATIONFAILED/,
  );
});

test('IMAPS shows a certificate that the test authority vouches for', { skip }, async () => {
  const socket = connectTls({ host: '127.0.0.1', port: dovecot.imapsPort, ca: dovecot.ca });
  await once(socket, 'secureConnect');
  assert.equal(socket.authorized, true);
  socket.destroy();
});

test('a server can be without STARTTLS, without IDLE, or with a bad certificate', { skip }, async () => {
  const [plain, expired] = await Promise.all([
    startDovecot({ noStartTls: true, noIdle: true, users: { fay: DEFAULT_PASSWORD } }),
    startDovecot({ certificate: 'expired', format: 'maildir', users: { fay: DEFAULT_PASSWORD } }),
  ]);
  try {
    const capabilities = async (server: Dovecot): Promise<string> => {
      const { responses } = await (await server.client('fay')).command('CAPABILITY');
      return responses[0]?.text ?? '';
    };
    assert.doesNotMatch(await capabilities(plain), /IDLE/);
    assert.match(await capabilities(expired), / IDLE/);
    const socket = connect(plain.imapPort, '127.0.0.1');
    assert.doesNotMatch(String((await once(socket, 'data'))[0]), /STARTTLS/);
    socket.destroy();
    const [error] = await once(
      connectTls({ host: '127.0.0.1', port: expired.imapsPort, ca: expired.ca }),
      'error',
    ).catch((cause: unknown) => [cause]);
    assert.equal((error as { code?: string }).code, 'CERT_HAS_EXPIRED');
  } finally {
    await Promise.all([plain.stop(), expired.stop()]);
  }
});

test('the submission service signs people in and relays what they send', { skip }, async () => {
  await using relay = await startSmtpServer();
  await using server = await startDovecot({ relayTo: relay, users: { 'gil@example.org': DEFAULT_PASSWORD } });
  const submit = (pass: string): Promise<unknown> =>
    createTransport({
      host: server.host,
      port: server.submissionPort,
      requireTLS: true,
      tls: { ca: server.ca },
      auth: { user: 'gil@example.org', pass },
    }).sendMail({ raw: mail('out'), envelope: { from: 'gil@example.org', to: ['b@example.net'] } });
  await assert.rejects(submit('wrong'), { responseCode: 535 });
  await submit(DEFAULT_PASSWORD);
  const [sent] = await relay.waitFor(1);
  assert.deepEqual(sent?.recipients, ['b@example.net']);
  assert.match(String(sent.raw), /Subject: out\r\n/);
});
