// Secrets are found in the usual disguises, and ordinary mail has none.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findSecrets } from './secrets.ts';

const PASSWORD = 'blue-Whale-42!x';
const TOKEN = `pst_${'aB3_'.repeat(10)}xyz`;
const rulesOf = (text: string): string[] =>
  findSecrets(text, (form) => form.includes(PASSWORD)).map(({ rule }) => rule);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const disguises: [what: string, disguise: (secret: string) => string][] = [
  ['as it is', (secret) => `Here it is: ${secret}.`],
  ['within a word', (secret) => `xx${secret}xx`],
  ['spelled with spaces', (secret) => [...secret].join(' ')],
  ['over several lines', (secret) => secret.replace(/.{5}/g, '$&\n')],
  ['with zero-width spaces', (secret) => [...secret].join('\u200b')],
  [
    'in full-width letters',
    (secret) => secret.replace(/[a-z]/g, (char) => String.fromCodePoint((char.codePointAt(0) ?? 0) + 0xfee0)),
  ],
  ['backwards', (secret) => [...secret].reverse().join('')],
  ['in base64', (secret) => `see ${base64(`the key is ${secret}`)}`],
  [
    'in base64 over lines',
    (secret) => base64(`the long key is ${secret}, keep it`).replace(/.{20}/g, '$&\n'),
  ],
  [
    'in base64 for addresses',
    (secret) => `https://a.example/?q=${Buffer.from(`key=${secret}`).toString('base64url')}`,
  ],
  ['in base64 behind a letter', (secret) => `x${base64(`the key is ${secret}, keep it`)}`],
  [
    'in base64 behind much that looks like it',
    (secret) => `${'internationalisation '.repeat(300)}${base64(`the key is ${secret}`)}`,
  ],
  ['at the end of a long run of base64', (secret) => base64(`${'word '.repeat(40_000)}${secret}`)],
  ['in hexadecimal digits behind one', (secret) => `a${Buffer.from(secret).toString('hex')}`],
  ['in hexadecimal digits', (secret) => Buffer.from(secret).toString('hex')],
  [
    'in digits with colons',
    (secret) =>
      Buffer.from(secret)
        .toString('hex')
        .replace(/..(?=.)/g, '$&:'),
  ],
  [
    'percent-encoded',
    (secret) => [...Buffer.from(secret)].map((octet) => `%${octet.toString(16).padStart(2, '0')}`).join(''),
  ],
];
for (const [what, disguise] of disguises)
  for (const secret of [PASSWORD, TOKEN])
    it(`${what}: ${secret.slice(0, 4)}…`, () =>
      assert.deepEqual(rulesOf(disguise(secret)), ['gateway_secret']));

for (const text of [
  `-----BEGIN RSA PRIVATE KEY-----\nMIIE`,
  'AKIAIOSFODNN7EXAMPLE',
  `ghp_${'a1B2'.repeat(9)}`,
  `sk-ant-api03-${'a1B2'.repeat(9)}`,
  `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(20)}`,
  'The password is Summer2026!',
  'Passwort: geheim99',
  '密码：abc12345',
  base64(`ghp_${'a1B2'.repeat(9)} is the key`),
])
  it(`asks about what looks like a credential: ${text.slice(0, 30)}`, () =>
    assert.deepEqual(rulesOf(text), ['credential']));

for (const text of [
  'Dear Ann, the pump X-200 costs 1,250.00 EUR. Article 4711-2026-08. Best regards, Bob',
  'You can reset your password here: https://company.example/reset',
  'Please choose a password with at least 12 characters.',
  'IBAN CH93 0076 2011 6238 5295 7, order 20261121-000123456789',
  'Message-ID <9f86d081884c7d659a2feaa0c55ad015@mail.example>',
  'word '.repeat(20_000),
])
  it(`says nothing of ordinary words: ${text.slice(0, 30)}`, () => assert.deepEqual(rulesOf(text), []));

it('is done in time, whatever the text', () => {
  for (const piece of ['A', 'a1', 'ab ', '%41', 'password ', '- ', 'eyJa.', 'sk-a-', '-eyJ'])
    for (const size of [300_000]) {
      const started = performance.now();
      findSecrets(piece.repeat(size / piece.length), () => false);
      assert.ok(performance.now() - started < 4_000, `${piece} took ${performance.now() - started} ms`);
    }
});
