// Recipients that somebody wrote to deceive: each is refused, or RCPT TO says byte for byte what a person saw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import { parseRecipient } from '../../src/mail/recipient.ts';
import { openSmtp } from '../../src/outbound/smtp.ts';
import { composeMail } from '../support/compose-whole.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { REFUSED, TAKEN } from './hostile-addresses.ts';
import { accountOn, contentTo, PASSWORD, USER } from './outbox-fixture.ts';
import { startWireRecorder } from './wire-recorder.ts';

const credentials = { type: 'basic', username: USER, password: PASSWORD } as const;
test('at least three hundred hostile recipients are refused, each in one line that says why', () => {
  assert.ok(new Set(REFUSED).size >= 300);
  for (const text of REFUSED) {
    assert.throws(
      () => parseRecipient(text),
      (error) => {
        assert.ok(error instanceof PosternError, `${JSON.stringify(text)}: ${error}`);
        assert.equal(error.code, 'recipient_invalid');
        assert.doesNotMatch(error.message, /[\p{Cc}\p{Zl}\p{Zp}\u202e\u2066]/u);
        assert.ok(error.message.length < 300);
        return true;
      },
      `${JSON.stringify(text)} was taken`,
    );
  }
});

for (const [text, name, address] of TAKEN) {
  test(`${text.slice(0, 50)} is ${address.slice(0, 50)}`, () => {
    assert.deepEqual(parseRecipient(text), { name, address });
  });
}

test('a megabyte of nearly an address is refused at once', () => {
  for (const text of [
    `${'a.'.repeat(500_000)}@b`,
    '<'.repeat(1_000_000),
    '"\\"'.repeat(300_000),
    ' '.repeat(1_000_000),
  ]) {
    const before = performance.now();
    assert.throws(() => parseRecipient(text), { code: 'recipient_invalid' });
    assert.ok(performance.now() - before < 100);
  }
});

test('what is taken is what RCPT TO says, byte for byte, and what the server delivers to', async () => {
  const addresses = [...new Set(TAKEN.map(([text]) => parseRecipient(text).address))];
  const { raw, envelope } = await composeMail(contentTo(...addresses), []);
  // Addresses that differ in nothing but the domain's case are one.
  assert.deepEqual(envelope.to, addresses);

  for (const extensions of [
    [],
    ['PIPELINING'],
    ['SMTPUTF8', '8BITMIME', 'DSN', 'SIZE 99999999', 'PIPELINING'],
  ]) {
    await using wire = await startWireRecorder({ extensions });
    const connection = await openSmtp(accountOn(wire), credentials);
    const { recipients } = await connection.send(envelope, [raw], async () => undefined);
    connection.close();
    assert.ok(recipients.every(({ failure }) => failure === null));
    const said = wire.commands().filter((line) => line.startsWith('RCPT'));
    assert.deepEqual(
      said,
      addresses.map((address) => `RCPT TO:<${address}>`),
    );
    assert.equal(wire.commands().filter((line) => line.startsWith('MAIL')).length, 1);
  }

  await using server = await startSmtpServer({ users: { [USER]: PASSWORD } });
  const connection = await openSmtp(accountOn(server), credentials);
  for (const address of addresses) {
    await connection.send({ from: USER, to: [address] }, [raw], async () => undefined);
  }
  connection.close();
  assert.equal(server.messages().length, addresses.length);
});

test('what parseRecipient refuses cannot get around it by the way of a draft', async () => {
  for (const address of [
    'a@b.com>\r\nRCPT TO:<evil@example.net',
    'x@y.z, evil@example.net',
    '"a@b"@example.com',
  ]) {
    const content = contentTo('anna@example.com');
    await assert.rejects(composeMail({ ...content, bcc: [{ name: '', address }] }, []), {
      code: 'recipient_invalid',
    });
    await assert.rejects(composeMail({ ...content, from: { name: '', address } }, []), {
      code: 'recipient_invalid',
    });
  }
});
