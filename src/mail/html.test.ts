// What of an HTML mail a person sees, and what is hidden from him: each way to hide words, and each honest mail that
// looks like one and must lose nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HiddenKind } from '../contracts/mail.ts';
import { HiddenText } from './hidden-text.ts';
import { readHtml } from './html.ts';

function read(html: string) {
  const hidden = new HiddenText();
  const { text, truncated } = readHtml(html, hidden);
  return { text, truncated, note: hidden.note() };
}

describe('words that are hidden are left out, told by their kind and kept apart', () => {
  const styles: [string, HiddenKind][] = [
    ['display:none', 'display'],
    ['DISPLAY : None !important', 'display'],
    ['display:none!important;display:block', 'display'],
    ['disp/**/lay:none', 'display'],
    ['disp\\6c ay:none', 'display'],
    ['content-visibility:hidden', 'display'],
    ['visibility:hidden', 'visibility'],
    ['visibility:collapse', 'visibility'],
    ['font-size:0', 'font-size'],
    ['font-size:0px;line-height:0', 'font-size'],
    ['font-size:1px', 'font-size'],
    ['font-size:.05em', 'font-size'],
    ['font-size:1%', 'font-size'],
    ['font-size:calc(0px)', 'font-size'],
    ['font:0/0 a', 'font-size'],
    ['font:bold 1px/1 Arial', 'font-size'],
    ['opacity:0', 'opacity'],
    ['opacity:.01', 'opacity'],
    ['opacity:5%', 'opacity'],
    ['filter:opacity(0)', 'opacity'],
    ['max-height:0;overflow:hidden', 'clipped'],
    ['width:0;overflow:hidden', 'clipped'],
    ['height:1px;width:1px;overflow:hidden;position:absolute', 'clipped'],
    ['max-width:0px;overflow-x:hidden', 'clipped'],
    ['position:absolute;clip:rect(0,0,0,0)', 'clipped'],
    ['position:absolute;clip:rect(1px, 1px, 1px, 1px)', 'clipped'],
    ['clip-path:inset(50%)', 'clipped'],
    ['clip-path:circle(0)', 'clipped'],
    ['position:absolute;left:-9999px', 'off-screen'],
    ['position:fixed;top:-1000em', 'off-screen'],
    ['position:relative;left:9999px', 'off-screen'],
    ['position:absolute;inset:-9999px auto auto', 'off-screen'],
    ['text-indent:-9999px', 'off-screen'],
    ['margin-left:-5000px', 'off-screen'],
    ['margin:-3000px 0 0', 'off-screen'],
    ['transform:scale(0)', 'off-screen'],
    ['transform:translateX(-9999px)', 'off-screen'],
    ['color:#fff', 'color'],
    ['color:white', 'color'],
    ['color:#fefefe', 'color'],
    ['color:rgb(250, 250, 250)', 'color'],
    ['color:hsl(0 0% 99%)', 'color'],
    ['color:transparent', 'color'],
    ['color:rgba(0,0,0,0.02)', 'color'],
    ['color:#0000', 'color'],
    ['background:#123456;color:#133557', 'color'],
    ['background-color:black;color:#0a0a0a', 'color'],
    ['background:linear-gradient(#eee,#fff);color:#fafafa', 'color'],
    ['-webkit-text-fill-color:white', 'color'],
    ['mso-hide:all', 'outlook'],
  ];
  for (const [style, kind] of styles) {
    test(style, () => {
      const { text, note } = read(`<p>seen <span style="${style}">un<b>read</b>able</span></p><p>too</p>`);
      assert.equal(text, 'seen\n\ntoo');
      assert.deepEqual(note?.kinds, [{ kind, characters: 'unreadable'.length }]);
      assert.equal(note?.text.replaceAll('\n', ''), 'unreadable');
    });
  }

  const pages: [string, HiddenKind, string][] = [
    ['the attribute hidden', 'attribute', '<p>seen</p><div hidden>secret</div>'],
    ['aria-hidden', 'attribute', '<p>seen</p><div aria-hidden="true">secret</div>'],
    [
      'a colour inherited and equal to a background further out',
      'color',
      '<div style="background:#000"><p style="color:#fff">seen</p><div style="color:#000"><i>secret</i></div></div>',
    ],
    ['font with the colour of the page', 'color', '<p>seen</p><font color="FFFFFF">secret</font>'],
    [
      'font in the colour of a cell',
      'color',
      '<p>seen</p><table bgcolor="navy"><tr><td><font color=#000080>secret</font></table>',
    ],
    [
      'a link without its own blue',
      'color',
      '<p>seen</p><a href="https://x.example" style="color:#fff">secret</a>'.replace(
        ' href="https://x.example"',
        '',
      ),
    ],
    [
      'a class of the sheet',
      'display',
      '<style>.x { display: none }</style><p>seen</p><p class="a x">secret</p>',
    ],
    ['an id of the sheet', 'visibility', '<style>#x{visibility:hidden}</style><p>seen</p><p id=x>secret</p>'],
    [
      'a type of the sheet',
      'font-size',
      '<style>aside, section{font-size:0}</style><p>seen</p><section>secret</section>',
    ],
    [
      'a class inside another',
      'display',
      '<style>.out td > .in{display:none}</style><p>seen</p><table class=out><tr><td><i class=in>secret</i></table>',
    ],
    [
      'an attribute of the sheet',
      'display',
      '<style>p[data-a="1"]{display:none}</style><p>seen</p><p data-a=1>secret</p>',
    ],
    ['a sheet behind the text', 'display', '<p>seen</p><p class=x>secret</p><style>.x{display:none}</style>'],
    [
      'a sheet for screens',
      'display',
      '<style>@media only screen and (min-width:600px){.x{display:none}}</style><p>seen</p><p class=x>secret</p>',
    ],
    [
      'a sheet that insists against the element',
      'display',
      '<style>.x{display:none!important}</style><p>seen</p><p class=x style="display:block">secret</p>',
    ],
    [
      'white by a class on a white cell',
      'color',
      '<style>.w{color:#FFF} .c{background:#ffffff}</style><p>seen</p><table><tr><td class=c><b class=w>secret</b></table>',
    ],
    [
      'an escape in the sheet',
      'display',
      '<style>.x{d\\69splay:none}/*</style><p>seen</p><p class=x>secret</p>',
    ],
    ['a comment', 'comment', '<p>seen</p><!-- secret -->'],
    [
      'what only Outlook shows',
      'comment',
      '<p>seen</p><!--[if mso]><table><tr><td>secret</td></tr></table><![endif]-->',
    ],
    ['a template', 'element', '<p>seen</p><template>secret</template>'],
    [
      'opacity that multiplies',
      'opacity',
      '<p>seen</p><div style="opacity:.2"><div style="opacity:.3">secret</div></div>',
    ],
    [
      'a preheader',
      'display',
      '<div style="display:none;font-size:1px;color:#fff;max-height:0;opacity:0;overflow:hidden;mso-hide:all">secret</div><p>seen</p>',
    ],
  ];
  for (const [name, kind, html] of pages) {
    test(name, () => {
      const { text, note } = read(html);
      assert.equal(text, 'seen');
      assert.deepEqual(note, { characters: 6, kinds: [{ kind, characters: 6 }], text: 'secret' });
    });
  }

  test('several kinds are each told, the greatest first', () => {
    const { text, note } = read('a<i hidden>12</i><b style="font-size:0">345</b>');
    assert.equal(text, 'a');
    assert.deepEqual(note?.kinds, [
      { kind: 'font-size', characters: 3 },
      { kind: 'attribute', characters: 2 },
    ]);
  });

  test('of much hidden text the beginning is kept, and all of it counted', () => {
    const { text, note } = read(`seen<p hidden>${'x'.repeat(50_000)}</p>`);
    assert.equal(text, 'seen');
    assert.equal(note?.characters, 50_000);
    assert.equal(note?.text.length, 4000);
  });
});

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
    ['a colour of words yet to come', '<p style="color:light-dark(#fff,#000)">seen</p>'],
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
    const start = performance.now();
    const result = read(html);
    assert.ok(performance.now() - start < 4000, `took ${(performance.now() - start).toFixed(0)} ms`);
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
