// The mails of test/mail/trust.test.ts that are proved to be from whom they name.
import { DAY_MS, DAY_S, edwards, onTop, replaced, seconds, verified } from './trust-world.ts';

export const right = [
  verified('signed by the domain of From', /a signature of example\.org holds/, {
    verdicts: { dkim: 'pass', dmarc: 'pass', spf: 'none', arc: 'none' },
  }),
  verified('simple canonicalization', /example\.org holds/, { sign: { canon: 'simple/simple' } }),
  verified('mixed canonicalization', /holds/, { sign: { canon: 'relaxed/simple' } }),
  verified('Ed25519', /holds/, { sign: { selector: 'ed', key: edwards, algorithm: 'ed25519-sha256' } }),
  verified('a key record of p= alone', /holds/, { sign: { selector: 'bare' } }),
  verified('white space changed on the way, as relaxed allows', /holds/, {
    change: replaced('send  17', 'send 17'),
  }),
  verified('empty lines added at the end', /holds/, { change: (mail) => `${mail}\r\n\r\n` }),
  verified('headers of relays on top', /holds/, {
    change: onTop('Received: from a by b; Fri, 20 Nov 2026 15:00:01 +0000'),
  }),
  verified(
    'signed by the parent of the domain of From, relaxed',
    /example\.org holds, the organisation of news\.example\.org/,
    { head: { From: 'a@news.example.org' } },
  ),
  verified('signed by a host of the domain of From, relaxed', /mail\.example\.org holds/, {
    sign: { domain: 'mail.example.org' },
  }),
  verified('relaxed alignment written out', /holds/, {
    head: { From: 'a@relaxed.example' },
    sign: { domain: 'mail.relaxed.example' },
  }),
  verified('no DMARC record: relaxed all the same', /holds/, {
    head: { From: 'a@news.example.net' },
    sign: { domain: 'example.net' },
    verdicts: { dmarc: 'none' },
  }),
  verified('strict alignment, signed by the domain itself', /holds/, {
    head: { From: 'a@strict.example' },
    sign: { domain: 'strict.example' },
  }),
  verified('the DMARC record cannot be asked for, and the domain itself has signed', /holds/, {
    head: { From: 'a@down.example' },
    sign: { domain: 'down.example' },
    verdicts: { dmarc: 'temperror' },
  }),
  verified('a broken signature beside a good one', /holds/, { sign: [{}, { selector: 'other' }] }),
  verified('a good signature of somebody else beside it', /example\.org holds/, {
    sign: [{}, { domain: 'example.net' }],
  }),
  verified('a domain of Unicode', /xn--mller-kva\.example holds/, {
    head: { From: 'a@müller.example' },
    sign: { domain: 'xn--mller-kva.example' },
  }),
  verified('From in other letters of case than d=', /holds/, { head: { From: 'Anna@EXAMPLE.org' } }),
  verified('an expiry that is still to come', /holds/, { sign: { tags: { x: seconds(DAY_S) } } }),
  verified('expired since it arrived', /holds/, {
    sign: { tags: { t: seconds(-3 * DAY_S), x: seconds(-DAY_S) } },
    at: -2 * DAY_MS,
  }),
  verified('a clock five minutes ahead', /holds/, { sign: { tags: { t: seconds(300) } } }),
  verified('an Authentication-Results from nowhere says that it failed', /holds/, {
    change: onTop('Authentication-Results: mx.evil.example; dkim=fail'),
  }),
  verified('the receiving server says that DMARC failed, and the proof says otherwise', /holds/, {
    change: onTop('Authentication-Results: mx.postern.example; spf=fail; dmarc=fail header.from=example.org'),
    authservId: 'mx.postern.example',
    verdicts: { spf: 'fail', dmarc: 'pass' },
  }),
  verified('Reply-To covered by the signature', /holds/, { head: { 'Reply-To': 'desk@example.org' } }),
  verified('two mailboxes of one domain in From', /holds/, {
    head: { From: 'a@example.org, b@example.org' },
    verdicts: { flags: ['several-from'] },
  }),
  verified('an empty body', /holds/, { body: '' }),
  verified('i= of a host below d=', /holds/, { sign: { identity: 'anna@mail.example.org' } }),
  verified('an ARC chain that holds', /holds/, {
    sign: [{}, { arc: 'list.example', domain: 'example.net' }],
    verdicts: { arc: 'pass' },
  }),
];
