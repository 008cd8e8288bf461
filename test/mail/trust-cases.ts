// The mails that test/mail/trust.test.ts judges: how each was signed, what became of it on its way, and what is to be
// said of it.
import { right } from './trust-cases-right.ts';
import { asserted, DAY_S, onTop, PASSED, replaced, seconds, short, unverified } from './trust-world.ts';

const changed = [
  unverified('not signed at all', /not signed/, { sign: null, verdicts: { dkim: 'none' } }),
  unverified('a word of the body changed', /body is not the one that example\.org has signed/, {
    change: replaced('17 boxes', '71 boxes'),
    verdicts: { dkim: 'fail' },
  }),
  unverified('a paragraph added to the body', /body is not the one/, {
    change: (mail) => `${mail}Pay to another account.\r\n`,
  }),
  unverified('the body cut short', /body is not the one/, { change: replaced('\r\nAnna\r\n', '') }),
  unverified('white space changed, where simple forbids it', /body is not the one/, {
    sign: { canon: 'simple/simple' },
    change: replaced('send  17', 'send 17'),
  }),
  unverified('the subject changed', /headers are not those/, {
    change: replaced('Order 17', 'Order 71'),
    verdicts: { dkim: 'fail' },
  }),
  unverified('the local part of From changed', /headers are not those/, {
    change: replaced('anna@example.org', 'ben@example.org'),
  }),
  unverified('the domain of From changed', /headers are not those that example\.org has signed/, {
    change: replaced('anna@example.org', 'anna@example.net'),
  }),
  unverified('another Reply-To than the signed one', /headers are not those/, {
    head: { 'Reply-To': 'desk@example.org' },
    change: replaced('desk@', 'evil@'),
  }),
  unverified('a Reply-To put in that no signature covers', /does not cover the header reply-to/, {
    sign: { headers: ['from', 'subject', 'date'] },
    change: onTop('Reply-To: x@evil.example'),
    verdicts: { dkim: 'policy', flags: ['reply-to-elsewhere'] },
  }),
  unverified('a subject that no signature covers', /does not cover the header subject/, {
    sign: { headers: ['from', 'date'] },
  }),
  unverified(
    'a second subject on top of the signed one',
    /header subject stands in the mail more than once/,
    { change: onTop('Subject: Pay at once') },
  ),
  unverified('a second content type on top of the signed one', /header content-type stands/, {
    change: onTop('Content-Type: text/html'),
  }),
  unverified('the end of a signed header torn off it by a line break', /header subject goes on in a line/, {
    head: { Subject: 'Please do not pay' },
    change: replaced('Please do not pay', 'Please do no\r\nt pay'),
  }),
  unverified('an address of a signed header cut by a line break', /header reply-to goes on in a line/, {
    head: { 'Reply-To': 'desk@example.com' },
    change: replaced('desk@example.com', 'desk@example.co\r\nm'),
    verdicts: { flags: ['reply-to-elsewhere'] },
  }),
  unverified('a bare body signature of l=', /only a part of the body/, {
    sign: { length: true },
    verdicts: { dkim: 'policy' },
  }),
  unverified('text added behind what l= covers', /only a part of the body/, {
    sign: { length: true },
    change: (mail) => `${mail}Pay to another account.\r\n`,
  }),
  unverified('the signature damaged', /headers are not those/, {
    change: replaced(/\r\n b=\S{4}/, '\r\n b=AAAA'),
  }),
  unverified('the signature of another mail', /headers are not those/, {
    change: replaced('<17@example.org>', '<18@example.org>'),
  }),
];

