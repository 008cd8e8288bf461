// The folder of an agent: attachments with hostile names lie in it, and nothing is left of it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import type { SessionEvent } from '../contracts/session.ts';
import { fileNames, layAttachments, openWorkFolder } from './work-folder.ts';

const HOSTILE = [
  '../../outside.txt',
  '/etc/passwd',
  'C:\\Windows\\x.exe',
  'same.pdf',
  'SAME.pdf',
  '5-same.pdf',
  'same.pdf',
  'CON',
  'con.txt',
  `${'long'.repeat(100)}.pdf`,
  '..',
  '',
  '.bashrc',
  'a\0b',
  'x\u202efdp.exe',
];

it('attachments with hostile names lie in the folder, each whole and under a name of its own', async () => {
  const workDir = await mkdtemp(join(tmpdir(), 'postern-work-'));
  try {
    const folder = await openWorkFolder(workDir, 'ses_1');
    const attachments = HOSTILE.map((filename, at) => ({ id: `att_${at}`, filename }));
    const event = { data: { message: { id: 'msg_1', attachments } } } as unknown as SessionEvent;
    const attachment = async (_: string, id: string, consume: (file: never, stream: Readable) => unknown) =>
      consume(undefined as never, Readable.from([`content of ${id}`]));
    await layAttachments({ attachment } as never, event, folder.path);
    for (const file of event.data.message.attachments) {
      const inside = relative(join(folder.path, 'attachments'), file.path ?? '/');
      assert.ok(!inside.startsWith('..') && !inside.includes(sep), inside);
      assert.ok(Buffer.byteLength(inside) <= 255);
      assert.equal(await readFile(file.path ?? '', 'utf8'), `content of ${file.id}`);
    }
    assert.equal((await readdir(join(folder.path, 'attachments'))).length, HOSTILE.length);
    await folder.remove();
    assert.deepEqual(await readdir(workDir), []);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
});

it('names are different whatever the file system makes of case', () => {
  const names = fileNames(['a', '3-A', 'a', 'A', '4-a', 'ﬁ', 'fi']);
  assert.equal(new Set(names.map((name) => name.normalize('NFKC').toLowerCase())).size, names.length);
});

it('what an earlier turn of the session left is removed, and that of another session is not', async () => {
  const workDir = await mkdtemp(join(tmpdir(), 'postern-work-'));
  try {
    const other = await openWorkFolder(workDir, 'ses_2');
    const crashed = await openWorkFolder(workDir, 'ses_1');
    await mkdir(join(crashed.path, 'attachments'));
    await writeFile(join(crashed.path, 'attachments', 'left.txt'), 'left by a crash');
    const next = await openWorkFolder(workDir, 'ses_1');
    assert.notEqual(next.path, crashed.path);
    const names = [next, other].map(({ path }) => relative(workDir, path));
    assert.deepEqual((await readdir(workDir)).sort(), names.sort());
    assert.deepEqual(await readdir(other.path), []);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
});

it('the folder of a turn stays when the turn before removes its own late', async () => {
  const workDir = await mkdtemp(join(tmpdir(), 'postern-work-'));
  try {
    const before = await openWorkFolder(workDir, 'ses_1');
    const next = await openWorkFolder(workDir, 'ses_1');
    await writeFile(join(next.path, 'quote.pdf'), 'in use');
    await before.remove();
    assert.deepEqual(await readdir(next.path), ['quote.pdf']);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
});
