import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition } from '../contracts/rule-condition.ts';
import { attached, matches, type SampleMail } from './testing.ts';

/** A condition, a mail that it takes, and a mail that it does not take. */
function takes(title: string, when: Condition, yes: SampleMail[], no: SampleMail[]): void {
  it(title, () => {
    for (const mail of yes) assert.equal(matches(when, mail), true, `takes ${JSON.stringify(mail)}`);
    for (const mail of no) assert.equal(matches(when, mail), false, `does not take ${JSON.stringify(mail)}`);
  });
}

describe('addresses', () => {
  takes(
    'an address is compared without regard to case',
    { from: 'Anna@Prospect.example' },
    [{ from: 'anna@PROSPECT.example' }, { from: 'ANNA@prospect.example.' }],
    [{ from: 'joanna@prospect.example' }, { from: 'anna@prospect.example.evil.example' }, { from: null }],
  );
  for (const pattern of ['prospect.example', '*@prospect.example', '@prospect.example']) {
    takes(
      `${pattern} takes every address there and none below`,
      { from: pattern },
      [{ from: 'x@prospect.example' }],
      [{ from: 'x@mail.prospect.example' }, { from: 'x@notprospect.example' }, { from: 'prospect.example' }],
    );
  }
  takes(
    '*.example.org takes every address below it, at any depth, and not the domain itself',
    { from: '*.example.org' },
    [{ from: 'a@mail.example.org' }, { from: 'a@b.c.example.org' }],
    [{ from: 'a@example.org' }, { from: 'a@badexample.org' }],
  );
  takes(
    'a glob stays on its side of the @',
    { from: 'sales-*@*.example.??' },
    [{ from: 'sales-eu@mail.example.io' }],
    [{ from: 'sales@mail.example.io' }, { from: '"sales-x@a.example.io"@evil.example' }],
  );
  takes(
    'a quoted @ in the local part does not stand in for a domain',
    { from: '*@prospect.*' },
    [{ from: 'x@prospect.io' }],
    [{ from: '"x@prospect.y"@evil.example' }],
  );
  takes(
    'a domain is the same in letters and in ASCII',
    { from: '*@münchen.example' },
    [
      { from: 'a@xn--mnchen-3ya.example' },
      { from: 'a@MÜNCHEN.example' },
      { from: 'a@mu\u0308nchen.example' },
    ],
    [{ from: 'a@munchen.example' }],
  );
  takes(
    'a regular expression sees a domain in letters and in ASCII',
    { from: ['/@m.nchen\\.example$/', '/nchen-3ya\\.other$/'] },
    [{ from: 'a@xn--mnchen-3ya.example' }, { from: 'a@MÜNCHEN.other' }],
    [{ from: 'a@münchen.third' }],
  );
  takes(
    'a wildcard in a part of a domain beyond ASCII',
    { from: ['a@mün*.example', '*@b?cher.xn--mnchen-3ya.example'] },
    [{ from: 'a@xn--mnchen-3ya.example' }, { from: 'b@BÜCHER.münchen.example' }],
    [{ from: 'a@munchen.example' }],
  );
  takes(
    'a domain below one with letters beyond ASCII',
    { from: '*.xn--mnchen-3ya.example' },
    [{ from: 'a@post.münchen.example' }],
    [{ from: 'a@münchen.example' }],
  );
  takes(
    'a regular expression reads the whole address',
    { from: '/^(anna|bob)@prospect\\.example$/' },
    [{ from: 'Bob@prospect.example' }],
    [{ from: 'eve@prospect.example' }],
  );
  takes('* takes any sender, and there must be one', { from: '*' }, [{}], [{ from: null }]);
  takes(
    'one of several recipients is enough',
    { to: ['billing@example.org', 'partner.example'] },
    [{ to: ['x@y.example', 'billing@example.org'] }, { to: ['any@partner.example'] }],
    [{ to: ['sales@example.org'] }, { to: [] }],
  );
  takes('cc', { cc: 'boss@example.org' }, [{ cc: ['boss@example.org'] }], [{ to: ['boss@example.org'] }]);
  takes(
    'reply_to',
    { reply_to: 'evil.example' },
    [{ reply_to: ['x@evil.example'] }],
    [{ from: 'x@evil.example' }],
  );
  it('a long list is looked up as a short one is', () => {
    const from = Array.from({ length: 500 }, (_, i) => [
      `c${i}.example`,
      `*.d${i}.example`,
      `e@f${i}.example`,
    ]).flat();
    for (const address of ['a@c499.example', 'a@b.d77.example', 'e@f3.example']) {
      assert.equal(matches({ from }, { from: address }), true, address);
    }
    for (const address of ['a@c500.example', 'a@d77.example', 'x@f3.example']) {
      assert.equal(matches({ from }, { from: address }), false, address);
    }
  });
});

