// Settings: every problem at once by its variable's name, secrets from files and never shown.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { PosternError } from '../kernel/errors.ts';
import { loadConfig, resolveSecret, urlOfGateway } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const CANARY = 'canary-4711-canary';
const KEY = Buffer.alloc(32, 7).toString('base64');

let files = 0;
const fileWith = (text: string): string => {
  const path = join(folder, `secret-${++files}`);
  writeFileSync(path, text);
  return path;
};
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    assert.ok(error instanceof PosternError);
    assert.equal(error.code, 'config_invalid');
    const { problems } = error.details as { problems: string[] };
    for (const problem of problems) assert.ok(error.message.includes(problem));
    assert.ok(
      !JSON.stringify([error.message, error.details, error.stack]).includes(CANARY),
      'a secret is shown',
    );
    return problems;
  }
  return [];
}
const namesOf = (problems: string[]) => problems.map((problem) => problem.split(':')[0]).sort();

describe('the settings', () => {
  it('have defaults that start a gateway of one process on this machine only', () => {
    const config = loadConfig({});
    assert.ok(Object.isFrozen(config));
    assert.deepEqual(
      [config.dataDir, config.host, config.port, config.rulesDir, config.logLevel, config.publicUrl],
      [resolve('data'), '127.0.0.1', 3025, resolve('rules'), 'info', null],
    );
    assert.deepEqual(config.roles, ['watch', 'work', 'api']);
    assert.deepEqual([config.masterKey, config.adminToken, config.nodeGroup], [null, null, null]);
    assert.equal(config.ledgerPath, join(resolve('data'), 'ledger.sqlite'));
    assert.deepEqual([config.metricsOpen, config.watchCheckMs], [false, 300_000]);
  });

  it('name an S3 server with its bucket and keys, or none of it', () => {
    assert.equal(loadConfig({}).s3, null);
    const whole = {
      POSTERN_S3_URL: 'https://s3.example.org:9000/',
      POSTERN_S3_BUCKET: 'postern',
      POSTERN_S3_ACCESS_KEY: 'key',
      POSTERN_S3_SECRET_KEY_FILE: fileWith(`${CANARY}\n`),
    };
    const { s3 } = loadConfig(whole);
    assert.deepEqual(
      [s3?.url, s3?.secretKey, s3?.addressing, s3?.downloads],
      ['https://s3.example.org:9000', CANARY, 'path', 'redirect'],
    );
    assert.deepEqual(namesOf(problemsOf({ POSTERN_S3_URL: 'https://s3.example.org' })), [
      'POSTERN_S3_ACCESS_KEY',
      'POSTERN_S3_BUCKET',
      'POSTERN_S3_SECRET_KEY',
    ]);
    assert.deepEqual(namesOf(problemsOf({ POSTERN_S3_BUCKET: 'postern' })), ['POSTERN_S3_BUCKET']);
    for (const url of [
      `https://key:${CANARY}@s3.example.org`,
      `https://s3.example.org/?secret=${CANARY}`,
      's3',
    ])
      assert.deepEqual(namesOf(problemsOf({ ...whole, POSTERN_S3_URL: url })), ['POSTERN_S3_URL'], url);
    assert.throws(() => resolveSecret('env:POSTERN_S3_SECRET_KEY', { POSTERN_S3_SECRET_KEY: 'x' }), {
      code: 'secret_forbidden',
    });
  });

  it('open the metrics, and set or switch off the canary, in so many words only', () => {
    const config = loadConfig({ POSTERN_METRICS: 'open', POSTERN_WATCH_CHECK: '30s' });
    assert.deepEqual([config.metricsOpen, config.watchCheckMs], [true, 30_000]);
    assert.equal(loadConfig({ POSTERN_WATCH_CHECK: 'off' }).watchCheckMs, null);
    assert.deepEqual(namesOf(problemsOf({ POSTERN_METRICS: 'yes', POSTERN_WATCH_CHECK: '1s' })), [
      'POSTERN_METRICS',
      'POSTERN_WATCH_CHECK',
    ]);
  });

  it("take an empty variable for none, and leave other programs' variables alone", () => {
    assert.equal(loadConfig({ POSTERN_PORT: '', POSTERN_LOG: '', PORT: 'x' }).port, 3025);
  });

  it('are read with what surrounds them cut away', () => {
    const config = loadConfig({
      POSTERN_ROLES: ' watch , work ',
      POSTERN_PUBLIC_URL: 'https://postern.example.org/',
      POSTERN_MASTER_KEY: ` ${KEY}\n`,
      POSTERN_PORT: '0',
    });
    assert.deepEqual(config.roles, ['watch', 'work']);
    assert.equal(config.publicUrl, 'https://postern.example.org');
    assert.deepEqual(config.masterKey, Buffer.alloc(32, 7));
    assert.equal(config.port, 0);
  });

  it('that are wrong are named all at once', () => {
    const problems = problemsOf({
      POSTERN_PORT: '70000',
      POSTERN_PUBLIC_URL: 'ftp://x',
      POSTERN_MASTER_KEY: `${CANARY}`,
      POSTERN_ADMIN_TOKEN: CANARY.slice(0, 11),
      POSTERN_ROLES: 'watch,cook',
      POSTERN_LOG: 'loud',
      POSTERN_DATABASE_URL: `postgres://u:${CANARY}@db/x`,
    });
    assert.deepEqual(namesOf(problems), [
      ...['POSTERN_ADMIN_TOKEN', 'POSTERN_DATABASE_URL', 'POSTERN_LOG', 'POSTERN_MASTER_KEY', 'POSTERN_PORT'],
      ...['POSTERN_PUBLIC_URL', 'POSTERN_ROLES'],
    ]);
  });

  for (const port of ['0x50', '1e3', ' ', '-1', '80 ', '3025.5', 'http']) {
    it(`refuse the port ${JSON.stringify(port)}`, () => {
      assert.deepEqual(namesOf(problemsOf({ POSTERN_PORT: port })), ['POSTERN_PORT']);
    });
  }

  for (const [what, key] of [
    ['of another length', Buffer.alloc(31).toString('base64')],
    ['with a slip in it', `${KEY.slice(0, 20)}!${KEY.slice(21)}`],
    ['with more behind it', `${KEY}${KEY}`],
    ['in hexadecimal', Buffer.alloc(32).toString('hex')],
  ] as const) {
    it(`refuse a master key ${what}`, () => {
      assert.deepEqual(namesOf(problemsOf({ POSTERN_MASTER_KEY: key })), ['POSTERN_MASTER_KEY']);
    });
  }
});

