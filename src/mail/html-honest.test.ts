// Honest HTML mails that look as if they hid words, and must lose nothing; and hostile ones, which must cost no time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HiddenText } from './hidden-text.ts';
import { readHtml } from './html.ts';

function read(html: string) {
  const hidden = new HiddenText();
  const { text, truncated } = readHtml(html, hidden);
  return { text, truncated, note: hidden.note() };
}

describe('an honest mail loses nothing', () => {
  const pages: [string, string][] = [
    ['plain black on white', '<p style="color:#000;background:#fff">seen</p>'],
    ['grey small print', '<p style="color:#999;font-size:9px">seen</p>'],
    ['light grey that can be read', '<p style="color:#ccc">seen</p>'],
    ['white on a dark cell', '<table bgcolor="#333333"><tr><td style="color:#ffffff">seen</td></tr></table>'],
    ['white on a picture', '<td background="hero.png"><p style="color:#fff">seen</p></td>'],
    [
      'white on a picture of a style',
      '<div style="background:#fff url(hero.png) no-repeat"><p style="color:#fff">seen</p></div>',
    ],
    [
      'white on a gradient',
      '<div style="background-image:linear-gradient(90deg,#024,#08f)"><p style="color:white">seen</p></div>',
    ],
    [
      'a white button',
      '<a href="#" style="background:#0a7;color:#fff;padding:8px"><span style="color:#fff">seen</span></a>',
    ],
    [
      'white on a class that is dark',
      '<style>.d{background-color:#222}.d p{color:#fff}</style><div class=d><p>seen</p></div>',
    ],
    [
      'white on what a selector of another form paints',
      '<style>tr:nth-child(2n) td{background:#000} td{color:#fff}</style><table><tr><td>seen</table>',
    ],
    ['a link in white text keeps its blue', '<div style="color:#fff"><a href="#">seen</a></div>'],
    [
      'columns that take out the space between them',
      '<div style="font-size:0"><div style="font-size:14px">seen</div></div>',
    ],
    [
      'a column as MJML writes it',
      '<td style="font-size:0px;word-break:break-word"><div style="font-family:x;font-size:13px;line-height:1;color:#000">seen</div></td>',
    ],
    [
      'a visible child of an invisible parent',
      '<div style="visibility:hidden"><p style="visibility:visible">seen</p></div>',
    ],
    [
      'what is only hidden on a telephone',
      '<style>@media (max-width:600px){.d{display:none!important}}</style><p class=d>seen</p>',
    ],
    [
      'what is only hidden in print',
      '<style media=print>p{display:none}</style><style>@media print{p{display:none}}</style><p>seen</p>',
    ],
    ['what is hidden while pointed at', '<style>p:hover{display:none}</style><p>seen</p>'],
    [
      'what is hidden where a program adds a class',
      '<style>.ExternalClass p{display:none} u + .body p{display:none} [owa] p{display:none}</style><p>seen</p>',
    ],
    ['a rule that a later one takes back', '<style>p{display:none} p{display:block}</style><p>seen</p>'],
    ['a rule that the element takes back', '<style>p{display:none}</style><p style="display:block">seen</p>'],
    [
      'a sheet in a comment for Outlook',
      '<!--[if mso]><style>p{display:none}</style><![endif]--><p>seen</p>',
    ],
    ['what all but Outlook show', '<!--[if !mso]><!--><p>seen</p><!--<![endif]-->'],
    ['what Outlook is told in another way', '<![if !mso]><p>seen</p><![endif]>'],
    [
      'a button that Outlook draws by itself',
      '<!--[if mso]><v:roundrect href="#"><center>seen</center></v:roundrect><![endif]--><a style="mso-hide:all" href="#">seen</a>',
    ],
    [
      'settings for Outlook',
      '<!--[if gte mso 9]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]--><p>seen</p>',
    ],
    ['a comment without words', '<!-- -->seen<!-- ==== -->'],
    ['a head that is never closed', '<html><head><title>T</title><body><p>seen</p>'],
    ['a height of nothing that cuts nothing off', '<div style="max-height:0">seen</div>'],
    [
      'a box that cuts off and has its size',
      '<div style="overflow:hidden;width:600px;max-width:100%">seen</div>',
    ],
    ['a hanging line', '<p style="text-indent:-20px;margin-left:-8px">seen</p>'],
    ['half transparent', '<p style="opacity:.5;color:rgba(0,0,0,.6)">seen</p>'],
    ['a little aside', '<p style="position:relative;left:-9px;top:2px">seen</p>'],
    ['a scale that is not nothing', '<p style="transform:scale(0.9) translate(-50%,-50%)">seen</p>'],
    ['a colour of words yet to come', '<p style="color:color-mix(in srgb, red, blue)">seen</p>'],
    ['a font with a weight', '<p style="font:400 14px/20px Arial">seen</p>'],
    ['an odd end of a comment', '<!-- --!>seen'],
    [
      'a colour that is given back',
      '<div style="background:#000;color:#fff"><p style="color:inherit">seen</p></div>',
    ],
    [
      'a transparent background',
      '<div style="background:#000"><p style="background:transparent;color:#fff">seen</p></div>',
    ],
    ['a variable that nobody sets', '<p style="color:var(--ink);display:var(--d)">seen</p>'],
    [
      'a variable that is set to something else',
      '<div style="--c:#fff"><p style="--c:#333;color:var(--c)">seen</p></div>',
    ],
    ['a size that is worked out', '<p style="font-size:calc(1em + 2px);width:min(100%, 600px)">seen</p>'],
    ['a dialogue that is open', '<dialog open>seen</dialog>'],
    ['a box that may be scrolled', '<div style="overflow:auto;max-height:300px">seen</div>'],
    ['a dark page', '<body bgcolor="black" text="white">seen</body>'],
    [
      'a sheet of the dark mode',
      '<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style><p>seen</p>',
    ],
  ];
  for (const [name, html] of pages) {
    test(name, () => {
      const { text, note } = read(html);
      assert.equal(text.replace(/ ?\[.*?\]/g, ''), 'seen');
      assert.equal(note, null);
    });
  }

  test('words on both sides of a hidden one stay as they were seen', () => {
    assert.equal(read('one<i style="display:none">x</i>two').text, 'onetwo');
    assert.equal(read('one<i style="color:#fff">x</i>two').text, 'one two');
  });
});

