// Names under which a gateway answers.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hostGuard } from './host-guard.ts';

it('a gateway on loopback answers to addresses, localhost and its public name only', () => {
  const check = hostGuard('127.0.0.1', 'https://postern.example.org/base');
  for (const host of [
    '127.0.0.1:3025',
    'localhost',
    'LOCALHOST:1',
    '[::1]:3025',
    '10.0.0.5',
    'postern.example.org',
    'POSTERN.example.org:443',
  ]) {
    assert.doesNotThrow(() => check(host), host);
  }
  for (const host of [
    undefined,
    '',
    'evil.example',
    'postern.example.org.evil.example',
    'a@localhost',
    'localhost/x',
    'localhost, evil',
    '%6cocalhost',
    'localhost.',
  ]) {
    assert.throws(() => check(host), { code: 'host_refused' }, String(host));
  }
});

it('a gateway on a network leaves names to its proxy', () => {
  assert.doesNotThrow(() => hostGuard('0.0.0.0', null)('anything.example'));
});
