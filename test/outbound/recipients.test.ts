// Recipients that somebody wrote to deceive: each is refused, or RCPT TO says byte for byte what a person saw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import { parseRecipient } from '../../src/mail/recipient.ts';
import { openSmtp } from '../../src/outbound/smtp.ts';
import { composeMail } from '../support/compose-whole.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { accountOn, contentTo, PASSWORD, USER } from './outbox-fixture.ts';
import { startWireRecorder } from './wire-recorder.ts';

const credentials = { type: 'basic', username: USER, password: PASSWORD } as const;
const long = (count: number): string => 'a'.repeat(count);

const REFUSED = [
  // nothing, or no address
  '',
  ' ',
  'anna',
  '@',
  'anna@',
  '@example.com',
  '<>',
  '<@>',
  'Anna',
  'Anna <>',
  'Anna <anna>',
  'anna@@example.com',
  'anna@b@example.com',
  // line ends and other control characters
  'anna@example.com\r\nBcc: evil@example.net',
  'anna@example.com\nRCPT TO:<evil@example.net>',
  'anna@example.com\r',
  '\nanna@example.com',
  'anna@example.com\0',
  'anna\0@example.com',
  'anna@exam\0ple.com',
  'anna\t@example.com',
  '\tanna@example.com',
  'anna@example.com\x0b',
  'anna@example.com\x7f',
  'anna@example.com\x85evil@example.net',
  'anna@example.com\u2028evil@example.net',
  'Anna\r\nBcc: evil@example.net <anna@example.com>',
  '"Anna\r\n" <anna@example.com>',
  'Anna <anna@example.com\r\n>',
  // what cannot be seen, or turns around what can
  'anna\u200b@example.com',
  'anna@exam\u00adple.com',
  'anna@\ufeffexample.com',
  '\u202emoc.elpmaxe@anna <anna@example.com>',
  'Anna \u2066evil\u2069 <anna@example.com>',
  'Anna\ud800 <anna@example.com>',
  // several
  'anna@example.com, evil@example.net',
  'anna@example.com,evil@example.net',
  'anna@example.com;evil@example.net',
  'anna@example.com evil@example.net',
  'Anna <anna@example.com>, Evil <evil@example.net>',
  'Anna <anna@example.com>; Evil <evil@example.net>',
  'Anna <anna@example.com> Evil <evil@example.net>',
  'evil@example.net <anna@example.com>',
  'evil@example.net, Anna <anna@example.com>',
  'Muster, Anna <anna@example.com>',
  // groups
  'friends:anna@example.com;',
  'friends: anna@example.com, evil@example.net;',
  'undisclosed-recipients:;',
  'friends:Anna <anna@example.com>;',
  // comments
  'anna(hidden)@example.com',
  'anna@example.com (evil@example.net)',
  '(evil@example.net) anna@example.com',
  'anna@(evil.net)example.com',
  'Anna (evil) <anna@example.com>',
  'Anna <anna(evil)@example.com>',
  // quoted local parts
  '"anna"@example.com',
  '"anna@evil.net"@example.com',
  '"anna muster"@example.com',
  '"anna\\"@evil.net"@example.com',
  '"evil@example.net>"@example.com',
  '"xclow3n@gmail.com x"@internal.example',
  'anna."b".c@example.com',
  '""@example.com',
  '" "@example.com',
  'Anna <"anna@evil.net"@example.com>',
  'anna@evil.net\\@example.com',
  // routes and brackets
  '<anna@example.com>',
  '<@evil.net:anna@example.com>',
  'Anna <@evil.net,@b.net:anna@example.com>',
  '<<anna@example.com>>',
  'Anna <<anna@example.com>>',
  'Anna <anna@example.com>>',
  'Anna <anna@example.com> x',
  'Anna anna@example.com>',
  'Anna <anna@example.com',
  'anna>@example.com',
  'anna<@example.com',
  'Anna <anna@example.com> <evil@example.net>',
  '<evil@example.net> <anna@example.com>',
  'Anna <anna@example.com> NOTIFY=SUCCESS',
  'anna@example.com> SIZE=1',
  'anna@example.com> ORCPT=rfc822;evil@example.net',
  // paths of old
  'evil.net!anna',
  'evil.net!anna@',
  'anna%evil.net@',
  'mailto:anna@example.com',
  'postmaster',
  // local parts
  '.anna@example.com',
  'anna.@example.com',
  'anna..muster@example.com',
  'anna muster@example.com',
  'anna @example.com',
  'anna:b@example.com',
  'anna[b]@example.com',
  'anna\\b@example.com',
  `${long(65)}@example.com`,
  'änna@example.com',
  'ａnna@example.com',
  'аnna@example.com', // the first letter is Cyrillic
  '用户@例子.广告',
  'Anna <jõgeva@example.com>',
  // domains
  'anna@localhost',
  'anna@com',
  'anna@.com',
  'anna@example.',
  'anna@example.com.',
  'anna@example..com',
  'anna@-example.com',
  'anna@example-.com',
  'anna@exa_mple.com',
  'anna@exa mple.com',
  'anna@ example.com',
  'anna@exam%70le.com',
  'anna@example.com%0d%0a',
  'anna@example.com/evil',
  'anna@example.com:25',
  'anna@example.com?x',
  'anna@example.com#x',
  'anna@[127.0.0.1]',
  'anna@[IPv6:::1]',
  'anna@[x@evil.net]',
  'anna@127.0.0.1',
  'anna@127.1',
  'anna@2130706433',
  'anna@0x7f.1',
  'anna@1.2.3.4.5',
  'anna@ｅxample.com', // a full-width letter, which the URL standard folds
  'anna@example。com', // an ideographic full stop
  'anna@exam℀ple.com',
  'anna@xn--a.com',
  'anna@xn--.com',
  `anna@${long(64)}.com`,
  `anna@${Array(60).fill('abcd').join('.')}.example`,
  `${long(64)}@${long(63)}.${long(63)}.${long(63)}`,
  `${long(1000)} <anna@example.com>`,
  // names
  '=?utf-8?q?Anna?= <anna@example.com>',
  '=?utf-8?b?QW5uYQ==?= <anna@example.com>',
  '"=?utf-8?q?evil=40example.net?=" <anna@example.com>',
  '"Anna <anna@example.com>',
  'Anna" <anna@example.com>',
  '"Anna" Muster <anna@example.com>',
  '"Anna\\n" <anna@example.com>',
  '"" <anna@example.com>',
  '" " <anna@example.com>',
  'Anna \\" <anna@example.com>',
];

