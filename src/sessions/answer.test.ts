// The files of an answer: from the agent's folder alone, whole, and bounded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ActionAttachment } from '../contracts/session.ts';
import { systemClock } from '../kernel/clock.ts';
import { Blobs } from '../objects/blobs.ts';
import { folderStore } from '../objects/fs.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { readAnswer, storeAnswer, storeFiles } from './answer.ts';

describe('an answer', () => {
  const mails = (count: number): string =>
    JSON.stringify({
      actions: Array.from({ length: count }, () => ({ type: 'reply', text: 'x'.repeat(1_000_000) })),
    });

  it('may hold mails of four million characters together, since each action reads it whole', () => {
    assert.equal(readAnswer(mails(4)).actions.length, 4);
    assert.throws(() => readAnswer(mails(5)), {
      code: 'answer_invalid',
      message: /5000000 characters together/,
    });
  });
});

describe('a file that an agent attaches', () => {
  let root: string;
  let folder: string;
  let store: Store;
  let blobs: Blobs;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'postern-answer-'));
    folder = join(root, 'work');
    await mkdir(join(folder, 'out', '..names'), { recursive: true });
    await mkdir(join(root, 'work-of-another'));
    await writeFile(join(root, 'secret'), 'secret');
    await writeFile(join(root, 'work-of-another', 'secret'), 'secret');
    await writeFile(join(folder, 'quote.pdf'), 'the quote');
    await writeFile(join(folder, 'out', '..names', 'x.txt'), 'x');
    await writeFile(join(folder, '..x'), 'x');
    await symlink(join(root, 'secret'), join(folder, 'link'));
    await symlink(root, join(folder, 'out', 'up'));
    await symlink('quote.pdf', join(folder, 'alias.pdf'));
    await writeFile(join(folder, 'huge'), '');
    await truncate(join(folder, 'huge'), 51 * 1024 * 1024);
    if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'fifo')]);
    store = await openSqlite(join(root, 'ledger.db'));
    blobs = new Blobs(store, folderStore(join(root, 'objects')), systemClock);
  });
  after(async () => {
    await store.close();
    await rm(root, { recursive: true, force: true });
  });

  const attach = (...files: ActionAttachment[]) => storeFiles(files, folder, blobs);

  it('is kept with its bytes, its size and a safe name', async () => {
    const { attachments, record } = await attach(
      { path: 'quote.pdf', content_type: 'application/pdf' },
      { path: join(folder, 'quote.pdf'), filename: '../../Quote 7.pdf' },
      { content_base64: Buffer.from('by value').toString('base64'), filename: 'a.txt' },
      { path: 'alias.pdf' },
      { path: join('out', '..names', 'x.txt') },
      { path: '..x' },
    );
    await store.write(record);
    assert.deepEqual(
      attachments.map(({ filename, content_type, size }) => [filename, content_type, size]),
      [
        ['quote.pdf', 'application/pdf', 9],
        ['_.._Quote 7.pdf', 'application/octet-stream', 9],
        ['a.txt', 'application/octet-stream', 8],
        ['alias.pdf', 'application/octet-stream', 9],
        ['x.txt', 'application/octet-stream', 1],
        ['x', 'application/octet-stream', 1],
      ],
    );
    assert.equal((await blobs.load(attachments[0]?.object_id ?? '')).toString(), 'the quote');
    assert.equal((await blobs.load(attachments[2]?.object_id ?? '')).toString(), 'by value');
  });

  const refused: [what: string, path: string, why: RegExp][] = [
    ['above the folder', '../secret', /lies outside/],
    ['at an absolute path elsewhere', '/etc/hostname', /lies outside|not in the folder/],
    ['in a folder whose name begins the same', '../work-of-another/secret', /lies outside/],
    ['behind a link', 'link', /lies outside/],
    ['behind a link to a folder', 'out/up/secret', /lies outside/],
    ['that is not there', 'missing.pdf', /is not in the folder/],
    ['with a NUL in its name', 'quote.pdf\0.txt', /is not in the folder/],
    ['that is a folder', 'out', /is not a file/],
    ['that is the folder itself', '.', /lies outside/],
    ['that is too large', 'huge', /larger than 52428800 bytes/],
  ];
  for (const [what, path, why] of refused) {
    it(`${what} is refused`, async () => {
      await assert.rejects(attach({ path }), { code: 'attachment_invalid', retry: 'never', message: why });
    });
  }

  it('that is a FIFO is refused at once, without waiting for somebody to write', {
    skip: process.platform === 'win32',
  }, async () => {
    await assert.rejects(attach({ path: 'fifo' }), { code: 'attachment_invalid', message: /is not a file/ });
  });

  it('counts together with the others of its mail', async () => {
    const content_base64 = Buffer.alloc(20 * 1024 * 1024).toString('base64');
    const files = ['a', 'b', 'c'].map((filename) => ({ content_base64, filename }));
    await assert.rejects(attach(...files), {
      code: 'attachment_invalid',
      message: /"c" makes the mail larger/,
    });
  });

  it('may not be a path where there is no folder', async () => {
    const action = { actions: [{ type: 'reply' as const, attachments: [{ path: 'quote.pdf' }] }] };
    assert.equal((await storeAnswer(action, folder, blobs)).actions.length, 1);
    await assert.rejects(storeFiles([{ path: 'quote.pdf' }], null, blobs), { message: /content_base64/ });
  });
});
