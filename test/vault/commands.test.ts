// The vault at the command line of a real gateway: its key file is rotated, it is restarted, and its accounts move on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const CANARY = 'canary-3f90-password';
const PASSPHRASE = 'a passphrase of some length';
const account = {
  label: 'sales',
  address: 'sales@company.example',
  imap: { host: '127.0.0.1', port: 1, security: 'none' },
  smtp: { host: '127.0.0.1', port: 1, security: 'none' },
  require_tls: false,
  watch: { mode: 'off' },
  auth: { type: 'basic', username: 'sales', password: CANARY },
};

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
  assert.equal((await gateway.request('POST', '/v1/accounts', account)).status, 201);
});
after(() => gateway[Symbol.asyncDispose]());

async function postern(argv: string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { PATH: process.env.PATH ?? '', POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN },
  });
  child.stdin.end(stdin);
  const ended = once(child, 'close');
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [code] = (await ended) as [number];
  return { code, out: out.toString(), err: err.toString() };
}

const key = (): Promise<string> => readFile(join(gateway.folder, 'data', 'master.key'), 'utf8');

describe('the vault at the command line', () => {
  const file = (name: string): string => join(gateway.folder, name);

  it('says which key is in use, and rotates it; the gateway starts again with the new one', async () => {
    const before = await key();
    const status = JSON.parse((await postern(['vault', 'status', '--json'])).out);
    assert.equal(status.source, 'file');
    const { code, out } = await postern(['vault', 'rotate', '--data-keys', '--json']);
    assert.equal(code, 0);
    assert.deepEqual([JSON.parse(out).state, JSON.parse(out).from_key], ['done', status.master_key]);
    assert.notEqual(await key(), before);
    await gateway.stop();
    await gateway.start();
    const after = JSON.parse((await postern(['vault', 'status', '--json'])).out);
    assert.deepEqual(after.keys, [{ key: JSON.parse(out).to_key, held: true, accounts: 1 }]);
    assert.ok(!gateway.log().includes((await key()).trim()));
  });

  it('writes an export that only its owner can read, and never over another file', async () => {
    const { code, err } = await postern(['account', 'export', file('plain.json')]);
    assert.equal(code, 0, err);
    assert.equal((await stat(file('plain.json'))).mode & 0o777, 0o600);
    assert.ok(!(await readFile(file('plain.json'), 'utf8')).includes(CANARY));
    const again = await postern(['account', 'export', file('plain.json')]);
    assert.equal(again.code, 2);
    assert.match(again.err, /cannot be written/);
  });

  it('asks nobody for a passphrase where nobody is, and takes none as an argument', async () => {
    const { code, err } = await postern(['account', 'export', '--secrets', file('none.json')]);
    assert.equal(code, 2);
    assert.match(err, /--passphrase-stdin/);
    assert.equal((await postern(['account', 'export', '--secrets', '--passphrase', PASSPHRASE])).code, 2);
  });

  it('moves an account with its secret: out, away, and in again', async () => {
    const sealed = file('sealed.json');
    const out = await postern(
      ['account', 'export', '--secrets', '--passphrase-stdin', sealed],
      `${PASSPHRASE}\n`,
    );
    assert.equal(out.code, 0, out.err);
    assert.ok(!(await readFile(sealed, 'utf8')).includes(CANARY));
    const taken = await postern(['account', 'import', '--passphrase-stdin', sealed], PASSPHRASE);
    assert.equal(taken.code, 1);
    assert.match(taken.err, /labels sales/);
    assert.equal((await postern(['account', 'remove', 'sales'])).code, 0);
    await writeFile(file('passphrase'), `${PASSPHRASE}\n`);
    const back = await postern(['account', 'import', '--passphrase-file', file('passphrase'), sealed]);
    assert.equal(back.code, 0, back.err);
    assert.match(back.out, /^Added sales \(acc_\w+\)$/m);
    const status = JSON.parse((await postern(['vault', 'status', '--json'])).out);
    assert.equal(status.keys[0].accounts, 1);
    assert.ok(!gateway.log().includes(CANARY) && !gateway.log().includes(PASSPHRASE));
  });

  it('says what an account still needs that came without its secret', async () => {
    await postern(['account', 'remove', 'sales']);
    const { code, out } = await postern(['account', 'import', file('plain.json')]);
    assert.equal(code, 0);
    assert.match(out, /still needs: password/);
  });
});
