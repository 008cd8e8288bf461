// What a kill leaves in the folder goes; what a row names, or what may still be under way, stays.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { openSqlite } from '../store/sqlite.ts';
import { Blobs } from './blobs.ts';
import { folderStore } from './fs.ts';
import { sweepObjects } from './sweep.ts';

const DAYS_AGO_3 = (Date.now() - 3 * 24 * 3_600_000) / 1_000;

it('objects that no row names and writes that broke off are removed after two days, and nothing else is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-sweep-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  try {
    const path = join(folder, 'objects');
    const place = (key: string): string => join(path, key.slice(-2), key);
    const objects = folderStore(path);
    const blobs = new Blobs(store, objects, systemClock);
    const large = Buffer.alloc(300_000, 1);
    const [named, unnamed, underWay] = [
      await blobs.stage(large),
      await blobs.stage(large),
      await blobs.stage(large),
    ];
    await store.write((tx) => named.record(tx));
    const beside = `${place(newId('obj'))}.0123abcd.tmp`;
    const besideNow = `${place(named.id)}.0123abcd.tmp`;
    const foreign = join(dirname(place(named.id)), 'notes.txt');
    await objects.put(newId('obj'), large);
    for (const file of [besideNow, foreign]) await writeFile(file, 'x');
    const broken = join(dirname(place(unnamed.id)), beside.split('/').at(-1) as string);
    await writeFile(broken, 'x');
    for (const file of [place(named.id), place(unnamed.id), broken, foreign])
      await utimes(file, DAYS_AGO_3, DAYS_AGO_3);

    assert.equal(await sweepObjects(store, objects, systemClock), 1);
    const left = (await readdir(path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
    assert.ok(left.includes(named.id), 'what a row names stays');
    assert.ok(left.includes(underWay.id), 'what may be under way stays');
    assert.ok(left.includes('notes.txt'), 'what is not ours stays');
    assert.ok(
      left.some((name) => name.endsWith('.tmp')),
      'a write of this moment stays',
    );
    assert.ok(!left.includes(unnamed.id));
    assert.equal(left.filter((name) => name.endsWith('.tmp')).length, 1);
    assert.equal(await sweepObjects(store, objects, systemClock), 0);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
