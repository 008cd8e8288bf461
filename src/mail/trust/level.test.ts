// From what is asserted and what is found to the trust that counts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Trust } from '../../contracts/mail.ts';
import { metadataOf } from '../metadata.ts';
import type { Authenticity } from './authenticate.ts';
import { checkedTrust, uncheckedTrust, unprovable } from './level.ts';

const unverified: Trust = {
  level: 'unverified',
  ...{ dkim: 'none', spf: 'pass', dmarc: 'none', arc: 'none' },
  reason: 'nothing is said',
  flags: ['lookalike'],
  checked: false,
};
const asserted: Trust = { ...unverified, level: 'asserted', dmarc: 'pass', reason: 'mx says so' };
const proof: Authenticity = {
  signer: 'example.org',
  from: ['anna@example.org'],
  ...{ dkim: 'pass', dmarc: 'pass', arc: 'none' },
  reason: 'a signature of example.org holds',
  temporary: false,
};
const mail = (...headers: string[]) =>
  metadataOf({
    headers: Buffer.from(`${headers.join('\r\n')}\r\n\r\n`),
    bodyStructure: undefined,
    size: 1,
  });
const anna = mail('From: anna@example.org');

describe('trust once the signatures were checked', () => {
  it('is verified by a proof, and keeps what only the server knows, and the warnings', () => {
    const { level, spf, flags, checked } = checkedTrust(unverified, proof, anna);
    assert.deepEqual([level, spf, flags, checked], ['verified', 'pass', ['lookalike'], true]);
  });

  it('is not verified where the mail that was checked has another From than the one that was taken in', () => {
    for (const from of [['ben@example.net'], ['anna@example.org', 'ben@example.net'], []]) {
      const { level, reason } = checkedTrust(unverified, { ...proof, from }, anna);
      assert.deepEqual(
        [level, reason],
        ['unverified', 'the mail on the server is not the one that was taken in'],
      );
    }
    assert.equal(checkedTrust(unverified, proof, mail('Subject: no sender')).level, 'unverified');
  });

  it('stays asserted where nothing is proved, with both reasons', () => {
    const { level, dmarc, reason } = checkedTrust(
      asserted,
      { ...proof, signer: null, dkim: 'fail', dmarc: 'fail', reason: 'the body is another' },
      anna,
    );
    assert.deepEqual(
      [level, dmarc, reason],
      ['asserted', 'pass', 'mx says so; a check here found that the body is another'],
    );
  });

  it('is as a server asserts it where no check came about', () => {
    assert.equal(uncheckedTrust(asserted, 'the DNS fails', false).level, 'asserted');
    const { level, reason, checked } = uncheckedTrust(unverified, 'it is too large', true);
    assert.deepEqual(
      [level, reason, checked],
      ['unverified', 'the signatures could not be checked: it is too large', true],
    );
  });
});

describe('what the headers alone tell of a proof', () => {
  const signature = (domain: string): string =>
    `DKIM-Signature: v=1; a=rsa-sha256; s=s1;\r\n d=${domain}; b=x`;
  for (const [what, headers, expected] of [
    ['the domain itself has signed', [signature('example.org')], null],
    ['a host of the domain has signed', [signature('mail.example.org')], null],
    ['one of several has', [signature('list.example'), signature('example.org')], null],
    ['d= is the first tag', ['DKIM-Signature: d=example.org; b=x'], null],
    ['d= is in other letters of case', [signature('EXAMPLE.org.')], null],
    ['nobody has signed', [], /not signed/],
    [
      'somebody else has signed',
      [signature('list.example')],
      /signed by list\.example, which is not example\.org/,
    ],
    ['a domain that looks like it at its end', [signature('notexample.org')], /signed by notexample\.org/],
    ['no domain is named', ['DKIM-Signature: v=1; b=x'], /names its domain/],
    ['far too many have signed', Array.from({ length: 21 }, () => signature('example.org')), /21 signatures/],
    ['there are two From', [signature('example.org'), 'From: b@example.org'], /several From/],
  ] as const)
    it(`${expected === null ? 'may come' : 'cannot come'} where ${what}`, () => {
      const why = unprovable(mail('From: anna@example.org', ...headers));
      if (expected === null) assert.equal(why, null);
      else assert.match(why ?? '', expected);
    });
});
