// What warns of a mail, whoever it is proved to be from.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrustFlag } from '../../contracts/mail.ts';
import { metadataOf } from '../metadata.ts';
import { KnownPeople } from './known-people.ts';
import { flagsOf } from './look-alikes.ts';
import { hasMixedScripts, skeletonOf } from './skeleton.ts';

const known = new KnownPeople();
known.add({ name: 'Anna Keller', address: 'anna@example.org' });
known.add({ name: 'Bob Stone', address: 'bob@mueller-bank.example' });
known.add({ name: '', address: 'carol.lind@gmail.com' });

const mail = (...headers: string[]) =>
  metadataOf({ headers: Buffer.from(`${headers.join('\r\n')}\r\n\r\n`), bodyStructure: undefined, size: 1 });

const cases: [what: string, headers: string[], flags: TrustFlag[]][] = [
  ['an ordinary mail', ['From: Anna Keller <anna@example.org>'], []],
  ['a stranger', ['From: Zoe Park <zoe@park.example>'], []],
  ['a name that is the address', ['From: "anna@example.org" <anna@example.org>'], []],
  [
    'a name that shows another address',
    ['From: "anna@example.org" <x@evil.example>'],
    ['name-shows-address'],
  ],
  [
    'another address within the name',
    ['From: "Anna (anna@example.org)" <x@evil.example>'],
    ['name-shows-address'],
  ],
  [
    'an encoded name that shows another address',
    ['From: =?utf-8?q?anna=40example.org?= <x@evil.example>'],
    ['name-shows-address'],
  ],
  [
    'a name with an at sign of full width',
    ['From: =?utf-8?b?YW5uYe+8oGV4YW1wbGUub3Jn?= <x@evil.example>'],
    ['name-shows-address'],
  ],
  ['an at sign that makes no address', ['From: "Anna @ work" <anna@example.org>'], []],
  ['Reply-To at another host of the domain', ['From: a@example.org', 'Reply-To: b@mail.example.org'], []],
  ['Reply-To in another domain', ['From: a@example.org', 'Reply-To: a@example.net'], ['reply-to-elsewhere']],
  [
    'Reply-To at another customer of a public suffix',
    ['From: a@one.co.uk', 'Reply-To: a@two.co.uk'],
    ['reply-to-elsewhere'],
  ],
  [
    'one of several in Reply-To elsewhere',
    ['From: a@example.org', 'Reply-To: a@example.org, c@evil.example'],
    ['reply-to-elsewhere'],
  ],
  [
    'a Cyrillic letter among Latin ones in the name',
    ['From: =?utf-8?b?0JBubmE=?= <a@example.net>'],
    ['mixed-scripts'],
  ],
  ['a name in Russian', ['From: =?utf-8?b?0JDQvdC90LA=?= <a@example.net>'], []],
  [
    'a Japanese name with Latin letters',
    ['From: =?utf-8?b?5bGx55SwVGFyb+OCv+ODreOCpg==?= <a@example.net>'],
    [],
  ],
  [
    'a domain of mixed scripts, in its ASCII form',
    ['From: a@xn--exmple-4nf.org'], // a Cyrillic а
    ['mixed-scripts', 'lookalike'],
  ],
  ['a digit in place of a letter', ['From: anna@examp1e.org'], ['lookalike']],
  ['rn in place of m', ['From: bob@rnueller-bank.example'], ['lookalike']],
  ['a hyphen less', ['From: bob@muellerbank.example'], ['lookalike']],
  ['another person of a known domain', ['From: ben@example.org'], []],
  ['a known person in other letters of case', ['From: ANNA@EXAMPLE.ORG'], []],
  ['a local part that looks the same', ['From: caro1.lind@gmail.com'], ['lookalike']],
  ['a local part without its dot is another address', ['From: carollind@gmail.com'], []],
  ['a known name at another address', ['From: Anna Keller <anna.keller@evil.example>'], ['name-of-another']],
  ['a known name turned round', ['From: "Keller, Anna" <x@evil.example>'], ['name-of-another']],
  ['several From headers', ['From: a@example.net', 'From: b@example.net'], ['several-from']],
  ['several addresses in one From', ['From: a@example.net, b@example.net'], ['several-from']],
  ['no From', ['Subject: x'], []],
];

describe('flags', () => {
  for (const [what, headers, flags] of cases)
    test(what, () => {
      assert.deepEqual(flagsOf(mail(...headers), known), flags);
    });

  test('without knowing anybody, only what the mail itself shows is said', () => {
    assert.deepEqual(flagsOf(mail('From: Anna Keller <anna@examp1e.org>'), null), []);
  });
});

test('a text of one script is not mixed, whatever the script', () => {
  for (const text of ['Ελένη', 'Иван Петров', '김철수', 'Łukasz Ørsted', 'straße', 'محمد'])
    assert.equal(hasMixedScripts(text), false, text);
});

test('texts that look alike have one skeleton', () => {
  for (const [one, other] of [
    ['paypal.com', 'раураl.com'],
    ['microsoft.com', 'rnicrosoft.com'],
    ['example.org', 'exаmple.org'],
    ['GOOGLE.com', 'g00gle.com'],
  ] as const)
    assert.equal(skeletonOf(one), skeletonOf(other), other);
});
