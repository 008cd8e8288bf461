// Signatures made here, as two verifiers of other makes see them: dkimpy and mailauth, both against a name server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DraftContent } from '../../src/contracts/draft.ts';
import { type DkimKey, keyName, keyOf, keyRecord, makeKey } from '../../src/domains/dkim-key.ts';
import { dateLine } from '../../src/outbound/compose.ts';
import { signatureLines } from '../../src/outbound/dkim.ts';
import { Random } from '../proofs/random.ts';
import { composeMail } from '../support/compose-whole.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { type Verdicts, verifyMails } from '../support/verify-mail.ts';
import { contentTo } from './outbox-fixture.ts';

const DOMAIN = 'example.org';
const AT = Date.now() - 60_000;
const MB = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
let dns: TestDns;
let keys: { selector: string; key: DkimKey }[];

before(async () => {
  dns = await startDns();
  keys = [
    { selector: 'postern-rsa', key: await makeKey('rsa') },
    { selector: 'postern-ed', key: await makeKey('ed25519') },
  ];
  for (const { selector, key } of keys) {
    const { algorithm, publicKey } = key;
    dns.txt(
      keyName(selector, DOMAIN),
      keyRecord(DOMAIN, { selector, algorithm, public_key: publicKey }).value,
    );
  }
});
after(() => dns.stop());

const HELD: Verdicts = [
  ['postern-rsa', true],
  ['postern-ed', true],
];

/** A mail with both signatures, read in pieces of a given size. */
async function signed(mail: Buffer, pieceBytes = PIECE_BYTES): Promise<Buffer> {
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < mail.length; at += pieceBytes) yield mail.subarray(at, at + pieceBytes);
  }
  const lines = await signatureLines(pieces(), AT, async () => ({
    domain: DOMAIN,
    keys: keys.map(({ selector, key }) => ({
      selector,
      algorithm: key.algorithm,
      key: keyOf(key.secret),
    })),
  }));
  assert.ok(lines);
  return Buffer.concat([Buffer.from(lines), mail]);
}

async function composed(
  changes: Partial<DraftContent>,
  files: Parameters<typeof composeMail>[1] = [],
): Promise<Buffer> {
  const { raw } = await composeMail({ ...contentTo('anna@example.com'), ...changes }, files);
  return Buffer.concat([dateLine(AT), raw]);
}

const file = (filename: string, contentType: string, bytes: Buffer) => ({ filename, contentType, bytes });
const head = 'From: Sales <sales@example.org>\r\nTo: anna@example.com\r\n';

test('signatures of both kinds hold, whatever the mail is like', async () => {
  const noise = Buffer.alloc(20 * MB, 'Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich. ');
  const mails: Record<string, Buffer> = {
    plain: await composed({}),
    'UTF-8 subject': await composed({
      subject: 'Grüße aus Zürich — 日本語の件名, и ещё немного слов, чтобы строка была длинной',
    }),
    'html and attachments': await composed({ html: '<p>Grüße</p>', text: 'Grüße' }, [
      file('Angebot ü.pdf', 'application/pdf', Buffer.from([0, 13, 10, 46, 255])),
      file('b.txt', 'text/plain', Buffer.from('two\r\nlines\r\n')),
    ]),
    'long folded headers': await composed({
      references: Array.from({ length: 40 }, (_, index) => `<reference-${index}@long.example.net>`),
      to: Array.from({ length: 60 }, (_, index) => ({
        name: `Person Nummer ${index}`,
        address: `person${index}@example.com`,
      })),
    }),
    'all that a list writes': await composed({
      list_id: 'news.example.org',
      list_unsubscribe: { https: 'https://example.org/u/abc', mailto: 'u@example.org' },
      auto_submitted: 'auto-generated',
      reply_to: [{ name: '', address: 'answers@example.org' }],
    }),
    '20 MB': await composed({}, [file('noise.bin', 'application/octet-stream', noise)]),
    '8-bit': Buffer.from(
      `${head}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße \t 日本\r\n`,
    ),
    'empty body': Buffer.from(`${head}Subject: nothing\r\n\r\n`),
    'only blank lines': Buffer.from(`${head}\r\n\r\n\r\n \t\r\n\r\n`),
    'trailing blank lines': Buffer.from(`${head}\r\nHello\r\n\r\n \r\n\t\r\n\r\n`),
    'blank lines between': Buffer.from(`${head}\r\n\r\n\r\nHello \r\n\r\n\r\nyou\t\t there \r\n`),
    'no line end at the end': Buffer.from(`${head}\r\nHello`),
    'odd white space': Buffer.from(
      `${head}Subject:   much \t space\r\n \t and  folds\r\n\t  here  \r\nCc:\r\n b@example.com\r\n\r\nx\r\n`,
    ),
  };
  const names = Object.keys(mails);
  const results = await verifyMails(await Promise.all(Object.values(mails).map((mail) => signed(mail))), dns);
  for (const [index, { dkimpy, mailauth }] of results.entries()) {
    assert.deepEqual(dkimpy, HELD, `dkimpy: ${names[index]}`);
    assert.deepEqual(mailauth, HELD, `mailauth: ${names[index]}`);
  }
});

