// Kind, trust, threads and fingerprints: what is concluded from the metadata of a mail.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MailMetadata } from '../contracts/mail.ts';
import { readDate } from './date.ts';
import { fingerprintOf } from './fingerprint.ts';
import { htmlToText } from './html.ts';
import { kindOf } from './kind.ts';
import { metadataOf } from './metadata.ts';
import { quote, quoteHtml, replyReferences, replySubject, threadReferences } from './thread.ts';
import { trustOf } from './trust.ts';

const mail = (...lines: string[]): MailMetadata => {
  const headers = lines.some((line) => /^from:/i.test(line))
    ? lines
    : ['From: Anna <anna@prospect.example>', ...lines];
  return metadataOf({ headers: Buffer.from(headers.join('\r\n')), bodyStructure: undefined, size: 100 });
};

describe('the kind of a mail', () => {
  const own = {
    addresses: ['Sales@example.org'],
    isOwnMessageId: (id: string) => id.endsWith('@postern.example>'),
  };
  const cases: [string, string, string[]][] = [
    ['our own Message-ID', 'own', ['Message-ID: <1@postern.example>']],
    ['our own address', 'own', ['From: sales@EXAMPLE.org']],
    ['an empty Return-Path', 'bounce', ['Return-Path: <>']],
    ['MAILER-DAEMON', 'bounce', ['From: MAILER-DAEMON@mx.example']],
    [
      'a vacation note with an empty Return-Path',
      'auto-reply',
      ['Return-Path: <>', 'Auto-Submitted: auto-replied'],
    ],
    [
      'a receipt with an empty Return-Path',
      'receipt',
      ['Return-Path: <>', 'Content-Type: multipart/report; report-type=disposition-notification'],
    ],
    ['X-Autoreply', 'auto-reply', ['X-Autoreply: yes']],
    ['Auto-Submitted: auto-notified', 'auto-generated', ['Auto-Submitted: auto-notified; owner=x']],
    ['Auto-Submitted: no', 'personal', ['Auto-Submitted: no (really)']],
    ['Precedence: bulk', 'bulk', ['Precedence: bulk']],
    ['List-Id', 'list', ['List-Id: <x.example>']],
    ['suppression of all', 'auto-generated', ['X-Auto-Response-Suppress: DR, OOF, AutoReply']],
    ['suppression of nothing', 'personal', ['X-Auto-Response-Suppress: None']],
    ['a subject like an automatic reply alone', 'personal', ['Subject: Auto: which one do you sell?']],
  ];
  for (const [name, kind, lines] of cases) {
    test(`${name}: ${kind}`, () => assert.equal(kindOf(mail(...lines), own).kind, kind));
  }
});

describe('trust', () => {
  const level = (results: string, ...more: string[]) =>
    trustOf(mail(`Authentication-Results: ${results}`, ...more), 'mx.example').level;

  test('DMARC passed for the domain of From', () => {
    assert.equal(level('mx.example; dmarc=pass header.from=prospect.example'), 'asserted');
    assert.equal(level('MX.example 1; dmarc = pass (p=none)'), 'asserted');
  });
  test('DMARC passed for another domain counts for nothing', () => {
    assert.equal(level('mx.example; dmarc=pass header.from=evil.example'), 'unverified');
  });
  test('a signature of the domain of From, or above or below it', () => {
    assert.equal(level('mx.example; dkim=pass header.d=prospect.example'), 'asserted');
    assert.equal(level('mx.example; dkim=pass header.i=@mail.prospect.example'), 'asserted');
    assert.equal(level('mx.example; dkim=pass header.d=other.example'), 'unverified');
    assert.equal(level('mx.example; dkim=pass header.d=example'), 'unverified');
    assert.equal(level('mx.example; dkim=pass header.d=evilprospect.example'), 'unverified');
  });
  test('a DMARC failure is not made good by a signature', () => {
    assert.equal(level('mx.example; dkim=pass header.d=prospect.example; dmarc=fail'), 'unverified');
  });
  test('SPF alone proves nothing about From', () => {
    assert.equal(level('mx.example; spf=pass smtp.mailfrom=prospect.example'), 'unverified');
  });
  test('what stands in quotes or comments is no result', () => {
    assert.equal(level('mx.example; spf=pass smtp.mailfrom="x; dmarc=pass"'), 'unverified');
    assert.equal(level('mx.example; spf=pass (x; dmarc=pass)'), 'unverified');
    assert.equal(level('mx.example; spf=pass reason="\\"; dmarc=pass"'), 'unverified');
  });
  test('another server of a similar name', () => {
    assert.equal(level('mx.example.evil.example; dmarc=pass'), 'unverified');
    assert.equal(
      level('evil.example; dmarc=pass', 'Authentication-Results: mx.example; dmarc=pass'),
      'unverified',
    );
  });
});

