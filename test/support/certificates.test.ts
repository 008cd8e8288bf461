import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import test from 'node:test';
import { testCertificates } from './certificates.ts';
import { requireService } from './services.ts';

test('the authority signs a good, a wrongly named and an expired certificate', {
  skip: requireService('openssl'),
}, async () => {
  const { ca, of } = await testCertificates();
  const authority = new X509Certificate(ca);
  const read = (name: keyof typeof of) => new X509Certificate(of[name].cert);
  for (const name of ['good', 'wrong-name', 'expired'] as const) {
    assert.ok(read(name).verify(authority.publicKey), name);
  }
  assert.equal(read('good').checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(read('good').checkHost('localhost'), 'localhost');
  assert.equal(read('wrong-name').checkHost('localhost'), undefined);
  assert.ok(read('good').validToDate > new Date());
  assert.ok(read('expired').validToDate < new Date());
});