test('eighty mails drawn by chance, of white space above all, are signed as two others canonicalise them', async () => {
  const random = new Random(20261121);
  const some = (from: readonly string[], most: number): string =>
    Array.from({ length: random.between(0, most) }, () => random.pick(from)).join('');
  const mails = Array.from({ length: 80 }, () => {
    const folded = () => `${some([' ', '\t', 'a', '\r\n ', '\r\n\t', 'ü', ':', ';', '='], 12)}x`;
    const fields = [
      head.trimEnd(),
      ...['Subject', 'cC', 'X-Other', 'Reply-to', 'REFERENCES', 'List-Id']
        .filter(() => random.chance(0.6))
        .map((name) => `${name}:${folded()}`),
    ];
    // Whole lines, as SMTP carries them and compose.ts makes them.
    const text = some([' ', '\t', 'b', '\r\n', '\r\n', ' \r\n', '.', '日', '  '], 60);
    const body = text === '' ? '' : `${text}\r\n`;
    return Buffer.from(`${random.shuffled(fields).join('\r\n')}\r\n\r\n${body}`);
  });
  const cut = random.between(1, 50);
  const results = await verifyMails(await Promise.all(mails.map((mail) => signed(mail, cut))), dns);
  for (const [index, { dkimpy, mailauth }] of results.entries())
    assert.deepEqual([dkimpy, mailauth], [HELD, HELD], JSON.stringify(mails[index]?.toString()));
});

test('how a mail is cut into pieces makes no difference', async () => {
  const mail = Buffer.from(`${head}Subject: pieces\r\n\r\n a  b \r\n\r\n\r\nc\t \r\n\r\n  \r\n\r\n`);
  const whole = await signed(mail);
  for (const pieceBytes of [1, 2, 3, 7, 64])
    assert.equal((await signed(mail, pieceBytes)).toString('latin1'), whole.toString('latin1'));
});

test('what is changed or added on the way breaks both signatures', async () => {
  const mail = (
    await signed(
      await composed({
        reply_to: [{ name: '', address: 'answers@example.org' }],
        cc: [{ name: '', address: 'bert@example.com' }],
        list_unsubscribe: { https: 'https://example.org/u/abc' },
      }),
    )
  ).toString('latin1');
  const changed: Record<string, string> = {
    subject: mail.replace('Subject: Your quote', 'Subject: Your bill'),
    from: mail.replace('From: Sales', 'From: Boss'),
    to: mail.replace('To: anna@', 'To: hanna@'),
    cc: mail.replace('Cc: bert@', 'Cc: albert@'),
    date: mail.replace(/Date: \w{3}/, 'Date: Xxx'),
    'reply-to': mail.replace('answers@', 'other@'),
    'way off the list': mail.replace('/u/abc', '/u/abd'),
    'content type': mail.replace('text/plain', 'text/html'),
    body: mail.replace('two dots', 'two d0ts'),
    'a line more at the end': `${mail}more\r\n`,
    'a second From above': mail.replace(/(?=Date: )/, 'From: boss@example.org\r\n'),
    'a second From below': mail.replace(/(?=\r\n\r\n)/, '\r\nFrom: boss@example.org'),
    'a second Subject': mail.replace(/(?=\r\n\r\n)/, '\r\nSubject: Other'),
    'a header that it did not have': mail.replace(/(?=\r\n\r\n)/, '\r\nIn-Reply-To: <other@example.org>'),
  };
  const mails = Object.entries(changed);
  for (const [name, text] of mails) assert.notEqual(text, mail, `${name} was not changed`);
  const results = await verifyMails(
    mails.map(([, text]) => Buffer.from(text, 'latin1')),
    dns,
  );
  for (const [index, { dkimpy, mailauth }] of results.entries())
    for (const [selector, verdict] of [...dkimpy, ...mailauth])
      assert.notEqual(verdict, true, `${selector} holds for: ${mails[index]?.[0]}`);
});

test('a signature covers a way off the list, and its lines are short', async () => {
  const mail = await signed(await composed({ list_unsubscribe: { https: 'https://example.org/u/abc' } }));
  const fields = mail
    .toString('latin1')
    .split(/\r\n(?![ \t])/)
    .slice(0, 2);
  for (const field of fields) {
    assert.match(field, /^DKIM-Signature: v=1;/);
    const covered = /h=([^;]+);/.exec(field.replace(/\s+/g, ''))?.[1]?.split(':') ?? [];
    for (const name of ['From', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'Content-Type'])
      assert.ok(covered.includes(name), `${name} in ${covered.join(':')}`);
    assert.equal(covered.filter((name) => name === 'From').length, 2);
    assert.doesNotMatch(field, /[; ]l=/);
    for (const line of field.split('\r\n')) assert.ok(line.length <= 78, line);
  }
});