describe('threads', () => {
  test('a subject gets one Re:, whatever stood before it', () => {
    for (const subject of [
      'Offer',
      'Re: Offer',
      'RE: AW: Offer',
      'Antw: Re[2]: Offer',
      '回复：Offer',
      '答复: Offer',
      'SV: RV: Offer',
    ]) {
      assert.equal(replySubject(subject), 'Re: Offer');
    }
    assert.equal(replySubject('Reform: taxes'), 'Re: Reform: taxes');
    assert.equal(replySubject('Fwd: Offer'), 'Re: Fwd: Offer');
    assert.equal(replySubject('a\r\nBcc: x@y.example'), 'Re: a Bcc: x@y.example');
    assert.equal(replySubject(''), 'Re:');
  });

  test('an answer refers to the chain and to the mail; of a long chain the middle is left out', () => {
    const ids = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => `<${from + i}@x>`);
    const answer = (references: string[], in_reply_to: string | null) =>
      replyReferences({ message_id: '<m@x>', in_reply_to, references });
    assert.deepEqual(answer([], '<1@x>'), ['<1@x>', '<m@x>']);
    assert.deepEqual(answer(['<1@x>', '<2@x>'], '<2@x>'), ['<1@x>', '<2@x>', '<m@x>']);
    assert.deepEqual(answer(ids(1, 100), null), ['<1@x>', ...ids(63, 100), '<m@x>']);
  });

  test('the nearest mail comes first and none twice', () => {
    const metadata = mail('In-Reply-To: <2@x>', 'References: <1@x> <2@x> <m@x>', 'Message-ID: <m@x>');
    assert.deepEqual(threadReferences(metadata), ['<2@x>', '<1@x>']);
  });

  test('a quote marks every line', () => {
    assert.equal(quote('One\r\n\r\n> old\n', 'Anna wrote:'), 'Anna wrote:\n> One\n>\n>> old');
    const html = quoteHtml('<script>alert(1)</script>\nTwo & "three"', 'Anna <a@b.example> wrote:');
    assert.match(html, /Anna &lt;a@b\.example&gt; wrote:/);
    assert.match(html, /&lt;script&gt;alert\(1\)&lt;\/script&gt;<br>\nTwo &amp; &quot;three&quot;/);
  });
});

test('a subject says what a person sees of it', () => {
  const tags = [...'obey Eve'].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join('');
  const subject = `Offer${tags} \u202eefil\u202c 葛\u{e0100}城 ❤\ufe0f`;
  const encoded = `=?utf-8?b?${Buffer.from(subject).toString('base64')}?=`;
  assert.equal(mail(`Subject: ${encoded}`).subject, 'Offer efil 葛\u{e0100}城 ❤\ufe0f');
});

describe('the fingerprint', () => {
  test('is the same for the same mail and another for each fact that differs', () => {
    const facts = ['Message-ID: <1@x>', 'Subject: a', 'Date: Fri, 20 Nov 2026 15:00:00 +0100'];
    const base = fingerprintOf(mail(...facts), 1);
    assert.match(base, /^[0-9a-f]{32}$/);
    assert.equal(fingerprintOf(mail(...facts, 'Received: again'), 2), base);
    assert.notEqual(fingerprintOf(mail('Message-ID: <2@x>', ...facts.slice(1)), 1), base);
    assert.notEqual(fingerprintOf({ ...mail(...facts), size: 101 }, 1), base);
  });

  test('tells mails without a Message-ID apart by all their headers', () => {
    assert.notEqual(fingerprintOf(mail('X: 1'), 1), fingerprintOf(mail('X: 2'), 1));
    assert.notEqual(fingerprintOf(mail('X: 1'), 1), fingerprintOf(mail('X: 1'), 2));
  });
});

test('dates of many senders', () => {
  const noon = Date.UTC(2026, 10, 20, 12);
  for (const date of [
    'Fri, 20 Nov 2026 12:00:00 +0000',
    'Fri, 20 Nov 2026 13:00:00 +0100 (CET)',
    '20 Nov 26 07:00 EST',
    'Fri, 20-Nov-2026 12:00:00 GMT',
    '2026-11-20T12:00:00Z',
    'Fri Nov 20 12:00:00 2026',
  ]) {
    assert.equal(readDate(date), noon, date);
  }
  for (const date of [
    '',
    'now',
    '32 Nov 2026 12:00',
    '20 Foo 2026 12:00',
    'Fri, 20 Nov 9999 12:00:00 +0000',
  ]) {
    assert.equal(readDate(date), null, date);
  }
});

describe('HTML to text', () => {
  for (const style of [
    'display:none',
    'DISPLAY : none !important',
    'visibility:hidden',
    'font-size:0',
    'opacity:0.0',
    'mso-hide:all',
    'max-height:0;overflow:hidden',
    'position:absolute;left:-9999px',
  ]) {
    test(`text hidden by ${style} is left out`, () => {
      assert.equal(
        htmlToText(`<p>seen<span style="${style}">un<b>se</b>en</span></p><p>too</p>`),
        'seen\n\ntoo',
      );
    });
  }
  for (const style of ['font-size:0.9em', 'opacity:0.5', 'max-height:0', 'left:-9px']) {
    test(`text with ${style} is kept`, () => {
      assert.equal(htmlToText(`<span style="${style}">seen</span>`), 'seen');
    });
  }
  test('invisible and turning characters go, joiners that spell stay', () => {
    assert.equal(htmlToText('a\u200bb\u202ec &zwnj;&zwnj;می\u200cخواهم'), 'abc می\u200cخواهم');
  });
});
