// Mails whose signatures are not checked because of their shape.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MailShape } from './mail-shape.ts';

const MAIL = 'From: a@example.org\r\nSubject: x\r\n folded\r\n\r\nHello.\r\n\r\nBye.\r\n';
const HEADERS = MAIL.slice(0, MAIL.indexOf('Hello'));

function shapeOf(text: string, pieceBytes: number): MailShape {
  const shape = new MailShape();
  const raw = Buffer.from(text);
  for (let at = 0; at < raw.length; at += pieceBytes) shape.add(raw.subarray(at, at + pieceBytes));
  return shape;
}

describe('the shape of a mail', () => {
  for (const [what, text, headers] of [
    ['CRLF', MAIL, HEADERS],
    ['bare LF', MAIL.replaceAll('\r', ''), HEADERS.replaceAll('\r', '')],
    ['no body', 'From: a@example.org\r\n', 'From: a@example.org\r\n'],
    ['no header', '\r\nHello.\r\n', '\r\n'],
  ] as const)
    it(`gives its header block whatever the pieces: ${what}`, () => {
      for (const pieceBytes of [1, 3, 7, 1_000])
        assert.equal(shapeOf(text, pieceBytes).headers().toString(), headers);
    });

  it('is refused with headers or a line without an end, wherever pieces break', () => {
    const many = 'X: y\r\n'.repeat(60_000);
    const long = `${HEADERS}${'x'.repeat(300_000)}`;
    for (const pieceBytes of [1_000, 64 * 1024, 1_000_000]) {
      assert.throws(() => shapeOf(many, pieceBytes), { code: 'mail_too_complex', message: /headers/ });
      assert.throws(() => shapeOf(long, pieceBytes), { code: 'mail_too_complex', message: /a line/ });
    }
  });

  it('may have a large body of many lines', () => {
    shapeOf(`${HEADERS}${`${'x'.repeat(76)}\r\n`.repeat(100_000)}`, 64 * 1024);
  });
});
