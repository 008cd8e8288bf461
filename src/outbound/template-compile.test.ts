// Templates with layouts, partials, languages, pictures and helpers; and data that would like to be more than data.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InlineImage, RenderOptions } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { type Beside, type CompiledTemplate, compileTemplate } from './template-compile.ts';
import { cssInliner } from './template-css.ts';

const inlineCss = await cssInliner();
type Files = Record<string, string>;
const compile = (texts: Files, shared: Files = {}, beside: Beside = {}): CompiledTemplate =>
  compileTemplate('x', texts, { shared: new Map(Object.entries(shared)), inlineCss, ...beside });
const errorOf = (work: () => unknown): PosternError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PosternError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
const LAYOUT = `<html lang="{{@lang}}" dir="{{@dir}}"><head><title>{{@subject}}</title></head>
<body>{{#> preheader}}{{/preheader}}{{> @partial-block}}{{> footer}}</body></html>`;
const SHARED = {
  '_layouts/plain.hbs': LAYOUT,
  '_partials/footer.hbs': '<i>sent by {{@root.who}}</i>',
  '_partials/footer.de.hbs': '<i>von {{@root.who}}</i>',
  '_partials/button.hbs': '<a href="{{link url}}">{{label}}</a>',
};
const PLAIN = 'layout: plain';

describe('layouts and partials', () => {
  it('put a body into its page, with what it says for the page’s slots', () => {
    const html =
      '{{#*inline "preheader"}}<b>{{who}}</b>{{/inline}}<p>Hi</p>{{> button url="https://a.example" label=who}}';
    const texts = { 'subject.hbs': 'For {{who}}', 'html.hbs': html, 'template.yaml': PLAIN };
    assert.equal(
      compile(texts, SHARED).render({ who: 'A&B' }).html,
      '<html lang="en" dir="ltr"><head><title>For A&amp;B</title></head>\n' +
        '<body><b>A&amp;B</b><p>Hi</p><a href="https://a.example">A&amp;B</a><i>sent by A&amp;B</i></body></html>',
    );
  });

  const mistakes: [what: string, texts: Files, shared: Files, says: RegExp][] = [
    [
      'a layout that there is not',
      { 'html.hbs': 'x', 'template.yaml': 'language: en\nlayout: none' },
      {},
      /x\/template\.yaml:2:9 there is no layout `none`/,
    ],
    [
      'a partial that there is not',
      { 'html.hbs': 'a\n {{> none}}' },
      {},
      /x\/html\.hbs:2:2 there is no partial `none`/,
    ],
    [
      'one that a partial asks for',
      { 'html.hbs': '{{> a}}' },
      { '_partials/a.hbs': '\n{{> b}}' },
      / _partials\/a\.hbs:2:1 there is no partial `b`/,
    ],
    [
      'partials that include each other',
      { 'html.hbs': '{{> a}}' },
      { '_partials/a.hbs': '{{> b}}', '_partials/b.hbs': '{{> a}}' },
      /_partials\/b\.hbs:1:1 the partial `a` includes itself/,
    ],
    [
      'a slot that no page has',
      { 'html.hbs': '{{#> typo}}x{{/typo}}' },
      {},
      /x\/html\.hbs:1:1 there is no partial `typo`/,
    ],
    [
      'a value that is not escaped in a partial',
      { 'html.hbs': '{{> a}}' },
      { '_partials/a.hbs': '{{{x}}}' },
      /_partials\/a\.hbs:1:1 .* two braces/,
    ],
    [
      'a helper that a layout misspells',
      { 'html.hbs': 'x', 'template.yaml': PLAIN },
      { '_layouts/plain.hbs': 'a\n{{dat x "long"}}' },
      /_layouts\/plain\.hbs:2:1 there is no helper `dat`/,
    ],
    [
      'a picture that there is not',
      { 'html.hbs': '<img src="{{image "a.png"}}">' },
      {},
      /x\/html\.hbs:1:11 there is no picture `a\.png`/,
    ],
    ['a picture that data names', { 'html.hbs': '<img src="{{image name}}">' }, {}, /picture by a value/],
    ['a partial that data names', { 'html.hbs': '{{> (lookup . "x")}}' }, {}, /partial by a value/],
  ];
  for (const [what, texts, shared, says] of mistakes)
    it(`are refused with ${what}`, () => {
      const error = errorOf(() => compile(texts, shared));
      assert.equal(error.code, 'template_invalid');
      assert.match(error.message, says);
    });

  it('name the file in which a field is missing, or a helper fails', () => {
    const texts = { 'html.hbs': '\n{{> a}}', 'template.yaml': PLAIN };
    const shared = { '_layouts/plain.hbs': '{{> @partial-block}}', '_partials/a.hbs': '<p>\n  {{nme}}</p>' };
    assert.match(
      errorOf(() => compile(texts, shared).render({})).message,
      / _partials\/a\.hbs:2:5 there is no field `nme`/,
    );
    const wrong = { ...shared, '_partials/a.hbs': '\n {{number x}}' };
    const said = errorOf(() => compile(texts, wrong).render({ x: 'abc' })).message;
    assert.match(
      said,
      / _partials\/a\.hbs:2:2 the helper `number` wants a number, and was given the text "abc"\./,
    );
    const own = { 'html.hbs': 'a\n{{date when}}', 'template.yaml': PLAIN };
    assert.match(
      errorOf(() => compile(own, shared).render({ when: 'soon' })).message,
      / x\/html\.hbs:2:1 the helper `date`/,
    );
  });
});