describe('exclusions', () => {
  takes(
    'an exclusion beside an inclusion takes away from it',
    { from: ['prospect.example', '!noreply@prospect.example'] },
    [{}],
    [{ from: 'noreply@prospect.example' }, { from: 'a@other.example' }],
  );
  takes(
    'with exclusions alone everything else is taken',
    { from: ['!prospect.example', '!*.prospect.example'] },
    [{ from: 'a@other.example' }, { from: null }],
    [{}, { from: 'a@x.prospect.example' }],
  );
  takes(
    'one excluded recipient is enough to exclude the mail',
    { to: ['*@example.org', '!boss@example.org'] },
    [{ to: ['a@example.org'] }],
    [{ to: ['a@example.org', 'boss@example.org'] }],
  );
  takes('subject', { subject: '!newsletter' }, [{ subject: '' }], [{ subject: 'Our Newsletter' }]);
  takes(
    'an excluded regular expression',
    { subject: ['quote', '!/^re:/i'] },
    [{ subject: 'Quote' }],
    [{ subject: 'RE: Quote' }],
  );
});

describe('subject', () => {
  takes(
    'plain words are found anywhere, in any case',
    { subject: 'price list' },
    [{ subject: 'The PRICE  LIST, please' }, { subject: 'price\tlists' }],
    [{ subject: 'list price' }, { subject: '' }],
  );
  takes(
    'a glob is over the whole subject',
    { subject: '[Ticket *] ?' },
    [{ subject: '[ticket 4711] x' }],
    [{ subject: 'Re: [Ticket 4711] x' }, { subject: '[Ticket 4711] xy' }],
  );
  takes('a glob at both ends', { subject: '*quote*' }, [{}, { subject: 'quote' }], [{ subject: 'quo te' }]);
  takes(
    'a star does not take the same text twice',
    { subject: 'abab*abab' },
    [{ subject: 'abababab' }],
    [{ subject: 'ababab' }],
  );
  takes(
    'a backslash makes a wildcard plain',
    { subject: 'really\\?' },
    [{ subject: 'Oh really?' }],
    [{ subject: 'really!' }],
  );
  takes(
    'an escaped ! does not exclude',
    { subject: '\\!urgent' },
    [{ subject: '!urgent now' }],
    [{ subject: 'urgent' }],
  );
  takes(
    'a regular expression with its flags',
    { subject: '/\\b(quote|quotation|offer|pricing)\\b/i' },
    [{}, { subject: 'Your PRICING?' }],
    [{ subject: 'misquoted' }, { subject: 'offers' }],
  );
  takes(
    'without the flag i case counts',
    { subject: '/Quote/' },
    [{ subject: 'Quote' }],
    [{ subject: 'quote' }],
  );
  takes(
    'a slash within a regular expression',
    { subject: '/a\\/b/' },
    [{ subject: 'see a/b' }],
    [{ subject: 'see a b' }],
  );
  takes(
    'full-width, composed and ligature forms are the same letters',
    { subject: 'ｑｕｏｔｅ für die ﬁrma' },
    [{ subject: 'Quote fu\u0308r die Firma' }, { subject: 'ＱＵＯＴＥ für die firma' }],
    [{ subject: 'Quote fur die Firma' }],
  );
  takes(
    'a regular expression sees composed letters',
    { subject: '/^angebot für müller$/i' },
    [{ subject: 'Angebot fu\u0308r Mu\u0308ller' }],
    [{ subject: 'Angebot fur Muller' }],
  );
  takes('Chinese words', { subject: '报价' }, [{ subject: '请问报价单' }], [{ subject: '价报' }]);
  takes(
    'Chinese in a regular expression',
    { subject: '/报价|询价/' },
    [{ subject: '请询价' }],
    [{ subject: '价' }],
  );
});

describe('headers and lists', () => {
  const headers = { 'x-spam': ['No', 'score=3.1'], 'list-id': ['The list <dev.lists.example.org>'] };
  takes(
    'header',
    { header: { 'X-Spam': 'score=3' } },
    [{ headers }],
    [{}, { headers: { 'x-spam': ['Yes'] } }],
  );
  takes('header: * asks that it be there', { header: { 'x-spam': '*' } }, [{ headers }], [{}]);
  takes('not header: * asks that it be missing', { not: { header: { 'x-spam': '*' } } }, [{}], [{ headers }]);
  takes(
    'all named headers must hold',
    { header: { 'x-spam': 'no', 'x-team': 'a' } },
    [{ headers: { ...headers, 'x-team': ['a'] } }],
    [{ headers }],
  );
  takes(
    'a header of the prototype is no header',
    { header: { constructor: '*' } },
    [{ headers: { constructor: ['x'] } }],
    [{}],
  );
  takes(
    'list_id is the id between the brackets, as a whole',
    { list_id: 'dev.lists.example.org' },
    [{ headers }, { headers: { 'list-id': ['DEV.lists.example.org'] } }],
    [{ headers: { 'list-id': ['<x.dev.lists.example.org>'] } }, {}],
  );
  takes('list_id as a glob', { list_id: '*.lists.example.org' }, [{ headers }], [{}]);
});

