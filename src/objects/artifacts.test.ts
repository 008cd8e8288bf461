// Artifacts whose days are over: removed also where the object store was away for long.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { JobQueue } from '../jobs/queue.ts';
import { openSqlite } from '../store/sqlite.ts';
import { Artifacts } from './artifacts.ts';
import { Blobs } from './blobs.ts';
import { folderStore } from './fs.ts';

const HOURS_MS = 3_600_000;

it('is sought to be removed for days, whatever the object store answers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-artifacts-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  try {
    let now = Date.now();
    const clock = { now: () => now };
    const jobs = new JobQueue(store, clock);
    const blobs = new Blobs(store, folderStore(join(folder, 'objects')), clock);
    const artifacts = new Artifacts({ store, blobs, jobs, clock, audit: async () => undefined });
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('an attachment');
    }
    const staged = await artifacts.stage(bytes(), 1);
    const hashes = { md5: '', sha1: '', sha256: '' };
    const of = { eventId: 'dlv_1', accountId: 'acc_1', part: '2' };
    const { id } = await artifacts.keep({ ...of, filename: null, contentType: 'text/plain', hashes }, staged);
    now += 25 * HOURS_MS;
    await assert.rejects(artifacts.get(id), { code: 'not_found' }, 'at once, whoever removes it');
    const job = await store.db.selectFrom('jobs').select(['kind', 'max_attempts']).executeTakeFirstOrThrow();
    assert.equal(job.kind, 'artifact.expire');
    assert.ok(job.max_attempts >= 3 * 24 * 6, `${job.max_attempts} attempts, at last every ten minutes`);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