describe('what would cost time is bounded, and what was not looked at is not shown', () => {
  const soon = (html: string) => {
    // Of computing: what else the machine does in between is not the reader's.
    const start = process.cpuUsage();
    const result = read(html);
    const took = process.cpuUsage(start).user / 1000;
    assert.ok(took < 4000, `took ${took.toFixed(0)} ms`);
    return result;
  };
  const filled = (piece: string): string => piece.repeat((900 * 1024) / piece.length);

  for (const piece of [
    '/*',
    '{',
    '}',
    '.a{',
    '@media x{',
    'a:b;',
    '\\',
    ':not(',
    '.a+',
    '[a',
    'a,',
    '.a{color:red}',
  ]) {
    test(`a sheet of ${piece}`, () => {
      soon(`<style>${filled(piece)}</style><p class=a>end</p>`);
    });
  }
  for (const piece of ['a:', 'color:rgb(', '/*', 'background:url(', '\\6', 'transform:scale(', 'color:#f;']) {
    test(`a style of ${piece}`, () => {
      soon(`<p style="${filled(piece)}">end</p>`);
    });
  }
  test('rules that all may match, and elements that they may match', () => {
    const rules = Array.from({ length: 15_000 }, (_, i) => `.a .b${i} .a{display:none}`).join('');
    const { truncated } = soon(`<style>${rules}</style>${'<p class=a>x</p>'.repeat(30_000)}`);
    assert.equal(truncated, true);
  });
  test('comments and labels for Outlook without end', () => {
    soon(filled('<!--[if mso]>abc<![endif]--><a style="mso-hide:all">x</a>'));
    soon(filled('<!--a'));
    soon(filled('<!--'));
  });
});
