// What a mail says of the files that it links to.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FileLink } from '../contracts/draft.ts';
import { htmlWithLinks, speaks, textWithLinks } from './link-block.ts';

const linkTo = (filename: string, size: number, expires_at: number | null): FileLink => ({
  ...{ link_id: 'lnk_1', url: 'https://mail.example.org/d/token', filename, size, expires_at },
  ...{ object_id: 'obj_1', content_type: 'application/pdf', sha256: '' },
});
const links = [linkTo('Report <1>.pdf', 209_715_200, Date.UTC(2026, 11, 6))];

it('the block stands at the end, in the language of the mail, with name, size and the last day', () => {
  const said = {
    en: 'Files to download:\n\nReport <1>.pdf (210 MB, available until December 5, 2026)',
    de: 'Dateien zum Herunterladen:\n\nReport <1>.pdf (210 MB, verfügbar bis 5. Dezember 2026)',
    fr: 'Fichiers à télécharger:\n\nReport <1>.pdf (210 Mo, disponible jusqu’au 5 décembre 2026)',
    es: 'Archivos para descargar:\n\nReport <1>.pdf (210 MB, disponible hasta el 5 de diciembre de 2026)',
    'zh-Hans': '可下载的文件:\n\nReport <1>.pdf (210 MB, 有效期至2026年12月5日)',
    xx: 'Files to download:',
  };
  for (const [tag, words] of Object.entries(said)) {
    const text = textWithLinks('Hello.\n', links, tag).replace(/[\u00a0\u202f]/g, ' ');
    assert.ok(text.startsWith(`Hello.\n\n${words}`), text);
    assert.ok(tag === 'xx' || text.endsWith('\nhttps://mail.example.org/d/token\n'), text);
    assert.equal(speaks(tag), tag !== 'xx');
  }
});

it('an answer has the block above what it quotes', () => {
  const quoted = 'On Monday, Ann wrote:\n> first\n>\n> > second\n';
  const text = textWithLinks(`Here it is.\n\n${quoted}`, links, 'en');
  assert.ok(text.endsWith(`/d/token\n\n${quoted}`), text);
  assert.ok(text.startsWith('Here it is.\n\nFiles to download:'), text);
  const inside = '> a quote in the middle\n\nand words after it';
  assert.ok(textWithLinks(inside, links, 'en').startsWith(`${inside}\n\nFiles`));
  const html =
    '<p>Here.</p>\n<p>On Monday, Ann wrote:</p>\n<blockquote type="cite" style="x">\nfirst\n</blockquote>\n';
  const worded = htmlWithLinks(html, links, 'en');
  assert.ok(worded.indexOf('</ul>') < worded.indexOf('<p>On Monday'));
});

it('names cannot become HTML, and the block stands inside the body', () => {
  const html = htmlWithLinks('<html><body><p>Hi</p></BODY></html>', links, 'en');
  assert.ok(html.includes('>Report &lt;1&gt;.pdf</a>') && !html.includes('Report <1>'));
  assert.match(html, /<\/div>\n<\/BODY><\/html>$/);
  const hostile = [linkTo('$& $1 {} "quoted"', 1, null)];
  assert.ok(htmlWithLinks('', hostile, 'de').includes('>$&amp; $1 {} &quot;quoted&quot;</a> (1\u00a0Byte)'));
});

it('a link of hours tells the hour', () => {
  const [link] = [linkTo('a', 1500, Date.UTC(2026, 11, 5, 14, 30))];
  assert.match(
    textWithLinks('', [link as FileLink], 'en'),
    /1\.5 kB, available until December 5, 2026 at 2:30.PM UTC/,
  );
});
