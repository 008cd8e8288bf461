// Documents that want to cost time or trust, as far as the readers themselves refuse them. What only the limits of the
// process end is in test/knowledge/document-limits.test.ts.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { mail } from '../../../test/support/documents/mail.ts';
import { docx, pptx, slideText, wordText, xlsx } from '../../../test/support/documents/office.ts';
import { openDocument } from '../../../test/support/documents/open-document.ts';
import { loopingPdf, pdf, recursiveFormPdf } from '../../../test/support/documents/pdf.ts';
import { read, textOf } from '../../../test/support/documents/reading.ts';
import { zip } from '../../../test/support/documents/zip-writer.ts';

const BOMB_BYTES = 60 * 1024 * 1024;
const refused = (code: string, message?: RegExp) => ({
  code,
  retry: 'never',
  ...(message ? { message } : {}),
});

describe('archives', () => {
  const blanks = deflateRawSync(Buffer.alloc(BOMB_BYTES, ' '));
  const bomb = { name: 'blanks.txt', data: blanks, deflated: true, claimedSize: BOMB_BYTES };

  test('a flat bomb is refused by its density', async () => {
    await assert.rejects(read(zip([bomb])), refused('archive_ratio', /250 times/));
  });

  test('a bomb that lies about its size is broken', async () => {
    await assert.rejects(read(zip([{ ...bomb, claimedSize: 1000 }])), refused('document_broken'));
  });

  test('a nested bomb is refused, and what stands beside it is read', async () => {
    const inner = zip(Array.from({ length: 16 }, (_, i) => ({ ...bomb, name: `${i}.txt` })));
    const nested = zip([{ name: 'a.zip', data: zip([{ name: 'b.zip', data: inner }]) }]);
    await assert.rejects(read(nested), refused('archive_ratio'));
    const beside = { name: 'offer.txt', data: 'The offer' };
    const found = await read(zip([{ name: 'inner.zip', data: inner }, beside]));
    assert.equal(textOf(found), 'The offer');
    assert.match(found.notes.join(), /^inner\.zip: It unpacks to more than 250 times its size/);
  });

  test('a bomb in the place of a document is refused', async () => {
    const types = '<Override ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/>';
    const parts = [
      { name: '[Content_Types].xml', data: types },
      { ...bomb, name: 'word/document.xml' },
    ];
    await assert.rejects(read(zip(parts)), refused('archive_ratio'));
  });

  test('members that share their bytes are refused', async () => {
    const data = randomBytes(1000);
    const shared = Array.from({ length: 500 }, (_, i) => ({ name: `${i}`, data, sharesBytesOf: 0 }));
    await assert.rejects(
      read(zip([{ name: 'kernel', data }, ...shared])),
      refused('document_broken', /overlap/),
    );
  });

  test('more members than are read are refused, and so is a count that is a lie', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}.txt`, data: 'x', stored: true }));
    await assert.rejects(read(zip(many)), refused('archive_too_many', /1001 files/));
    await assert.rejects(read(zip(many, { claimedCount: 65_534 })), refused('archive_too_many'));
    await assert.rejects(read(zip(many.slice(0, 3), { claimedCount: 9000 })), refused('document_broken'));
  });

  test('archives of archives are counted together', async () => {
    const inner = zip(Array.from({ length: 800 }, (_, i) => ({ name: `${i}`, data: 'x', stored: true })));
    const outer = zip(Array.from({ length: 5 }, (_, i) => ({ name: `${i}.zip`, data: inner })));
    await assert.rejects(read(outer), refused('archive_too_many', /3000 files in all/));
  });
});

describe('PDF', () => {
  test('whose tree of pages loops is broken', async () => {
    await assert.rejects(read(loopingPdf()), refused('document_broken'));
  });

  test('whose form draws itself ends', async () => {
    assert.match(textOf(await read(recursiveFormPdf())), /^(?:again\n?)+$/);
  });

  test('that says it has a million pages ends with those that are there', async () => {
    const lying = pdf([['One'], ['Two']])
      .toString('latin1')
      .replace('/Count 2', '/Count 1000000');
    const found = await read(Buffer.from(lying, 'latin1'));
    assert.match(textOf(found), /^One\nTwo$/);
  });

  test('of which a page cannot be read gives what can be, with a note', async () => {
    const broken = pdf([['One'], ['Two'], ['Three']])
      .toString('latin1')
      .replace('6 0 obj\n<<', '6 0 obj\n(');
    const found = await read(Buffer.from(broken, 'latin1'));
    assert.match(textOf(found), /^One/);
    assert.deepEqual(found.notes, ['Page 2 could not be read.']);
  });
});

describe('XML in documents', () => {
  const laughs =
    '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>';

  test('that brings its own entities is refused', async () => {
    await assert.rejects(
      read(openDocument('text', '<text:p>&lol2;</text:p>', { doctype: laughs })),
      refused('document_broken', /entities/),
    );
  });

  test('fetches and expands nothing', async () => {
    const doctype = '<!DOCTYPE x SYSTEM "file:///etc/passwd">';
    const found = await read(openDocument('text', '<text:p>a&xxe;&amp;&#66;</text:p>', { doctype }));
    assert.equal(textOf(found), 'a&xxe;&B');
  });

  test('nested 100,000 deep is too complex', async () => {
    const deep = `${'<w:sdt>'.repeat(100_000)}${'</w:sdt>'.repeat(100_000)}`;
    await assert.rejects(read(docx(deep)), refused('document_too_complex', /256 elements/));
  });
});

describe('a file that is cut short', () => {
  const rows = '<row><c t="str"><v>value</v></c></row>'.repeat(300);
  const attached = { name: 'a.pdf', type: 'application/pdf', content: pdf([['Page']]) };
  const pages = Array.from({ length: 20 }, (_, i) => [`Page ${i}`]);
  // A PDF and a mail can be read as far as they go; the directory of a ZIP file stands at its end.
  const kinds: [kind: string, whole: Buffer, isReadInPart: boolean][] = [
    ['PDF', pdf(pages), true],
    ['DOCX', docx(wordText('Text').repeat(300)), false],
    ['XLSX', xlsx({ sheets: [{ name: 'A', rows }] }), false],
    ['PPTX', pptx(Array.from({ length: 9 }, () => ({ shapes: slideText('Slide') }))), false],
    ['ODT', openDocument('text', '<text:p>Text</text:p>'.repeat(300)), false],
    ['ZIP', zip([{ name: 'a.txt', data: randomBytes(3000).toString('hex') }]), false],
    ['EML', mail('Offer', 'Text', [attached]), true],
  ];
  for (const [kind, whole, isReadInPart] of kinds) {
    test(kind, async () => {
      for (const share of [0.1, 0.5, 0.95]) {
        const cut = read(whole.subarray(0, Math.floor(whole.length * share)));
        if (!isReadInPart) await assert.rejects(cut, refused('document_broken'));
        else
          await cut.catch((error: unknown) =>
            assert.equal((error as { code?: string }).code, 'document_broken'),
          );
      }
    });
  }
});
