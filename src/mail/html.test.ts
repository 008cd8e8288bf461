// Each way to hide words in an HTML mail from the person who reads it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HiddenKind } from '../contracts/mail.ts';
import { HiddenText } from './hidden-text.ts';
import { readHtml } from './html.ts';

function read(html: string) {
  const hidden = new HiddenText();
  const { text } = readHtml(html, hidden);
  return { text, note: hidden.note() };
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
    ['opacity:1e-3', 'opacity'],
    ['opacity:calc(0)', 'opacity'],
    ['display:none;display:nonsense', 'display'],
    ['visibility:hidden;visibility:shown', 'visibility'],
    ['font-size:0;font-size:big', 'font-size'],
    ['color:#fff;color:nonsense', 'color'],
    ['color:#fff;color:color(made-up 0 0 0)', 'color'],
    ['color:#fff;background:nonsense', 'color'],
    ['color:#fff;background:no-repeat center / cover', 'color'],
    ['opacity:0;opacity:none', 'opacity'],
    ['--d:none;display:var(--d)', 'display'],
    ['--a:#fff;--b:var(--a);color:var(--b)', 'color'],
    ['color:var(--nowhere, white)', 'color'],
    ['color:light-dark(white, black)', 'color'],
    ['font-size:calc(1px - 1px)', 'font-size'],
    ['font-size:min(20px, 0.5px)', 'font-size'],
    ['font-size:clamp(0px, 2em * 0, 1px)', 'font-size'],
    ['zoom:0', 'font-size'],
    ['height:0;overflow:scroll', 'clipped'],
    ['text-indent:100%;white-space:nowrap;overflow:hidden', 'clipped'],
    ['left:calc(-100vw * 2);position:absolute', 'off-screen'],
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
    ...[
      ...[
        '[class^=sec]',
        '[class$="x"]',
        '[class*=ecre]',
        "[data-a|='b']",
        '[class~=two]',
        '[class="SECRET TWO x" i]',
      ],
      ...[':is(b, .two)', 'p:where(.x):not(.y, [hidden])', ':is(p, b):not(.seen)'],
      ...['.y{content:"}"} .two', "i{content:'{'} .two"],
    ].map((selector): [string, HiddenKind, string] => [
      `the selector ${selector}`,
      'display',
      `<style>${selector}{display:none}</style><p class=seen>seen</p><p class="secret two x" data-a=b-c>secret</p>`,
    ]),
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
      'a variable of the sheet',
      'color',
      '<style>:root{--ink:#fff}p.x{color:var(--ink)}</style><p>seen</p><p class=x>secret</p>',
    ],
    [
      'a link by its pseudo-class',
      'color',
      '<style>a:link{color:#fff}</style><p>seen</p><a href="#">secret</a>',
    ],
    ['a popover', 'attribute', '<p>seen</p><div popover>secret</div>'],
    ['a dialogue that is closed', 'attribute', '<p>seen</p><dialog>secret</dialog>'],
    ['what stands in for a film', 'element', '<p>seen</p><video>secret</video>'],
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
