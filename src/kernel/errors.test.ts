// What an error tells a person, a machine and a job.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { codeOf, explain, notFound, PosternError, retryOf } from './errors.ts';
import { scrubber } from './scrubber.ts';

it('a foreseen error says whether to try again, and is final unless it says otherwise', () => {
  assert.equal(retryOf(new PosternError('a', 'A.')), 'never');
  assert.equal(retryOf(new PosternError('a', 'A.', { retry: 'later' })), 'later');
  assert.deepEqual(retryOf(new PosternError('a', 'A.', { retry: { afterMs: 5 } })), { afterMs: 5 });
});

it('an unknown error is a bug that may pass: it is tried again, and has no code of its own', () => {
  for (const error of [new TypeError('x is not a function'), 'a string', null, undefined]) {
    assert.equal(retryOf(error), 'later');
    assert.equal(codeOf(error), 'internal');
    assert.equal(typeof explain(error), 'string');
  }
});

it('it is explained in one line with its hint, without its stack, cause or details', () => {
  const cause = new Error('secret inside');
  const error = new PosternError('dns', 'No address.', {
    hint: 'Check the name.',
    cause,
    details: { a: 'b' },
  });
  assert.equal(explain(error), 'No address. Check the name.');
  assert.equal(error.cause, cause);
  assert.equal(explain(new Error('plain')), 'plain');
  assert.equal(notFound('account', 'acc_1').message, 'There is no account acc_1.');
});

it('a secret is taken out of what a server says, as it is and in base64', () => {
  const scrub = scrubber(['s3cret§', '']); // 8 octets: padded in base64
  const sasl = Buffer.from('\0user\0s3cret§').toString('base64');
  assert.equal(scrub('LOGIN user s3cret§ s3cret§ failed'), 'LOGIN user [secret] [secret] failed');
  assert.match(scrub(`AUTH ${Buffer.from('s3cret§').toString('base64')}`), /^AUTH \[secret\]=*$/);
  assert.match(scrubber([`\0user\0s3cret§`])(sasl), /^\[secret\]=*$/);
});
