import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageTypeOf, isContentId, shownContentIds, takeDataImages } from './inline-images.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const GIF = Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1').toString('base64');

test('a picture of a data: URI becomes one that is shown by its Content-ID, each once', () => {
  const img = (data: string, more = '') => `<img ${more}src="data:image/png;base64,${data}">`;
  const { html, images } = takeDataImages(
    `<p>a${img(PNG, 'alt="1 &quot;2&quot;" ')}b${img(PNG)}${img(GIF)}c</p>`,
    'example.org',
  );
  assert.deepEqual(
    images.map(({ contentType, filename }) => [contentType, filename]),
    [
      ['image/png', 'image-1.png'],
      ['image/gif', 'image-2.gif'],
    ],
  );
  assert.deepEqual(images[0]?.bytes, Buffer.from(PNG, 'base64'));
  const [one = '', two = ''] = images.map(({ contentId }) => contentId);
  assert.ok(isContentId(one) && one.endsWith('@example.org'));
  assert.equal(
    html,
    `<p>a<img alt="1 &quot;2&quot;" src="cid:${one}">b<img src="cid:${one}"><img src="cid:${two}">c</p>`,
  );
  assert.deepEqual([...shownContentIds(html)], [one, two]);
});

test('what stands elsewhere stays as it is', () => {
  for (const html of [
    `<p>data:image/png;base64,${PNG}</p>`,
    `<!-- <img src="data:image/png;base64,${PNG}"> -->`,
    `<a href="data:text/html,x">x</a>`,
    '<img src="https://example.org/x.png">',
  ])
    assert.deepEqual(takeDataImages(html, 'example.org'), { html, images: [] });
});

test('what is no picture by its bytes is refused, whatever it says of itself', () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>').toString('base64');
  for (const uri of [
    `data:image/svg+xml;base64,${svg}`,
    `data:image/png;base64,${svg}`,
    'data:text/html;base64,PHA+',
    'data:image/png,%89PNG',
    'data:image/png;base64,',
    'data:',
  ])
    assert.throws(
      () => takeDataImages(`<img src="${uri}">`, 'example.org'),
      { code: 'attachment_invalid' },
      uri,
    );
  const many = Array.from({ length: 101 }, (_, index) => {
    const bytes = Buffer.concat([Buffer.from(GIF, 'base64'), Buffer.from([index])]);
    return `<img src="data:image/gif;base64,${bytes.toString('base64')}">`;
  });
  assert.throws(() => takeDataImages(many.join(''), 'example.org'), { code: 'attachment_invalid' });
});

test('the type of a picture is told by its first bytes', () => {
  assert.equal(imageTypeOf(Buffer.from('ffd8ffe0', 'hex')), 'image/jpeg');
  assert.equal(imageTypeOf(Buffer.from('RIFF\n\r\x01\x02WEBPVP8 ', 'latin1')), 'image/webp');
  for (const bytes of ['', '<svg/>', '%PDF-1.4', 'PNG', 'RIFF1234WAVE'])
    assert.equal(imageTypeOf(Buffer.from(bytes)), null);
});

test('a Content-ID is plain', () => {
  for (const id of ['', 'a b', 'a>b', 'a@b@c', 'ä', 'a\r\nb', '"a"@b', 'x'.repeat(251)])
    assert.equal(isContentId(id), false, id);
});
