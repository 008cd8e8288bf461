// PDF, texts, mails and archives: what is read of them, with its place. Office documents: read-office.test.ts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { mail, nestedMail } from '../../../test/support/documents/mail.ts';
import { docx, wordText } from '../../../test/support/documents/office.ts';

import {
  encryptedPdf,
  pdf,
  pdfByKnownEncoding,
  pdfByToUnicode,
  pdfWithAnnotations,
} from '../../../test/support/documents/pdf.ts';
import { read, textOf } from '../../../test/support/documents/reading.ts';
import { zip } from '../../../test/support/documents/zip-writer.ts';
import { writeTnef } from '../../../test/support/tnef-writer.ts';

const refused = (code: string, message?: RegExp) => ({
  code,
  retry: 'never',
  ...(message ? { message } : {}),
});

describe('PDF', () => {
  test('gives its text page by page', async () => {
    const found = await read(pdf([['The first page'], ['The second', 'page (two)']], { deflate: true }));
    assert.equal(found.type, 'application/pdf');
    assert.deepEqual(found.chunks, [
      { text: 'The first page', source: { page: 1 } },
      { text: 'The second\npage (two)', source: { page: 2 } },
    ]);
  });

  test('makes a divided word whole', async () => {
    assert.equal(textOf(await read(pdf([['The agree-', 'ment holds']]))), 'The agreement holds');
  });

  test('reads Chinese by the table of its font', async () => {
    assert.equal(textOf(await read(pdfByToUnicode('采购合同第一条'))), '采购合同第一条');
  });

  test('reads Chinese by an encoding that readers must know', async () => {
    assert.equal(textOf(await read(pdfByKnownEncoding('报价单总额'))), '报价单总额');
  });

  test('gives what was filled into a form, and what was noted', async () => {
    const found = await read(
      pdfWithAnnotations([
        '/Subtype /Widget /FT /Tx /T (Name) /V (Anna Muster)',
        '/Subtype /Widget /FT /Ch /T (Colour) /V (red) /Opt [(red) (blue)]',
        '/Subtype /Widget /FT /Tx /T (Secret) /V (hunter2) /Ff 8192',
        '/Subtype /Widget /FT /Tx /T (Empty)',
        '/Subtype /Text /Contents (Please check)',
      ]),
    );
    assert.equal(textOf(found), 'Order\nPlease check\nName: Anna Muster\nColour: red');
  });

  test('says that a scan holds no text', async () => {
    const found = await read(pdf([[]]));
    assert.deepEqual([found.chunks, found.notes], [[], ['The PDF holds no text; it may be a scan.']]);
  });

  test('with a password is refused, and read where the password is empty', async () => {
    await assert.rejects(read(encryptedPdf('secret')), refused('document_encrypted'));
    assert.equal(textOf(await read(encryptedPdf(''))), 'For the owner alone');
  });
});

describe('texts', () => {
  test('tables are read by their name or their declared type', async () => {
    const table = 'name;price\r\n"Stuhl; rot";80\r\n"two\nlines";"""quoted"""\r\n';
    for (const hints of [{ name: 'PREISE.CSV' }, { declaredType: 'text/csv' }]) {
      const found = await read(table, hints);
      assert.equal(found.type, 'text/csv');
      assert.deepEqual(found.chunks, [
        { text: 'name\tprice\nStuhl; rot\t80\ntwo lines\t"quoted"', source: { row: 1 } },
      ]);
    }
  });

  const texts: [string, Buffer][] = [
    ['UTF-8 with a mark', Buffer.from('\ufeffGröße 日本', 'utf8')],
    ['UTF-16 with a mark', Buffer.from('\ufeffGröße 日本', 'utf16le')],
    ['UTF-16 big-endian with a mark', Buffer.from('\ufeffGröße 日本', 'utf16le').swap16()],
    ['UTF-16 without a mark', Buffer.from('Größe und Preis der Stühle 日本', 'utf16le')],
    ['windows-1252', Buffer.from('Gr\xf6\xdfe und Preis \x96 80 \x80', 'latin1')],
    ['GB18030', Buffer.from('b2c9b9babacfcdacb5dad2bbccf5a3acbcdbb8f1d2d4c8cbc3f1b1d2bcc6', 'hex')],
  ];
  for (const [charset, bytes] of texts) {
    test(`${charset} is read`, async () => {
      const found = await read(bytes, { name: 'a.txt' });
      assert.equal(found.type, 'text/plain');
      assert.match(textOf(found), /^(?:Größe|采购合同第一条，价格以人民币计$)/);
    });
  }

  test('HTML is read as a mail shows it', async () => {
    const found = await read('<!DOCTYPE html><html><p>Seen</p><p style="display:none">Ignore</p></html>');
    assert.equal(found.type, 'text/html');
    assert.equal(textOf(found), 'Seen');
    assert.deepEqual(found.notes, ['Hidden text was left out.']);
  });

  test('a PDF is found behind bytes that are none of it, and not in what only holds one', async () => {
    const offer = pdf([['The offer']]);
    assert.equal((await read(Buffer.concat([Buffer.alloc(100, 0xaa), offer]))).type, 'application/pdf');
    assert.equal((await read(zip([{ name: 'a.pdf', data: offer, stored: true }]))).type, 'application/zip');
    assert.equal((await read('How a file begins: %PDF-1.7')).type, 'text/plain');
  });

  test('an empty file has no text', async () => {
    assert.deepEqual(await read(''), { type: 'text/plain', chunks: [], notes: ['The document is empty.'] });
  });

  test('what is no text is refused by what it is', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
    await assert.rejects(read(png, { name: 'a.pdf' }), refused('document_type_unknown', /image\/png/));
    await assert.rejects(read(Buffer.alloc(100)), refused('document_type_unknown'));
    // Small numbers of two octets, such as sound: every other octet is a zero, as in UTF-16.
    const numbers = Buffer.from(Uint16Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251).buffer);
    await assert.rejects(read(numbers), refused('document_type_unknown'));
    await assert.rejects(read('{\\rtf1 text}'), refused('document_type_unknown', /rtf/));
  });
});

