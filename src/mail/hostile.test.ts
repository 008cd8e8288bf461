// Mail that wants to cost time or memory: each ends soon, with a result or with a clear error.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { MailPart } from '../contracts/mail.ts';
import { readAddresses } from './addresses.ts';
import { decodeWords } from './encoded-words.ts';
import { readRawHeaders } from './headers.ts';
import { htmlToText } from './html.ts';
import { metadataOf } from './metadata.ts';
import { readParameters } from './parameters.ts';
import { closeParser, decodeBodies, parseMail } from './parse.ts';
import { replyText } from './reply-text.ts';
import { partsOf, type StructureNode } from './structure.ts';

// Generous for a busy machine, and far below what anything quadratic takes at these sizes.
const SOON_MS = 4000;
const complex = { code: 'mail_too_complex', retry: 'never' };
const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

after(closeParser);

function soon<T>(work: () => T): T {
  // Of computing: what else the machine does in between is not the reader's.
  const start = process.cpuUsage();
  const result = work();
  const took = process.cpuUsage(start).user / 1000;
  assert.ok(took < SOON_MS, `took ${took.toFixed(0)} ms`);
  return result;
}

function nested(levels: number): Buffer {
  const open = Array.from(
    { length: levels },
    (_, i) => `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`,
  );
  return ascii(`From: a@b.example\r\n${open.join('')}\r\nThe core\r\n`);
}

test('a header block of lines that are no headers is passed over in linear time', () => {
  const block = ascii(`${'x\n'.repeat(500_000)}Subject: seen\r\n\r\n`);
  const start = process.cpuUsage();
  assert.deepEqual(readRawHeaders(block), [{ name: 'subject', value: 'seen' }]);
  // In its square it takes seconds, and no worker thread stands between it and the rest of the gateway.
  assert.ok(process.cpuUsage(start).user < 800_000, 'it took too long');
});

