import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { explainNetworkError } from './network-errors.ts';

const where = { protocol: 'SMTP', host: 'mail.example.org', port: 465 } as const;
const errorWith = (fields: object): Error => Object.assign(new Error('secret words'), fields);

const CODES: [string, string][] = [
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_lost'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['CERT_HAS_EXPIRED', 'certificate_invalid'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_invalid'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate_invalid'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate_invalid'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate_invalid'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_refused'],
  ['ERR_SSL_SOMETHING_NEW', 'tls_refused'],
];

for (const [code, expected] of CODES) {
  test(`${code} is explained as ${expected}`, () => {
    const found = explainNetworkError(errorWith({ code }), where);
    assert.equal(found?.code, expected);
    assert.match(found?.message ?? '', /^The SMTP server mail\.example\.org:465 /);
    assert.doesNotMatch(found?.message ?? '', /secret words/);
    assert.equal(found?.retry, 'later');
    assert.ok(found?.hint);
  });
}

test('a code that a library hid is found', () => {
  assert.equal(
    explainNetworkError(errorWith({ code: 'ESOCKET', originalCode: 'ENETUNREACH' }), where)?.code,
    'unreachable',
  );
  const caused = new Error('outer', { cause: errorWith({ code: 'ECONNREFUSED' }) });
  assert.equal(explainNetworkError(caused, where)?.code, 'connection_refused');
  const several = new AggregateError([
    errorWith({ code: 'ECONNREFUSED' }),
    errorWith({ code: 'ENETUNREACH' }),
  ]);
  assert.equal(explainNetworkError(several, where)?.code, 'connection_refused');
});

test('a ring of causes ends', () => {
  const ring: { cause?: unknown } = {};
  ring.cause = ring;
  assert.equal(explainNetworkError(ring, where), null);
});

test('an error that is not of the network is not explained', () => {
  for (const other of [new Error('bug'), errorWith({ code: 'ENOENT' }), null, undefined, 'text', 5])
    assert.equal(explainNetworkError(other, where), null);
});

test('a certificate for another name says for which', () => {
  const error = errorWith({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    cert: { subjectaltname: 'DNS:imap.example.net\r\nX: y' },
  });
  const found = explainNetworkError(error, where);
  assert.match(found?.message ?? '', /another name \(DNS:imap\.example\.net\?\?X: y\)\.$/);
});

test('a real server that speaks no TLS is told from other failures', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).end('220 plain text\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect({ host: '127.0.0.1', port });
  const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
  server.close();
  assert.equal(explainNetworkError(error, { ...where, port })?.code, 'tls_refused');
});