describe('the languages of a template', () => {
  const texts = {
    'subject.hbs': 'Hello',
    'html.hbs': '<p>Hello</p>',
    'text.hbs': 'Hello',
    'subject.de.hbs': 'Hallo',
    'html.de.hbs': '<p>Hallo {{number 1234.5}}</p>',
    'subject.fr.hbs': 'Bonjour',
    'text.zh-hant.hbs': '你好',
    'html.he.hbs': 'שלום',
    'template.yaml': PLAIN,
  };
  const render = (options: RenderOptions) => compile(texts, SHARED).render({ who: 'us' }, options);

  it('are chosen by lookup: the asked one, what it is a kind of, and then the template’s own', () => {
    assert.deepEqual(compile(texts, SHARED).languages, ['en', 'de', 'fr', 'he', 'zh-Hant']);
    for (const [asked, subject, language] of [
      ['de', 'Hallo', 'de'],
      ['de-CH', 'Hallo', 'de'],
      ['DE-at-1996', 'Hallo', 'de'],
      ['en-GB', 'Hello', 'en'],
      ['it', 'Hello', 'en'],
      ['zh-Hant-TW', 'Hello', 'zh-Hant'],
      ['zh', 'Hello', 'en'],
    ] as const) {
      const rendered = render({ language: asked });
      assert.deepEqual([rendered.subject, rendered.language], [subject, language], asked);
    }
    assert.equal(render({}).language, 'en');
  });

  it('are not mixed: a text is made of the HTML of its language, and no HTML of another one goes with it', () => {
    assert.match(render({ language: 'de' }).text, /^Hallo/);
    assert.equal(render({ language: 'zh-Hant' }).html, null);
    const { subject, text } = render({ language: 'fr' });
    assert.deepEqual(
      [subject, text],
      ['Bonjour', 'Hello'],
      'a subject alone goes with the bodies that there are',
    );
  });

  it('are told to the page, with their direction, and choose its partials', () => {
    assert.match(render({ language: 'de-CH' }).html ?? '', /<html lang="de" dir="ltr">.*<i>von us<\/i>/s);
    assert.match(render({ language: 'he' }).html ?? '', /<html lang="he" dir="rtl">.*<i>sent by us<\/i>/s);
  });

  it('say how numbers are written, by the country where it is known', () => {
    const numberIn = (options: RenderOptions) => /[\d.,’']+/.exec(render(options).text)?.[0];
    assert.equal(numberIn({ language: 'de' }), '1.234,5');
    assert.equal(numberIn({ language: 'de-CH' }), "1'234.5");
    assert.equal(numberIn({ language: 'de', locale: 'en' }), '1,234.5');
    assert.equal(numberIn({ language: 'de', locale: 'no locale' }), '1.234,5');
  });
});

describe('the helpers', () => {
  const data = {
    when: '2026-03-29T00:30:00Z',
    day: '2026-12-24',
    price: 1234.5,
    share: 0.256,
    count: 3,
    names: ['Ann', 'Bea', 'Cem'],
    people: [{ name: 'Ann' }, { name: 'Bea' }],
    amounts: [{ sum: 0.1 }, { sum: 0.2 }],
    long: 'a👩‍👩‍👧b\u0308cdef',
    date: 'a field',
  };
  const say = (text: string, options: RenderOptions = {}): string =>
    compile({ 'text.hbs': text }).render(data, { now: Date.parse('2026-03-29T03:30:00Z'), ...options }).text;
  const zurich = { language: 'de-CH', timezone: 'Europe/Zurich', locale: 'de-CH' };
  const cases: [source: string, says: string, options?: RenderOptions][] = [
    ['{{date when "long"}}', 'March 29, 2026'],
    ['{{date when "long"}} {{time when}}', '29. März 2026 01:30', zurich],
    ['{{datetime when "short" zone="America/New_York"}}', '28.03.26, 20:30', { locale: 'de' }],
    ['{{date day "full"}}', 'Thursday, December 24, 2026', { timezone: 'Pacific/Kiritimati' }],
    ['{{relative when}}', '3 hours ago'],
    ['{{relative when}}', 'vor 3 Stunden', { locale: 'de' }],
    ['{{number price}} {{number price digits=0}}', '1,234.5 1,235'],
    ['{{currency price "CHF"}}', "CHF 1'234.50", { locale: 'de-CH' }],
    ['{{currency price "EUR"}}', '1.234,50 €', { locale: 'de' }],
    ['{{percent share}} {{percent share digits=1}}', '26% 25.6%'],
    ['{{bytes 999}}, {{bytes 25300000}}', '999 bytes, 25.3 MB'],
    ['{{plural count one="# mail" other="# mails"}}', '3 mails'],
    ['{{plural 1 one="# mail" other="# mails"}} {{plural 0 zero="none" other="#"}}', '1 mail none'],
    ['{{plural 3 one="# файл" few="# файла" many="# файлов" other="#"}}', '3 файла', { locale: 'ru' }],
    ['{{list names}}', 'Ann, Bea, and Cem'],
    ['{{list people "or" key="name"}}', 'Ann oder Bea', { locale: 'de' }],
    ['{{sum amounts "sum"}} {{times 3 0.1}}', '0.3 0.3'],
    ['{{truncate long 3}}', 'a👩‍👩‍👧b\u0308…'],
    ['{{#if (and (eq count 3) (gt price 1000) (not missing))}}yes{{/if}}', 'yes'],
    ['{{#if (or (lt count 3) (ne count 3) (gte count 4) (lte count 2))}}yes{{else}}no{{/if}}', 'no'],
    ['{{default missing "nobody"}} {{default count 1}}', 'nobody 3'],
    ['{{date}} {{this.date}}', 'a field a field'],
    ['{{link "https://a.example/?x=1"}}', 'https://a.example/?x=1'],
  ];
  for (const [source, says, options] of cases)
    it(`write ${source} as ${says}`, () =>
      assert.equal(say(source, options).replace(/[\u00a0\u202f]/g, ' '), says));

  const wrong: [source: string, says: RegExp][] = [
    ['a\n{{date missing}}', /x\/text\.hbs:2:1 the helper `date` wants .* was given nothing/],
    ['{{date "2026-03-29T01:30"}}', /`date` wants/],
    ['{{date when "lang"}}', /knows the styles "full"/],
    ['{{time when zone="Mars"}}', /knows no time zone the text "Mars"/],
    ['{{currency price}}', /`currency` wants a currency/],
    ['{{number names}}', /wants a number, and was given a list/],
    ['{{plural count one="x"}}', /wants at least other=/],
    ['{{list people key="constructor"}}', /finds no field/],
    ['{{truncate long 99999}}', /from 1 to/],
    ['{{link "javascript:alert(1)"}}', /wants an address/],
    ['{{link "https://a b"}}', /wants an address/],
    ['{{#if (eq (number names) 1)}}{{/if}}', /`number` wants a number/],
  ];
  for (const [source, says] of wrong)
    it(`refuse ${JSON.stringify(source)}, and say where`, () =>
      assert.match(errorOf(() => say(source)).message, says));

  it('refuse a time zone that there is not', () => {
    assert.match(errorOf(() => say('x', { timezone: 'Mars/Base' })).message, /no time zone "Mars\/Base"/);
  });

  it('make paragraphs of a text, and nothing else of it', () => {
    const { html, text } = compile({ 'html.hbs': '{{paragraphs x}}', 'text.hbs': '{{paragraphs x}}' }).render(
      {
        x: '\nOne <b>\r\ntwo\n \nthree {{y}}\n',
      },
    );
    assert.equal(html, '<p>One &lt;b&gt;<br>\ntwo</p>\n<p>three {{y}}</p>');
    assert.equal(text, 'One <b>\ntwo\n \nthree {{y}}');
  });
});

describe('the pictures of a template', () => {
  const image = (filename: string): InlineImage => ({
    cid: `${filename}@x`,
    filename,
    contentType: 'image/png',
    content: new Uint8Array(),
  });
  it('go with the mail where it shows them, each once', () => {
    const images = new Map(['logo.png', 'seal.png', 'other.png'].map((name) => [name, image(name)]));
    const html =
      '<img src="{{image "logo.png"}}" alt=""><img src="{{image "logo.png"}}" alt="">{{#if paid}}<img src="{{image "seal.png"}}" alt="">{{/if}}';
    const template = compile({ 'html.hbs': html }, {}, { images });
    const shown = (data: object) => template.render(data as never).inline.map(({ filename }) => filename);
    assert.deepEqual(shown({ paid: false }), ['logo.png']);
    assert.deepEqual(shown({ paid: true }), ['logo.png', 'seal.png']);
    assert.match(template.render({ paid: false }).html ?? '', /src="cid:logo\.png@x"/);
  });
});

describe('a text that is made of the HTML', () => {
  it('has the words of a table apart, and nothing that a reader would not see', () => {
    const html = '<div style="display:none">hidden</div><table><tr><th>Sum</th><td>{{sum}}</td></tr></table>';
    assert.equal(compile({ 'html.hbs': html }).render({ sum: 17 }).text, 'Sum 17');
  });
});

describe('the CSS of a page', () => {
  it('may ask for the direction and the language of the mail', () => {
    const css = 'p{text-align:left}[dir=rtl] p{text-align:right}:lang(he) b,[lang=he] b{color:red}';
    const page = `<div dir="{{@dir}}" lang="{{@lang}}"><style>${css}</style><p>x</p><b>y</b></div>`;
    const template = compile({ 'html.hbs': page, 'html.he.hbs': page });
    assert.match(template.render({}).html ?? '', /<p style="text-align: left;">/);
    const hebrew = template.render({}, { language: 'he' }).html ?? '';
    assert.match(hebrew, /<p style="text-align: right;">x<\/p><b style="color: red;">/);
  });

  it('goes into its elements; media queries stay', () => {
    const css =
      '.a{color:red}.is-bad{color:blue}@media (prefers-color-scheme:dark){.a{color:pink!important}}';
    const html = `<style>${css}</style><p class="a {{#if bad}}is-{{level}}{{/if}}">{{word}}</p>`;
    const template = compile({ 'html.hbs': html });
    const page = template.render({ bad: true, level: 'bad', word: 'x' }).html ?? '';
    assert.match(page, /<p class="a is-bad" style="color: blue;">x<\/p>/);
    assert.match(page, /@media \(prefers-color-scheme: ?dark\)/);
    assert.match(template.render({ bad: false, level: '', word: 'y' }).html ?? '', /style="color: red;">y</);
  });
});

describe('hostile data', () => {
  const HOSTILE = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '{{constructor}} {{> footer}} {{#each this}}',
    '{{ <% <# JUICE_CODE_BLOCK_0_ %> }} #>',
    '</style><style>*{display:none}',
    '\ue0000\ue001 \ue0001\ue001',
    '&lt;script&gt; &amp; &#x27;',
    "$& $1 $` $'",
    '--></title><!--',
    '__proto__',
    '=HYPERLINK("x")',
    '\u202e\u0000\ud800',
  ];
  const html = `<html><head><title>{{value}}</title><style>p{color:red}.c{margin:0}</style></head><body class="{{value}}">
<p title="{{value}}">{{value}}</p><a href="https://a.example/?q={{value}}">{{truncate value 1000}}</a>{{paragraphs value}}{{list all}}</body></html>`;
  const template = compile({ 'html.hbs': html, 'subject.hbs': '{{value}}', 'text.hbs': '{{value}}' });
  const escaped = (text: string): string =>
    text.replace(/[&<>"'`=]/g, (sign) => {
      const names: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };
      return `&${names[sign] ?? `#x${sign.charCodeAt(0).toString(16).toUpperCase()}`};`;
    });
  for (const value of HOSTILE)
    it(`stays what it is: ${JSON.stringify(value)}`, () => {
      const { html: page = '', text } = template.render({ value, all: [value, value] });
      assert.equal(text, value);
      assert.ok(
        page?.includes(`<p title="${escaped(value)}" style="color: red;">${escaped(value)}</p>`),
        page ?? '',
      );
      assert.ok(page?.includes(`href="https://a.example/?q=${escaped(value)}"`));
      assert.equal([...(page ?? '').matchAll(/<(?!\/)[a-z]+/g)].length, 7, 'no element more');
    });

  it('is bounded: a text of 1 MB, data that is deep, names of prototypes', () => {
    const many = errorOf(() => template.render({ value: 'x'.repeat(1_000_001), all: [] }));
    assert.match(many.message, /more than 1000000 characters/);
    let deep: unknown = 'x';
    for (let at = 0; at < 50; at++) deep = { deep };
    assert.match(errorOf(() => template.render({ value: deep, all: [] })).message, /nested too deep/);
    const loop = compile({ 'text.hbs': '{{#each list}}{{../long}}{{/each}}' });
    const list = Array.from({ length: 900 }, () => 1);
    assert.match(
      errorOf(() => loop.render({ list, long: 'x'.repeat(900_000) })).message,
      /more than 1000000/,
    );
    const named = JSON.parse('{"value":"x","all":["y"],"__proto__":{"a":1},"constructor":{"b":2}}') as object;
    assert.match(template.render(named as never).html ?? '', />x<\/p>/);
  });
});

describe('the data of a template', () => {
  it('is told with its path, what was expected, and what came', () => {
    const about = `data:
  type: object
  required: [order, positions]
  properties:
    order: { type: string }
    positions: { type: array, minItems: 1, items: { type: object, required: [price], properties: { price: { type: number, minimum: 0 } } } }
    level: { enum: [info, warning] }`;
    const template = compile({ 'text.hbs': 'x', 'template.yaml': about });
    const { details } = errorOf(() =>
      template.render({ positions: [{ price: 'ten' }, {}, { price: -1 }], level: 'loud' }),
    );
    assert.deepEqual(details, {
      template: 'x',
      errors: [
        { path: 'order', message: 'is missing, expected string' },
        { path: 'positions[0].price', message: 'expected number, came the text "ten"' },
        { path: 'positions[1].price', message: 'is missing, expected number' },
        { path: 'positions[2].price', message: 'Too small: expected number to be >=0, came -1' },
        { path: 'level', message: 'expected one of "info"|"warning", came the text "loud"' },
      ],
    });
  });
});
