// How large a mail will be, told before its files are read: never less than it is, and at most a hundredth more.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import type { DraftAttachment, DraftContent } from '../../src/contracts/draft.ts';
import { composeMail } from '../../src/outbound/compose.ts';
import { base64Octets, encodedOctets, mostEncodedOctets } from '../../src/outbound/encoded-size.ts';

const SHARE = 1.01;

interface File {
  view: DraftAttachment;
  bytes: Buffer;
}

function file(size: number, filename: string, inline = false): File {
  const bytes = randomBytes(size);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const shown = inline ? ({ content_id: 'logo@example.org', disposition: 'inline' } as const) : {};
  const content_type = inline ? 'image/png' : 'application/pdf';
  return { bytes, view: { object_id: `obj_${size}`, filename, content_type, size, sha256, ...shown } };
}

const words = (text: string, html: string | null, files: readonly File[]): DraftContent => ({
  from: { name: 'Größe', address: 'sales@example.org' },
  to: [{ name: 'Ann', address: 'ann@example.com' }],
  ...{ cc: [], bcc: [], subject: 'Grüße — 大きい', text, html, in_reply_to: null, references: [] },
  attachments: files.map(({ view }) => view),
  ...{ message_id: '<1@example.org>', auto_submitted: null },
});

async function composedOctets(content: DraftContent, files: readonly File[]): Promise<number> {
  const { mail } = await composeMail(
    content,
    files.map(({ view, bytes }) => ({
      ...{ filename: view.filename, contentType: view.content_type, sha256: view.sha256 },
      contentId: view.content_id ?? null,
      open: async () => Readable.from([bytes], { objectMode: false }),
    })),
  );
  let octets = 0;
  for await (const piece of mail) octets += piece.length;
  return octets;
}

it('of mails with files of many sizes, and words of many kinds', async () => {
  const html = '<p>Grüße <img src="cid:logo@example.org" alt=""> </p>'.repeat(40);
  const cases: [string, string | null, File[]][] = [
    ['Hello', null, []],
    [
      'Grüße und schöne Worte '.repeat(200),
      html.replaceAll('cid:logo@example.org', ''),
      [file(100_000, 'a.pdf')],
    ],
    [
      '大'.repeat(5000),
      null,
      [file(1, 'one'), file(54, 'line'), file(57, 'line and more'), file(58, 'Größe 大.pdf')],
    ],
    ['x', html, [file(20_000, 'logo.png', true), file(3_000_001, 'b'.repeat(150)), file(0, 'empty')]],
    ['.\n'.repeat(3000), null, Array.from({ length: 20 }, (_, at) => file(at * 777, `f${at}.bin`))],
  ];
  for (const [text, page, files] of cases) {
    const content = words(text, page, files);
    const told = await encodedOctets(composeMail, content);
    const octets = await composedOctets(content, files);
    const about = `${told} told, ${octets} composed`;
    assert.ok(told >= octets && told <= octets * SHARE, about);
    assert.ok(mostEncodedOctets(content) >= octets, about);
  }
});

it('of any number of octets in base64', () => {
  for (let octets = 0; octets < 500; octets++) {
    const lines =
      randomBytes(octets)
        .toString('base64')
        .match(/.{1,76}/g) ?? [];
    assert.equal(
      base64Octets(octets),
      lines.reduce((sum, line) => sum + line.length + 2, 0),
      String(octets),
    );
  }
});