const keys = [
  unverified('no key at that selector', /there is no key at none\._domainkey\.example\.org/, {
    sign: { selector: 'none' },
    verdicts: { dkim: 'neutral' },
  }),
  unverified('another key than it was signed with', /or the key is another/, { sign: { selector: 'other' } }),
  unverified('a revoked key', /key at revoked\._domainkey\.example\.org is revoked/, {
    sign: { selector: 'revoked' },
  }),
  unverified('a key of 512 bits', /shorter than 1024 bits/, {
    sign: { selector: 'short', key: short },
    verdicts: { dkim: 'policy' },
  }),
  unverified('rsa-sha1', /no longer safe \(rsa-sha1\)/, {
    sign: { algorithm: 'rsa-sha1' },
    verdicts: { dkim: 'policy' },
  }),
  unverified('a key that is being tested', /marked as a test/, { sign: { selector: 'test' } }),
  unverified('a key for other things than mail', /cannot be used: key not for email/, {
    sign: { selector: 'web' },
  }),
  unverified('a key for rsa-sha1 alone', /cannot be used: inappropriate hash/, {
    sign: { selector: 'sha1' },
  }),
  unverified('a key that is no base64', /cannot be used: invalid public key/, {
    sign: { selector: 'broken' },
  }),
  unverified('a key record of a version that is not known', /cannot be used: unknown key version/, {
    sign: { selector: 'version' },
  }),
  unverified('an RSA key that says it is another', /cannot be used/, { sign: { selector: 'mismatch' } }),
  unverified('i= of a host below d=, where the key forbids it', /cannot be used: domain mismatch/, {
    sign: { selector: 'exact', identity: 'anna@mail.example.org' },
  }),
  unverified('the name server fails', /key at down\._domainkey\.example\.org could not be asked for/, {
    sign: { selector: 'down' },
    verdicts: { dkim: 'temperror' },
  }),
  unverified('the name server does not answer', /could not be asked for/, {
    sign: { selector: 'mute' },
    verdicts: { dkim: 'temperror' },
  }),
  unverified('expired', /has expired/, { sign: { tags: { t: seconds(-3 * DAY_S), x: seconds(-DAY_S) } } }),
  unverified('dated tomorrow', /dated in the future/, { sign: { tags: { t: seconds(DAY_S) } } }),
  unverified('an expiry before its date', /cannot be used: invalid expiration/, {
    sign: { tags: { t: seconds(-DAY_S), x: seconds(-2 * DAY_S) } },
  }),
  unverified('a version that is not known', /cannot be used: incompatible version/, {
    sign: { tags: { v: '2' } },
  }),
  unverified('no way to ask for the key that is known', /cannot be used: unsupported query method/, {
    sign: { tags: { q: 'http/xml' } },
  }),
];

const aligned = [
  unverified('signed by another domain', /signed by example\.net, which is not example\.org/, {
    sign: { domain: 'example.net' },
  }),
  unverified(
    'signed by a neighbour under a public suffix',
    /signed by two\.co\.uk, which is not one\.co\.uk/,
    { head: { From: 'a@one.co.uk' }, sign: { domain: 'two.co.uk' } },
  ),
  unverified('signed by a neighbour at a host of many', /signed by alice\.github\.io/, {
    head: { From: 'a@bob.github.io' },
    sign: { domain: 'alice.github.io' },
  }),
  unverified('strict alignment, signed by a host below', /adkim=s/, {
    head: { From: 'a@strict.example' },
    sign: { domain: 'mail.strict.example' },
  }),
  unverified('strict alignment, From below the signer', /adkim=s/, {
    head: { From: 'a@mail.strict.example' },
    sign: { domain: 'strict.example' },
  }),
  unverified(
    'the DMARC record cannot be asked for, and a host below has signed',
    /DMARC record of down\.example could not be asked for/,
    {
      head: { From: 'a@down.example' },
      sign: { domain: 'mail.down.example' },
      verdicts: { dmarc: 'temperror' },
    },
  ),
  unverified(
    'a part of the domain that stands for itself (psd=n)',
    /signed by inner\.relaxed\.example, which is not relaxed\.example/,
    {
      head: { From: 'a@relaxed.example' },
      sign: { domain: 'inner.relaxed.example' },
      verdicts: { dmarc: 'fail' },
    },
  ),
  unverified(
    'a domain that only ends in the same letters',
    /signed by example\.org, which is not notexample\.org/,
    { head: { From: 'a@notexample.org' } },
  ),
  unverified('the sender in the display name alone', /signed by example\.org, which is not example\.net/, {
    head: { From: '"anna@example.org" <x@example.net>' },
    verdicts: { flags: ['name-shows-address'] },
  }),
  unverified(
    'letters of double width in d=, which are a name of their own in the DNS',
    /domain that is none/,
    {
      sign: { tags: { d: 'ｅxample.org' } },
    },
  ),
  unverified('a character in d= that is left out of its ASCII form', /domain that is none/, {
    sign: { tags: { d: 'exam\u00adple.org' } },
  }),
  unverified('i= outside of d=', /example\.net cannot be used: domain mismatch/, {
    sign: { tags: { i: '@example.org', d: 'example.net' } },
  }),
];