describe('parts', () => {
  const pdf = attached('application/pdf', 'Offer 2026.pdf', 100_000);
  const image = attached('image/png', 'logo.png', 3_000_000);
  takes('type', { type: 'application/PDF' }, [{ parts: [{}, pdf] }], [{}, { parts: [] }]);
  takes('type as a glob', { type: 'image/*' }, [{ parts: [{}, image] }], [{ parts: [{}, pdf] }]);
  takes('an excluded type', { type: '!image/*' }, [{ parts: [{}, pdf] }], [{ parts: [pdf, image] }]);
  takes('attachment: true', { attachment: true }, [{ parts: [{}, pdf] }], [{}]);
  takes('attachment: false', { attachment: false }, [{}], [{ parts: [{}, pdf] }]);
  takes(
    'all that is asked of an attachment holds for one same attachment',
    { attachment: { type: ['application/pdf', 'image/*'], size: '<1MB' } },
    [{ parts: [{}, pdf, image] }],
    [{ parts: [{}, image] }, { parts: [{}, image, attached('text/csv', 'x.csv', 10)] }],
  );
  takes(
    'name',
    { attachment: { name: ['*.pdf', '!*draft*'] } },
    [{ parts: [pdf] }],
    [{ parts: [attached('application/pdf', 'draft.pdf', 1)] }, { parts: [image] }],
  );
  takes('name in plain words', { attachment: { name: 'offer' } }, [{ parts: [pdf] }], [{ parts: [image] }]);
  takes(
    'count',
    { attachment: { type: 'image/*', count: '>=2' } },
    [{ parts: [image, image] }],
    [{ parts: [image, pdf] }],
  );
  takes(
    'count as a number',
    { attachment: { count: 1 } },
    [{ parts: [{}, pdf] }],
    [{ parts: [pdf, image] }, {}],
  );
  takes(
    'the size of an attachment is that of the file, not of its base64',
    { attachment: { size: '<=75000B' } },
    [{ parts: [attached('application/pdf', 'a.pdf', 100_000, 'base64')] }],
    [{ parts: [pdf] }],
  );
});

describe('the rest', () => {
  takes('size', { size: '>=2kB' }, [{ size: 2048 }], [{ size: 2047 }]);
  takes(
    'flag with or without its backslash',
    { flag: '\\Flagged' },
    [{ flags: ['\\flagged'] }],
    [{ flags: ['\\Seen'] }],
  );
  takes('flag without', { flag: ['!seen'] }, [{ flags: ['$Junk'] }], [{ flags: ['\\Seen'] }]);
  takes('a keyword', { flag: '$important' }, [{ flags: ['$Important'] }], [{}]);
  takes(
    'account',
    { account: ['Sales', 'support'] },
    [{}, { account: 'SUPPORT' }],
    [{ account: 'presales' }],
  );
  takes('account as a glob', { account: 'sales-*' }, [{ account: 'sales-eu' }], [{}]);
  takes('INBOX in any case', { mailbox: 'Inbox' }, [{}, { mailbox: 'inbox' }], [{ mailbox: 'Archive' }]);
  takes(
    'another mailbox exactly',
    { mailbox: 'Work/*' },
    [{ mailbox: 'Work/A' }],
    [{ mailbox: 'work/A' }, {}],
  );
  takes('thread: new', { thread: 'new' }, [{}], [{ isReply: true }]);
  takes('thread: reply', { thread: 'reply' }, [{ isReply: true }], [{}]);
  takes('trust: verified', { trust: 'verified' }, [{ trust: 'verified' }], [{ trust: 'asserted' }, {}]);
  takes('trust: asserted', { trust: 'asserted' }, [{ trust: 'verified' }, { trust: 'asserted' }], [{}]);
  takes('no condition takes all', {}, [{}, { from: null, subject: '' }], []);
  takes(
    'all conditions of a mapping hold together',
    { subject: 'quote', from: 'prospect.example' },
    [{}],
    [{ subject: 'x' }, { from: 'a@b.example' }],
  );
  takes(
    'any',
    { any: [{ subject: 'urgent' }, { from: 'vip.example' }] },
    [{ subject: 'URGENT' }, { from: 'x@vip.example' }],
    [{}],
  );
  takes(
    'all, for what one mapping cannot say twice',
    { all: [{ subject: 'quote' }, { subject: 'pumps' }] },
    [{}],
    [{ subject: 'quote' }],
  );
  takes(
    'not holds when its conditions do not hold together',
    { not: { subject: 'quote', from: 'prospect.example' } },
    [{ subject: 'x' }, { from: 'x@y.example' }],
    [{}],
  );
});
