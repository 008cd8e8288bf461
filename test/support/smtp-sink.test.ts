import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTransport } from 'nodemailer';
import { requireService } from './services.ts';
import { parseDump, startSmtpSink } from './smtp-sink.ts';

const skip = requireService('smtp-sink');
const raw = 'Received: from a friend\r\nSubject: hi\r\n\r\n.dot\r\nend\r\n';
const envelope = { from: 'a@example.org', to: ['b@example.net', '"c d"@example.net'] };

test('what was sent is there with its envelope and its exact content', { skip }, async () => {
  await using sink = await startSmtpSink();
  const transport = createTransport({ host: sink.host, port: sink.port });
  await transport.sendMail({ raw, envelope });
  await transport.sendMail({
    raw: 'Subject: second\r\n\r\n\r\n',
    envelope: { from: '', to: ['q@example.net'] },
  });
  const [first, second] = await sink.waitFor(2);
  assert.equal(first?.envelopeFrom, 'a@example.org');
  assert.deepEqual(first.recipients, envelope.to);
  assert.equal(first.raw.toString(), raw);
  assert.equal(second?.envelopeFrom, '');
  assert.equal(second.raw.toString(), 'Subject: second\r\n\r\n\r\n');
});

test('a command can be made to fail', { skip }, async () => {
  await using sink = await startSmtpSink({ args: ['-r', 'RCPT'] });
  const transport = createTransport({ host: sink.host, port: sink.port });
  await assert.rejects(transport.sendMail({ raw, envelope }), { responseCode: 450 });
  assert.deepEqual(await sink.messages(), []);
});

test('waiting for a message that does not come ends with an error', { skip }, async () => {
  await using sink = await startSmtpSink();
  await assert.rejects(sink.waitFor(1, 20), /has 0 messages, not 1/);
});

test('parameters of MAIL and RCPT are kept apart from the addresses', () => {
  const dump = parseDump(
    Buffer.from(
      'X-Client-Addr: 127.0.0.1\nX-Client-Proto: ESMTP\nX-Mail-Args: <a@b.example> SIZE=100\n' +
        'X-Rcpt-Args: <"x>y"@d.example> NOTIFY=FAILURE\n' +
        'Received: from x ([127.0.0.1])\n\tby smtp-sink (smtp-sink) with ESMTP id 1;\n\tFri, 20 Nov 2026\n' +
        'Received: by me\n\tthere\n\nbody\n\n',
    ),
  );
  assert.deepEqual(dump.recipients, ['"x>y"@d.example']);
  assert.equal(dump.mailArguments, '<a@b.example> SIZE=100');
  assert.equal(dump.raw.toString(), 'Received: by me\r\n\tthere\r\n\r\nbody\r\n');
});
