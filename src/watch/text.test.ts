// How much of a mail's text is read.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MailPart } from '../contracts/mail.ts';
import { readLimitsOf } from './text.ts';

const MB = 1024 * 1024;
const part = (path: number, size: number, type = 'text/plain'): MailPart => ({
  path: String(path),
  type,
  charset: 'utf-8',
  encoding: '7bit',
  size,
  disposition: null,
  filename: null,
  content_id: null,
  flowed: false,
  delsp: false,
});
const limits = (...parts: MailPart[]): number[] => parts.map(readLimitsOf(parts));

it('a part is read up to 2 MB, and all of them up to 8', () => {
  assert.deepEqual(limits(part(1, 900), part(2, 3 * MB)), [2 * MB, 2 * MB]);
  const large = Array.from({ length: 50 }, (_, at) => part(at, 2 * MB));
  assert.deepEqual(limits(...large).slice(0, 6), [2 * MB, 2 * MB, 2 * MB, 2 * MB, 1, 1]);
  const small = Array.from({ length: 50 }, (_, at) => part(at, 1_000));
  assert.ok(
    limits(...small).every((limit) => limit > 1_000),
    'many small parts are read whole',
  );
});

it('what winmail.dat holds has a bound of its own', () => {
  assert.deepEqual(limits(part(1, 9 * MB), part(2, 9 * MB, 'application/ms-tnef')), [2 * MB, 16 * MB]);
});
