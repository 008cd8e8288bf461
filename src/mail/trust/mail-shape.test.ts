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

  it('is refused with more lines of headers, or more signatures, than honest mail has', () => {
    const hidden = 'a:\r\n'.repeat(2_100); // more headers than are read of a mail
    for (const pieceBytes of [1_000, 64 * 1024]) {
      for (const line of [' \r\n', 'no header\n', 'X: y\r\n'])
        assert.throws(() => shapeOf(`X: y\r\n${line.repeat(6_000)}`, pieceBytes), { message: /5000 lines/ });
      for (const name of ['DKIM-Signature:', 'dkim-signature :', 'DKIM-SIGNATURE\r\n :'])
        assert.throws(() => shapeOf(`${hidden}${`${name} v=1; l=1\r\n`.repeat(21)}\r\nx`, pieceBytes), {
          code: 'mail_too_complex',
          message: /21 signatures/,
        });
    }
    shapeOf(`${'DKIM-Signature: v=1\r\n'.repeat(20)}\r\nx`, 1_000);
  });

  it('ends its headers where the check of signatures does: a line of two CR is none that is empty', () => {
    const headers = 'From: a@example.org\r\n\r\r\nSubject: x\r\n\r\n';
    for (const pieceBytes of [1, 3, 1_000])
      assert.equal(shapeOf(`${headers}Hello.\r\n`, pieceBytes).headers().toString(), headers);
  });

  it('may have a large body of many lines', () => {
    shapeOf(`${HEADERS}${`${'x'.repeat(76)}\r\n`.repeat(100_000)}`, 64 * 1024);
  });
});