describe('a secret', () => {
  it('may stand in a file', () => {
    const config = loadConfig({
      POSTERN_ADMIN_TOKEN_FILE: fileWith(`${CANARY}\n`),
      POSTERN_MASTER_KEY_FILE: fileWith(KEY),
    });
    assert.equal(config.adminToken, CANARY);
    assert.equal(config.masterKey?.length, 32);
  });

  it('is given once, and its file must be there, be a file, not be empty and not be huge', () => {
    const both = { POSTERN_ADMIN_TOKEN: CANARY, POSTERN_ADMIN_TOKEN_FILE: fileWith(CANARY) };
    assert.deepEqual(namesOf(problemsOf(both)), ['POSTERN_ADMIN_TOKEN']);
    const bad = [join(folder, 'missing'), folder, '/dev/null', fileWith(' \n'), fileWith('x'.repeat(70_000))];
    for (const path of bad)
      assert.deepEqual(
        namesOf(problemsOf({ POSTERN_ADMIN_TOKEN_FILE: path })),
        ['POSTERN_ADMIN_TOKEN_FILE'],
        path,
      );
  });

  it('that is named by reference is read from the environment or a file, without its line end', () => {
    assert.equal(resolveSecret('env:MAIL', { MAIL: ` ${CANARY} ` }), ` ${CANARY} `);
    assert.equal(resolveSecret(`file:${fileWith(`${CANARY} \r\n`)}`, {}), `${CANARY} `);
  });

  it('that is missing is missed by its reference', () => {
    for (const [reference, text] of [
      ['env:MAIL', /MAIL is not set/],
      [`file:${join(folder, 'missing')}`, /missing cannot be read/],
      [`file:${folder}`, /it is not a file/],
      ['file:/dev/zero', /it is not a file/],
      [`file:${fileWith('')}`, /it is empty/],
    ] as const)
      assert.throws(
        () => resolveSecret(reference, { MAIL: '' }),
        (error: PosternError) => {
          assert.equal(error.code, 'secret_missing');
          assert.match(error.message, text);
          return true;
        },
      );
  });

  it("of Postern itself is nobody's mail password", () => {
    const env = { POSTERN_MASTER_KEY: KEY, POSTERN_ADMIN_TOKEN: CANARY };
    for (const name of Object.keys(env))
      assert.throws(() => resolveSecret(`env:${name}`, env), { code: 'secret_forbidden' });
  });
});

it('a gateway that listens everywhere is looked for on this machine', () => {
  const url = (env: Record<string, string>) => urlOfGateway(loadConfig(env));
  assert.equal(url({}), 'http://127.0.0.1:3025');
  assert.equal(url({ POSTERN_HOST: '0.0.0.0', POSTERN_PORT: '80' }), 'http://127.0.0.1:80');
  assert.equal(url({ POSTERN_HOST: '::' }), 'http://[::1]:3025');
  assert.equal(url({ POSTERN_URL: 'https://p.example/' }), 'https://p.example');
  assert.equal(url({ POSTERN_API: 'https://p.example/v1' }), 'https://p.example'); // as an agent is told it
});

it('name servers are addresses, with a port where it is not 53', () => {
  const servers = (text: string) => loadConfig({ POSTERN_DNS_SERVERS: text }).dnsServers;
  assert.deepEqual(servers('192.0.2.53, 127.0.0.1:5353,2001:db8::53,[2001:db8::53]:5353'), [
    ...['192.0.2.53', '127.0.0.1:5353', '2001:db8::53', '[2001:db8::53]:5353'],
  ]);
  assert.equal(loadConfig({}).dnsServers, null);
  for (const wrong of ['dns.example', '192.0.2.53:70000', '192.0.2', '[192.0.2.53', ','])
    assert.throws(() => servers(wrong), { code: 'config_invalid' }, wrong);
});