const senders = [
  unverified('a second From on top', /several From headers/, {
    change: onTop('From: ceo@example.net'),
    verdicts: { flags: ['several-from'] },
  }),
  unverified('a second From at the end', /several From headers/, {
    change: replaced('\r\n\r\n', '\r\nFrom: ceo@example.net\r\n\r\n'),
  }),
  unverified('a second From of the same domain', /several From headers/, {
    change: onTop('From: ceo@example.org'),
  }),
  unverified('a second From with a space before its colon', /several From headers/, {
    change: onTop('From : ceo@example.net'),
  }),
  unverified('no From', /names no sender/, { change: replaced(/From: .*\r\n/, '') }),
  unverified('a From without an address', /names no sender/, {
    change: replaced(/From: .*\r\n/, 'From: Anna Keller\r\n'),
  }),
  unverified('an empty group in From', /names no sender/, {
    change: replaced(/From: .*\r\n/, 'From: undisclosed:;\r\n'),
  }),
  unverified('senders of two domains in From', /senders of several domains/, {
    head: { From: 'a@example.org, b@example.net' },
    verdicts: { flags: ['several-from'] },
  }),
  unverified('an address literal in From', /headers are not those/, {
    change: replaced('anna@example.org', 'anna@[192.0.2.1]'),
  }),
  unverified('two at signs in From', /./, {
    change: replaced('<anna@example.org>', '<anna@example.net@example.org>'),
  }),
];

const byServer = [
  asserted(
    'asserted by the named server, and not signed',
    /mx\.postern\.example says that DMARC passed for example\.org/,
    { sign: null, change: onTop(PASSED), authservId: 'mx.postern.example' },
  ),
  unverified(
    'a server found the signature of a customer of a host of many, and From is the host',
    /not signed/,
    {
      sign: null,
      head: { From: 'a@github.io' },
      change: onTop('Authentication-Results: mx.postern.example; dkim=pass header.d=alice.github.io'),
      authservId: 'mx.postern.example',
    },
  ),
  unverified('a forged Authentication-Results, and no server is named', /./, {
    sign: null,
    change: onTop(PASSED),
  }),
  unverified('a forged Authentication-Results of another server', /./, {
    sign: null,
    change: onTop(PASSED),
    authservId: 'mx.other.example',
  }),
  unverified('a forged Authentication-Results below the real one', /./, {
    sign: null,
    change: (mail) => `Authentication-Results: mx.postern.example; dkim=none\r\n${PASSED}\r\n${mail}`,
    authservId: 'mx.postern.example',
  }),
  unverified('a forged Authentication-Results on a changed mail', /body is not the one/, {
    change: (mail) => `${PASSED}\r\n${mail.replace('17 boxes', '71 boxes')}`,
  }),
  asserted(
    'asserted, and changed by the receiving server afterwards',
    /says that DMARC passed .*; a check here found that the body is not the one/,
    {
      change: (mail) => `${PASSED}\r\n${mail}--\r\nChecked for viruses\r\n`,
      authservId: 'mx.postern.example',
    },
  ),
  unverified('asserted for another domain than that of From', /./, {
    sign: null,
    change: onTop(PASSED.replaceAll('example.org', 'example.net')),
    authservId: 'mx.postern.example',
  }),
  unverified('an ARC chain alone proves nothing', /not signed/, {
    sign: { arc: 'list.example', domain: 'example.net' },
  }),
];

export const CASES = { right, changed, keys, aligned, senders, byServer };