describe('a raw mail past a bound', () => {
  test('nesting of 10,000 is refused', async () => {
    await assert.rejects(parseMail(nested(10_000)), complex);
  });

  test('nesting of 500 is refused', async () => {
    await assert.rejects(parseMail(nested(500)), { ...complex, message: /nests more than 100/ });
  });

  test('nesting of 50 is read', async () => {
    const { content, metadata } = await parseMail(nested(50));
    assert.equal(content.text, 'The core');
    assert.equal(metadata.parts[0]?.path.split('.').length, 50);
  });

  test('10,000 parts are refused', async () => {
    const parts = '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n'.repeat(10_000);
    const raw = ascii(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`);
    await assert.rejects(parseMail(raw), { ...complex, message: /more than 1000 parts/ });
  });

  test('100,000 headers are refused when they exceed 1 MB', async () => {
    const raw = ascii(`${'X-Header: value\r\n'.repeat(100_000)}\r\nBody`);
    await assert.rejects(parseMail(raw), { ...complex, message: /header block/ });
  });

  test('a line of 20 MB is read and cut', async () => {
    const raw = Buffer.concat([ascii('Subject: long\r\n\r\n'), Buffer.alloc(20 * 1024 * 1024, 'x')]);
    const { content, metadata } = await parseMail(raw, { timeMs: 60_000 });
    assert.equal(metadata.subject, 'long');
    assert.equal(content.truncated, true);
    assert.equal(content.text.length, 1024 * 1024);
  });

  test('a mail of more than the limit is refused unread', async () => {
    await assert.rejects(parseMail(Buffer.alloc(100), { maxOctets: 99 }), { code: 'mail_too_large' });
  });

  test('a mail that takes too long is given up, and the next one is read', async () => {
    const slow = Buffer.concat([ascii('Content-Type: text/html\r\n\r\n'), ascii('<p>x</p>'.repeat(500_000))]);
    const first = parseMail(slow, { timeMs: 1 });
    const next = parseMail(ascii('Subject: next\r\n\r\nText'));
    await assert.rejects(first, { ...complex, message: /more than 1 ms/ });
    assert.equal((await next).content.text, 'Text');
  });

  test('a stopped parser says so to those who wait, and starts again', async () => {
    const waiting = parseMail(ascii('\r\nText'));
    await Promise.all([assert.rejects(waiting, { code: 'parser_stopped', retry: 'later' }), closeParser()]);
    assert.equal((await parseMail(ascii('\r\nText'))).content.text, 'Text');
  });
});

describe('what IMAP gives is bounded without an error, so that the ledger can hold it', () => {
  test('BODYSTRUCTURE nested 10,000 deep', () => {
    let node: StructureNode = { type: 'text/plain', part: '1' };
    for (let i = 0; i < 10_000; i++) node = { type: 'multipart/mixed', childNodes: [node] };
    assert.deepEqual(
      soon(() => partsOf(node)),
      [],
    );
  });

  test('BODYSTRUCTURE of 10,000 parts', () => {
    const childNodes = Array.from({ length: 10_000 }, (_, i) => ({ type: 'text/plain', part: `${i + 1}` }));
    assert.equal(soon(() => partsOf({ type: 'multipart/mixed', childNodes })).length, 1000);
  });

  test('a header block of 100,000 headers and one of a single line of 20 MB', () => {
    assert.equal(soon(() => readRawHeaders(ascii('X-Header: value\r\n'.repeat(100_000)))).length, 2000);
    const metadata = soon(() =>
      metadataOf({ headers: Buffer.alloc(20 * 1024 * 1024, 'a'), bodyStructure: undefined, size: 1 }),
    );
    assert.equal(metadata.from, null);
  });
});

describe('text that makes patterns backtrack is read in linear time', () => {
  const repeat = (piece: string, chars: number): string => piece.repeat(chars / piece.length);

  for (const piece of ['(', '()', '(\\', '<', '"', 'a,', ':;', '@', 'a@b <', '=?utf-8?q?']) {
    test(`an address list of ${JSON.stringify(piece)}`, () => {
      soon(() => readAddresses(repeat(piece, 256 * 1024)));
    });
  }

  for (const piece of ['=?', '=?a?q?x?= ', '=?a?q? ?', '=?a?b?']) {
    test(`encoded words of ${JSON.stringify(piece)}`, () => {
      soon(() => decodeWords(repeat(piece, 256 * 1024)));
    });
  }

  for (const piece of ['a=(', '( ', '"', "a*0*=u''", ';', '\\']) {
    test(`parameters of ${JSON.stringify(piece)}`, () => {
      soon(() => readParameters(repeat(piece, 256 * 1024)));
    });
  }

  for (const piece of ['Op schreef\n', 'On 1 \n', 'From: a\n', '> \n', '- - ', '\n', '2026/1 @ \n']) {
    test(`a reply of ${JSON.stringify(piece)}`, () => {
      soon(() => replyText(repeat(piece, 1024 * 1024)));
    });
  }

  for (const piece of ['<div>', '<b>x', '<table><tr><td>', '&nbsp;', '<', '<!--', '<p>', ' \t']) {
    test(`HTML of ${JSON.stringify(piece)}`, () => {
      soon(() => htmlToText(repeat(piece, 1024 * 1024)));
    });
  }

  const flowed: MailPart = {
    path: '1',
    type: 'text/plain',
    charset: 'utf-8',
    encoding: 'quoted-printable',
    size: 0,
    disposition: null,
    filename: null,
    content_id: null,
    flowed: true,
    delsp: true,
  };
  for (const piece of ['= ', '=\r\n', '> ', ' \r\n', '\r']) {
    test(`a body of ${JSON.stringify(piece)}`, async () => {
      const bytes = ascii(repeat(piece, 4 * 1024 * 1024));
      await decodeBodies([{ part: flowed, bytes, truncated: false }], {});
    });
  }
});