const TAKEN: [string, string, string][] = [
  ['anna@example.com', '', 'anna@example.com'],
  ['  anna@example.com ', '', 'anna@example.com'],
  ['Anna <anna@example.com>', 'Anna', 'anna@example.com'],
  ['Anna<anna@example.com>', 'Anna', 'anna@example.com'],
  ['Dr. Anna M. Muster <anna@example.com>', 'Dr. Anna M. Muster', 'anna@example.com'],
  ['"Muster, Anna" <anna@example.com>', 'Muster, Anna', 'anna@example.com'],
  ['"evil@example.net" <anna@example.com>', 'evil@example.net', 'anna@example.com'],
  ['"A \\"B\\" \\\\ C" <anna@example.com>', 'A "B" \\ C', 'anna@example.com'],
  ['Änna Müller <anna@example.com>', 'Änna Müller', 'anna@example.com'],
  ['山田 <yamada@example.jp>', '山田', 'yamada@example.jp'],
  ["O'Hara <o'hara@example.com>", "O'Hara", "o'hara@example.com"],
  ['Anna.Muster+offers@Example.COM', '', 'Anna.Muster+offers@Example.COM'],
  ["!#$%&'*+-/=?^_`{|}~@example.com", '', "!#$%&'*+-/=?^_`{|}~@example.com"],
  ['anna%evil.net@example.com', '', 'anna%evil.net@example.com'],
  ['evil.net!anna@example.com', '', 'evil.net!anna@example.com'],
  ['-f@example.com', '', '-f@example.com'],
  ['anna@münchen.example', '', 'anna@xn--mnchen-3ya.example'],
  ['anna@xn--mnchen-3ya.example', '', 'anna@xn--mnchen-3ya.example'],
  ['anna@例子.example', '', 'anna@xn--fsqu00a.example'],
  ['anna@1a.example', '', 'anna@1a.example'],
  [`${long(64)}@example.com`, '', `${long(64)}@example.com`],
];

test('at least a hundred hostile recipients are refused, each in one line that says why', () => {
  assert.ok(new Set(REFUSED).size >= 100);
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
