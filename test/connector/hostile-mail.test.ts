// Mail made to hurt whoever reads it, through parse_message of a running gateway: each ends within five seconds, and
// nobody else waits meanwhile.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN } from '../support/gateway.ts';

const ENDS_WITHIN_MS = 5000; // of the worker
const SPARE_MS = 1000; // for 50 MB over HTTP on a busy machine
const LONGEST_HOLD_MS = 50;
const ATTEMPTS = 10; // a busy machine holds up a process too: the best of these is the gateway's own

let folder: string;
let child: ChildProcess;
let url: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-hostile-'));
  await mkdir(join(folder, 'rules'));
  child = fork(new URL('./measured-gateway.ts', import.meta.url), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env.PATH,
      POSTERN_DATA: join(folder, 'data'),
      POSTERN_RULES: join(folder, 'rules'),
      POSTERN_PORT: '0',
      POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
    },
  });
  [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const response = await fetch(`${url}/v1/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      label: 'sales',
      address: 'sales@company.example',
      imap: { host: '127.0.0.1', port: 1, security: 'none' },
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      max_message_bytes: 64 * 1024 * 1024,
      auth: { type: 'basic', username: 'sales', password: 'a password' },
      active: false,
    }),
  });
  assert.equal(response.status, 201, await response.text());
  for (let i = 0; i < 5; i++) await parse(ascii('Subject: warm\r\n\r\nText'));
});
after(async () => {
  child?.kill('SIGKILL');
  if (child?.exitCode === null) await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
});

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

interface Answer {
  status: number;
  code?: string;
  detail?: string;
  metadata?: { subject: string; from: { name: string; address: string } | null };
  content?: { text: string; truncated: boolean };
}

async function longestHold(): Promise<number> {
  const answer = once(child, 'message');
  child.send('how long?');
  const [{ longestMs }] = (await answer) as [{ longestMs: number }];
  return longestMs;
}

async function parse(raw: Buffer, asJson = false): Promise<Answer & { ms: number; longestMs: number }> {
  const body = asJson ? JSON.stringify({ raw_base64: raw.toString('base64') }) : new Uint8Array(raw);
  await longestHold();
  const startedAt = performance.now();
  const response = await fetch(`${url}/v1/accounts/sales/imap/parse_message`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      'content-type': asJson ? 'application/json' : 'message/rfc822',
    },
    body,
  });
  const answer = (await response.json()) as Answer;
  const ms = performance.now() - startedAt;
  return { ...answer, status: response.status, ms, longestMs: await longestHold() };
}

function nested(levels: number): Buffer {
  const open = Array.from(
    { length: levels },
    (_, i) => `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`,
  );
  return ascii(`From: a@b.example\r\n${open.join('')}\r\nThe core\r\n`);
}

const parts = '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n'.repeat(10_000);
const tooComplex = (answer: Answer): void =>
  assert.equal(answer.code, 'mail_too_complex', JSON.stringify(answer));

const CASES: [string, () => Buffer, (answer: Answer) => void, boolean?][] = [
  ['nesting of 10,000', () => nested(10_000), tooComplex],
  ['100,000 headers', () => ascii(`${'X-Header: value\r\n'.repeat(100_000)}\r\nBody`), tooComplex],
  [
    '10,000 parts',
    () => ascii(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`),
    tooComplex,
  ],
  [
    '50 MB in one line',
    () => Buffer.concat([ascii('Subject: long\r\n\r\n'), Buffer.alloc(50 * 1024 * 1024, 'x')]),
    (answer) => {
      if (answer.status === 200) assert.equal(answer.content?.truncated, true);
      else tooComplex(answer);
    },
  ],
  [
    '50 MB in one header',
    () => Buffer.concat([ascii('Subject: '), Buffer.alloc(50 * 1024 * 1024, 'x')]),
    tooComplex,
  ],
  [
    'a comment bomb in From',
    () => ascii(`From: ${'('.repeat(300_000)}a@b.example${')'.repeat(300_000)}\r\nSubject: bomb\r\n\r\nText`),
    (answer) => {
      if (answer.status === 200) assert.equal(answer.metadata?.subject, 'bomb');
      else tooComplex(answer);
    },
  ],
  [
    '900 kB of addresses in From',
    () => ascii(`From: ${'a@b.example, '.repeat(70_000)}\r\nSubject: many\r\n\r\nText`),
    (answer) => {
      if (answer.status !== 200) tooComplex(answer);
    },
  ],
  [
    '30 MB of HTML',
    () =>
      Buffer.concat([ascii('Content-Type: text/html\r\n\r\n'), Buffer.alloc(30 * 1024 * 1024, '<div><b>x')]),
    (answer) => {
      if (answer.status !== 200) tooComplex(answer);
    },
  ],
  [
    '4 MB in JSON',
    () => Buffer.concat([ascii('Subject: long\r\n\r\n'), Buffer.alloc(4 * 1024 * 1024, 'x')]),
    (answer) => assert.equal(answer.status, 200),
    true,
  ],
];

describe('a hostile mail', () => {
  for (const [what, raw, check, asJson] of CASES) {
    it(`${what}: ends soon, with a clear answer, and holds up nobody`, async () => {
      const bytes = raw();
      let longestMs = Number.POSITIVE_INFINITY;
      for (let attempt = 1; attempt <= ATTEMPTS && longestMs > LONGEST_HOLD_MS; attempt++) {
        const answer = await parse(bytes, asJson);
        check(answer);
        assert.ok(answer.ms < ENDS_WITHIN_MS + SPARE_MS, `took ${Math.round(answer.ms)} ms`);
        longestMs = Math.min(longestMs, answer.longestMs);
      }
      assert.ok(longestMs <= LONGEST_HOLD_MS, `held up the event loop for ${longestMs.toFixed(0)} ms`);
    });
  }

  it('larger than what is read at all is refused', async () => {
    const answer = await parse(Buffer.alloc(65 * 1024 * 1024));
    assert.deepEqual([answer.status, answer.code], [413, 'body_too_large']);
  });
});