describe('mails and archives', () => {
  const offer = pdf([['The offer']]);

  test('a mail gives its text, and its attachments with their place', async () => {
    const found = await read(
      mail('Offer', 'See below', [{ name: 'offer.pdf', type: 'application/pdf', content: offer }]),
    );
    assert.equal(found.type, 'message/rfc822');
    assert.match(found.chunks[0]?.text ?? '', /^Subject: Offer\nFrom: Anna Muster <anna@prospect.example>\n/);
    assert.match(found.chunks[0]?.text ?? '', /\nSee below$/);
    assert.deepEqual(found.chunks[1], { text: 'The offer', source: { part: 'offer.pdf', page: 1 } });
  });

  test('winmail.dat gives its text and its files', async () => {
    const wrapped = writeTnef({
      body: 'Dear sales,\r\nsee the offer.',
      files: [{ longFilename: 'Angebot für Öl.pdf', data: offer }],
    });
    const found = await read(wrapped);
    assert.equal(found.type, 'application/ms-tnef');
    assert.deepEqual(found.chunks, [
      { text: 'Dear sales,\nsee the offer.', source: {} },
      { text: 'The offer', source: { part: 'Angebot für Öl.pdf', page: 1 } },
    ]);
    const attached = [{ name: 'winmail.dat', type: 'application/ms-tnef', content: wrapped }];
    assert.match(textOf(await read(mail('Offer', 'Outlook', attached))), /The offer$/);
  });

  test('an archive gives what is in it, whatever the names say', async () => {
    const archive = zip([
      { name: '2026/offer.txt', data: offer },
      { name: '__MACOSX/._offer', data: 'clutter' },
      { name: 'folder/', data: '', stored: true },
      { name: '../../etc/passwd', data: 'up' },
      { name: 'inner.zip', data: zip([{ name: 'note.docx', data: docx(wordText('Within')) }]) },
      { name: 'cat.png', data: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex') },
    ]);
    const found = await read(archive, { name: 'all.zip' });
    assert.equal(found.type, 'application/zip');
    assert.deepEqual(found.chunks, [
      { text: 'The offer', source: { part: '2026/offer.txt', page: 1 } },
      { text: 'up', source: { part: 'etc/passwd' } },
      { text: 'Within', source: { part: 'inner.zip/note.docx' } },
    ]);
    assert.deepEqual(found.notes, ['cat.png: Files of type image/png are not read.']);
  });

  test('names in the charset of a Chinese system are read', async () => {
    const name = Buffer.from('b1a8bcdbb5a5cfeacfb82e747874', 'hex');
    assert.deepEqual((await read(zip([{ name, data: 'x' }]))).chunks[0]?.source, { part: '报价单详细.txt' });
  });

  test('what cannot be read in an archive is noted, and is the failure where nothing else is there', async () => {
    const secret = { name: 'secret.txt', data: 'x', encrypted: true };
    const found = await read(zip([secret, { name: 'open.txt', data: 'open' }]));
    assert.equal(textOf(found), 'open');
    assert.deepEqual(found.notes, ['secret.txt: It is protected by a password.']);
    await assert.rejects(read(zip([secret])), refused('document_encrypted'));
  });

  test('archives and mails are read three deep', async () => {
    let archive = zip([{ name: 'core.txt', data: 'core' }]);
    for (let i = 0; i < 2; i++) archive = zip([{ name: 'in.zip', data: archive }]);
    assert.equal(textOf(await read(archive)), 'core');
    await assert.rejects(read(zip([{ name: 'in.zip', data: archive }])), refused('archive_too_deep'));
    const mails = await read(nestedMail(1000));
    assert.match(textOf(mails), /^Subject: level 0[\s\S]*Subject: level 2/);
    assert.doesNotMatch(textOf(mails), /level 3/);
    assert.match(mails.notes.join(' '), /read 3 deep/);
  });
});

test('text past the limit is cut, with a note', async () => {
  const found = await read('word '.repeat(1000), { limits: { textChars: 100 } });
  assert.equal(textOf(found).length <= 100, true);
  assert.deepEqual(found.notes, ['Text after the first 100 characters was left out.']);
});
