// Objects in a folder: whole or not at all, for their owner alone, and never outside of the folder.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { newId } from '../kernel/ids.ts';
import { openSqlite } from '../store/sqlite.ts';
import { Blobs } from './blobs.ts';
import { folderStore } from './fs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-objects-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const filesIn = async (path: string) =>
  (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

it('an object comes back as it was, can be replaced, and is gone when it is removed', async () => {
  const objects = folderStore(join(folder, 'objects'));
  const key = newId('obj');
  for (const bytes of [Buffer.from([0, 255, 10, 13]), Buffer.alloc(0), Buffer.alloc(3_000_000, 7)]) {
    await objects.put(key, bytes);
    assert.deepEqual(await objects.get(key), bytes);
  }
  const [file] = await filesIn(folder);
  const path = join(file?.parentPath ?? '', file?.name ?? '');
  if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600);
  await objects.remove(key);
  await objects.remove(key);
  await assert.rejects(objects.get(key), { code: 'not_found' });
});

it('a key that is none of ours is refused, wherever it points', async () => {
  const objects = folderStore(join(folder, 'objects'));
  await writeFile(join(folder, 'outside'), 'x');
  for (const key of [
    '../outside',
    '/etc/passwd',
    'obj_',
    '',
    'obj_../../../../../../outside12',
    `${newId('obj')}/x`,
  ])
    await assert.rejects(objects.get(key), { code: 'object_key_invalid' });
});

it('a write that fails leaves nothing behind', async () => {
  const objects = folderStore(folder);
  const key = newId('obj');
  await mkdir(join(folder, key.slice(-2), key), { recursive: true }); // a folder stands where the object should go
  await chmod(folder, 0o700);
  await assert.rejects(objects.put(key, Buffer.from('x')));
  assert.deepEqual(await filesIn(folder), []);
});

it('a blob is found only once its row is committed, whether it is small or large', async () => {
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const blobs = new Blobs(store, folderStore(join(folder, 'objects')), { now: () => 1 });
  for (const size of [0, 10, 256 * 1024, 256 * 1024 + 1]) {
    const bytes = Buffer.alloc(size, 5);
    const undone = await blobs.stage(bytes);
    await assert.rejects(
      store.write(async (tx) => {
        await undone.record(tx);
        throw new Error('no');
      }),
    );
    await assert.rejects(blobs.load(undone.id), { code: 'not_found' });
    const staged = await blobs.stage(bytes);
    await store.write((tx) => staged.record(tx));
    assert.deepEqual(await blobs.load(staged.id), bytes);
    assert.equal(staged.size, size);
  }
  await store.close();
});
