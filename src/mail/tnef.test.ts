// What is found in winmail.dat, and that no octets whatever do harm.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attribute, type WrittenTnef, writeTnef } from '../../test/support/tnef-writer.ts';
import { openTnef } from './tnef.ts';

const pdf = Buffer.from('%PDF-1.7 an offer');
const mail: WrittenTnef = {
  body: 'Dear sales,\r\nsee the offer: Ωmega.',
  html: '<p>Dear sales, see the offer: Ωmega.</p>',
  files: [
    { title: 'OFFER~1.PDF', longFilename: 'Offer für Öl.pdf', mimeType: 'application/pdf', data: pdf },
    { title: 'photo.png', mimeType: 'image/png', contentId: 'photo@x', data: Buffer.alloc(1001, 3) },
    { title: 'übrig.txt', data: Buffer.from('plain') },
  ],
};

describe('winmail.dat', () => {
  it('gives its text and its files', () => {
    const opened = openTnef(writeTnef(mail));
    assert.equal(opened?.text, mail.body);
    assert.equal(opened?.html, mail.html);
    assert.equal(opened?.isWhole, true);
    assert.deepEqual(
      opened?.files.map(({ filename, contentType, contentId, content }) => [
        filename,
        contentType,
        contentId,
        content.length,
      ]),
      [
        ['Offer für Öl.pdf', 'application/pdf', null, pdf.length],
        ['photo.png', 'image/png', 'photo@x', 1001],
        ['übrig.txt', null, null, 5],
      ],
    );
    assert.deepEqual(opened?.files[0]?.content, pdf);
  });

  it('gives the files of a mail inside of it, and its text as a file', () => {
    const inner = writeTnef({
      body: 'The inner mail.',
      files: [{ title: 'inner.txt', data: Buffer.from('deep') }],
    });
    const opened = openTnef(
      writeTnef({ files: [{ longFilename: 'Old mail', data: inner, isMessage: true }] }),
    );
    assert.deepEqual(
      opened?.files.map(({ filename, contentType, content }) => [filename, contentType, content.toString()]),
      [
        ['Old mail', 'text/plain', 'The inner mail.'],
        ['inner.txt', null, 'deep'],
      ],
    );
  });

  it('is opened three deep, and says where that is not all', () => {
    let data = writeTnef({ body: 'core', files: [{ title: 'core.txt', data: Buffer.from('core') }] });
    for (let depth = 0; depth < 10; depth++)
      data = writeTnef({ files: [{ title: `${depth}`, data, isMessage: true }] });
    const opened = openTnef(data);
    assert.equal(opened?.isWhole, false);
    assert.deepEqual(opened?.files, []);
  });

  it('that is cut off or was changed gives what came before', () => {
    const whole = writeTnef(mail);
    const cut = openTnef(whole.subarray(0, whole.length - 700));
    assert.equal(cut?.isWhole, false);
    assert.equal(cut?.files[0]?.filename, 'Offer für Öl.pdf');
    const changed = Buffer.from(whole);
    changed[whole.indexOf(Buffer.from('photo.png'))] = 0x41; // its sum says so
    assert.deepEqual(
      openTnef(changed)?.files.map(({ filename }) => filename),
      ['Offer für Öl.pdf'],
    );
  });

  it('is nothing where the octets are something else', () => {
    for (const octets of [Buffer.alloc(0), Buffer.from('PK\u0003\u0004'), Buffer.alloc(100)]) {
      assert.equal(openTnef(octets), null);
    }
    assert.deepEqual(openTnef(writeTnef({}))?.files, []);
  });
});

describe('octets that lie', () => {
  const head = writeTnef({}).subarray(0, 6);
  const soon = (octets: Buffer) => {
    const start = performance.now();
    const opened = openTnef(octets);
    assert.ok(performance.now() - start < 2000, `took ${(performance.now() - start).toFixed(0)} ms`);
    assert.ok((opened?.files.length ?? 0) <= 500);
    return opened;
  };

  it('of lengths and counts beyond the end', () => {
    const huge = Buffer.from('ffffffff', 'hex');
    soon(Buffer.concat([head, Buffer.from([1]), huge, huge, Buffer.alloc(50)]));
    soon(Buffer.concat([head, attribute(1, 0x00069003, huge)]));
    soon(
      Buffer.concat([
        head,
        attribute(1, 0x00069003, Buffer.concat([huge, Buffer.from('1f000010', 'hex'), huge, huge])),
      ]),
    );
    soon(
      Buffer.concat([head, attribute(1, 0x00069003, Buffer.concat([huge, Buffer.alloc(1024 * 1024, 0x1f)]))]),
    );
    soon(Buffer.concat([head, attribute(1, 0x00069007, Buffer.from([1]))]));
  });

  it('of ten thousand attachments', () => {
    const one = Buffer.concat([
      attribute(2, 0x00069002, Buffer.alloc(14)),
      attribute(2, 0x0006800f, Buffer.from('x')),
    ]);
    const opened = soon(Buffer.concat([head, ...Array.from({ length: 10_000 }, () => one)]));
    assert.equal(opened?.isWhole, false);
  });

  it('of twenty thousand files with octets changed at random, sums mended or not', () => {
    const inner = writeTnef(mail);
    const whole = writeTnef({ ...mail, files: [...(mail.files ?? []), { data: inner, isMessage: true }] });
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % below;
    };
    const start = performance.now();
    for (let round = 0; round < 20_000; round++) {
      const octets = Buffer.from(whole.subarray(0, round % 3 === 0 ? random(whole.length) : whole.length));
      for (let change = 0; change <= random(6); change++) {
        if (octets.length > 6)
          octets[6 + random(octets.length - 6)] = [0, 1, 0x7f, 0xff, random(256)][random(5)] as number;
      }
      if (round % 2 === 0) mendSums(octets);
      const opened = openTnef(octets);
      const size = opened?.files.reduce((sum, { content }) => sum + content.length, 0) ?? 0;
      assert.ok(size <= octets.length * 4);
    }
    assert.ok(performance.now() - start < 60_000);
  });
});

/** So that what was changed is looked at and not refused by its sum. */
function mendSums(octets: Buffer): void {
  for (let at = 6; at + 11 <= octets.length; ) {
    const end = at + 9 + octets.readUInt32LE(at + 5);
    if (end + 2 > octets.length) return;
    let sum = 0;
    for (let i = at + 9; i < end; i++) sum = (sum + (octets[i] as number)) & 0xffff;
    octets.writeUInt16LE(sum, end);
    at = end + 2;
  }
}
