import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram, requireService } from './services.ts';

test('a program is found in the path, and a missing one is not', () => {
  assert.match(findProgram('sh') ?? '', /\/sh$/);
  assert.equal(findProgram('no-such-program'), undefined);
});

test('a missing service is a loud reason here and an error under CI', (t) => {
  const missing = 'no-such-service' as 'dovecot';
  const before = process.env.CI;
  t.after(() => {
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  });
  delete process.env.CI;
  assert.match(String(requireService(missing)), /NOT TESTED: no-such-service .* scripts\/test-services/);
  process.env.CI = 'true';
  assert.throws(() => requireService(missing), /NOT TESTED/);
});
