// What is told of an HTML mail before it is sent.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { htmlWarnings } from './mail-html-warnings.ts';

const page = (body: string, head = ''): string =>
  `<html lang="en"><head>${head}</head><body>${body}</body></html>`;
const codes = (html: string): string[] => htmlWarnings(html).map(({ code }) => code);

it('has nothing to say of a mail that all programs show', () => {
  const css = '<style>.a{color:red}@media (max-width:480px){.a{display:block!important}}</style>';
  const body =
    '<table role="presentation"><tr><td style="display:inline-block;background-position:0"><img src="cid:x@y" alt=""><a href="https://a.example">x</a></td></tr></table>';
  assert.deepEqual(codes(page(body, css)), []);
});

const cases: [html: string, code: string][] = [
  [page('x'.repeat(103 * 1024)), 'clipped'],
  ['<p>x</p>', 'no_language'],
  ['<html><p>x</p></html>', 'no_language'],
  [page('<img src="cid:x@y">'), 'image_without_alt'],
  [page('<img src="https://a.example/x.png" alt="">'), 'remote_image'],
  [page('<img src="//a.example/x.png" alt="">'), 'remote_image'],
  [page('<table role="presentation" background="https://a.example/x.png"></table>'), 'remote_image'],
  [page('<img src="data:image/png;base64,AA" alt="">'), 'data_image'],
  [page('<a href="http://a.example">x</a>'), 'http_link'],
  [page('<a>x</a>'), 'empty_link'],
  [page('<table><tr><td>x</td></tr></table>'), 'table_role'],
  [page('<div style="color:red; display: flex">x</div>'), 'outlook_css'],
  [page('<div style="position:absolute">x</div>'), 'outlook_css'],
  [page('x', '<style>.a { display:grid }</style>'), 'outlook_css'],
  [page('x', '<style>@import "a.css";</style>'), 'remote_style'],
  [page('<p style="background:url(https://a.example/x.png)">x</p>'), 'remote_style'],
  [page('x', `<style>${'.a{color:red}'.repeat(1500)}</style>`), 'style_size'],
  [page('<script>x</script>'), 'dropped_element'],
  [page('x', '<link rel="stylesheet" href="https://a.example/x.css">'), 'dropped_element'],
];
for (const [html, code] of cases)
  it(`tells of ${code} in ${html.slice(0, 90)}`, () => assert.deepEqual(codes(html), [code]));

it('tells the same once, and not without end', () => {
  assert.equal(htmlWarnings(page('<img src="cid:a@b">'.repeat(100))).length, 1);
  const many = Array.from({ length: 500 }, (_, at) => `<a href="http://a.example/${at}">x</a>`).join('');
  assert.equal(htmlWarnings(page(many)).length, 50);
});
