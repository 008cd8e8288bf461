import assert from 'node:assert/strict';
import { it } from 'node:test';
import { originGuard } from './origin-guard.ts';

const allows = (boundTo: string, publicUrl: string | null, origin: string | undefined): boolean => {
  try {
    originGuard(boundTo, publicUrl)(origin);
    return true;
  } catch {
    return false;
  }
};

it('programs, which send no origin, are let through everywhere', () => {
  assert.ok(allows('127.0.0.1', null, undefined));
  assert.ok(allows('0.0.0.0', 'https://postern.example', undefined));
});

it('on loopback a page of this machine may ask, and no other', () => {
  for (const origin of [
    'http://localhost',
    'https://localhost:8443',
    'http://127.0.0.1:3025',
    'http://[::1]:1',
  ])
    assert.ok(allows('127.0.0.1', null, origin), origin);
  for (const origin of [
    ...['http://evil.example', 'null', '', 'http://localhost.evil.example', 'http://127.evil.example'],
    ...['file:///x', 'chrome-extension://localhost', 'http://192.0.2.1', 'http://evil@', 'localhost'],
  ])
    assert.ok(!allows('127.0.0.1', null, origin), origin);
});

it('a gateway that others reach answers pages of its public URL alone, by scheme and port too', () => {
  const publicUrl = 'https://postern.example';
  assert.ok(allows('0.0.0.0', publicUrl, 'https://postern.example'));
  for (const origin of ['http://postern.example', 'https://postern.example:8443', 'http://localhost', 'null'])
    assert.ok(!allows('0.0.0.0', publicUrl, origin), origin);
  assert.ok(!allows('0.0.0.0', null, 'https://postern.example'));
});
