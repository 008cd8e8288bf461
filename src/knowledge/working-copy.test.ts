// Working copies: gone when their work is done, and those of killed processes gone at the next start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import { removeLeftCopies, withWorkingCopy } from './working-copy.ts';

const blobOf = (text: string) => ({
  ...{ id: 'obj_1', sha256: '', size: text.length },
  open: async () => Readable.from([Buffer.from(text)], { objectMode: false }),
});
const { signal } = new AbortController();

it('is there while it is worked with, for its owner alone, and gone then, also where the work fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-copy-'));
  try {
    const read = await withWorkingCopy(folder, blobOf('words'), signal, async (path) => {
      if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600);
      return readFile(path, 'utf8');
    });
    assert.equal(read, 'words');
    await assert.rejects(
      withWorkingCopy(folder, blobOf('words'), signal, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(await readdir(join(folder, 'documents')), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('of a process that is gone is removed; of those that run, and of other hosts, they stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-copy-'));
  try {
    await removeLeftCopies(folder); // nothing is there yet
    await mkdir(join(folder, 'documents'));
    const { pid } = spawnSync(process.execPath, ['-e', '0']);
    const names = [
      `${hostname()}+${pid}+aaaa+1+gone`,
      `${hostname()}+${process.ppid}+aaaa+1+runs`,
      `elsewhere+${pid}+aaaa+1+other`,
    ];
    for (const name of names) await writeFile(join(folder, 'documents', name), 'mail');
    await withWorkingCopy(folder, blobOf('words'), signal, async () => {
      await removeLeftCopies(folder);
      const left = await readdir(join(folder, 'documents'));
      assert.equal(left.length, 3, 'the two, and the one that is in use');
      assert.ok(!left.includes(names[0] ?? ''));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('of another host is removed once it is older than any work, as a container comes back under another name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-copy-'));
  try {
    await mkdir(join(folder, 'documents'));
    const path = join(folder, 'documents', 'elsewhere+1+aaaa+1+old');
    await writeFile(path, 'mail');
    const before = Date.now() / 1000 - 25 * 3600;
    await utimes(path, before, before);
    await removeLeftCopies(folder);
    assert.deepEqual(await readdir(join(folder, 'documents')), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
