// When a link leads to its file, how often, and what becomes of the file afterwards.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { JobQueue } from '../jobs/queue.ts';
import { newId } from '../kernel/ids.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Blobs } from './blobs.ts';
import { folderStore } from './fs.ts';
import { Links, newLinkToken } from './links.ts';

const DAY_MS = 24 * 3_600_000;
const LARGE = Buffer.alloc(300_000, 7); // more than lies in the ledger

describe('a link', () => {
  let folder: string;
  let store: Store;
  let blobs: Blobs;
  let links: Links;
  let now = Date.now();
  const clock = { now: () => now };
  const told: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-links-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    blobs = new Blobs(store, folderStore(join(folder, 'objects')), clock);
    const jobs = new JobQueue(store, clock);
    links = new Links({
      store,
      blobs,
      jobs,
      clock,
      audit: async (_tx, { target }) => void told.push(target),
    });
  });
  after(async () => {
    await store?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function file(bytes = LARGE): Promise<string> {
    const blob = await blobs.stage(bytes);
    await store.write((tx) => blob.record(tx));
    return blob.id;
  }

  async function draft(state: string, content = '{}', version = 1): Promise<string> {
    const id = newId('drf', now);
    await store.write(async (tx) => {
      const nobody = { session_id: null, thread_id: null, turn_id: null, action_index: null };
      const undecided = { feedback: null, decided_by: null, decided_at: null, submission_id: null };
      await tx
        .insertInto('drafts')
        .values({
          ...{ id, account_id: 'acc_1', answers_message_id: null, state, version, digest: '', reasons: '[]' },
          ...{ ...nobody, ...undecided, created_at: now, updated_at: now },
        })
        .execute();
      const raw = { digest: '', envelope: '{}', raw_object_id: 'obj_0', author: 'me', created_at: now };
      await tx
        .insertInto('draft_versions')
        .values({ draft_id: id, version, content, ...raw })
        .execute();
    });
    return id;
  }

  async function link(draftId: string, object_id: string, more: { max?: number; size?: number } = {}) {
    const { id, token } = newLinkToken(now);
    const made = { object_id, filename: 'a', content_type: 'text/plain', size: more.size ?? LARGE.length };
    await store.write((tx) =>
      links.record(
        tx,
        [{ ...made, id, token, expires_at: now + 14 * DAY_MS, max_downloads: more.max ?? null }],
        {
          ...{ accountId: 'acc_1', draftId, version: 1 },
        },
      ),
    );
    return { id, token };
  }

  it('leads to its file while the draft that names it is approved, and at no other time', async () => {
    for (const [state, version, leads] of [
      ['approved', 1, true],
      ['waiting', 1, false],
      ['rejected', 1, false],
      ['withdrawn', 1, false],
      ['superseded', 1, false],
      ['approved', 2, false],
    ] as const) {
      const { token } = await link(await draft(state, '{}', version), await file());
      assert.equal((await links.follow(token)) !== null, leads, `${state}, version ${version}`);
    }
    const { token } = await link('drf_gone', await file());
    assert.equal(await links.follow(token), null);
    for (const wrong of ['', 'x', `${token.slice(0, -1)}`, `${token} `])
      assert.equal(await links.follow(wrong), null);
  });

  it('is over at its time, and lasts longer when it is extended before its file went', async () => {
    const object = await file();
    const { id, token } = await link(await draft('approved'), object);
    now += 14 * DAY_MS;
    assert.equal(await links.follow(token), null);
    assert.equal((await links.get(id)).state, 'expired');
    await links.extend(id, now + DAY_MS);
    assert.ok(await links.follow(token));
    await links.expire(id, { id: 'job_1' });
    assert.ok(await links.follow(token), 'the job of its first time does nothing');
    now += DAY_MS;
    await links.expire(id, { id: 'job_2' });
    await assert.rejects(blobs.find(object), { code: 'not_found' });
    assert.deepEqual(told.splice(0), [`acc_1;link=${id};object=${object};bytes=removed`]);
    await links.expire(id, { id: 'job_3' });
    assert.deepEqual(told, [], 'once');
    await assert.rejects(links.extend(id, now + DAY_MS), { code: 'link_over' });
  });

  it('leaves the file to whoever else needs it, and the last one takes it along', async () => {
    const shared = await file();
    const [one, other] = [
      await link(await draft('approved'), shared),
      await link(await draft('approved'), shared),
    ];
    await links.revoke(one.id);
    await links.expire(one.id, { id: 'job_1' });
    assert.equal(await links.follow(one.token), null);
    assert.ok(await links.follow(other.token));
    await links.revoke(other.id);
    await links.expire(other.id, { id: 'job_2' });
    await assert.rejects(blobs.find(shared), { code: 'not_found' });

    const attached = await file();
    const { id } = await link(await draft('rejected'), attached);
    await draft('waiting', JSON.stringify({ attachments: [{ object_id: attached }] }));
    now += 14 * DAY_MS;
    told.length = 0;
    await links.expire(id, { id: 'job_3' });
    assert.ok(await blobs.find(attached), 'a draft that waits has it attached');
    assert.deepEqual(told, [`acc_1;link=${id};object=${attached};bytes=kept`]);
  });

  it('is followed so often only, whoever asks at the same time; what was not delivered does not count', async () => {
    const { id, token } = await link(await draft('approved'), await file(), { max: 2 });
    const size = LARGE.length;
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => links.take(id, size))), [true, true, false]);
    assert.equal(await links.follow(token), null, 'used up');
    await links.giveBack(id, size - 100);
    assert.equal((await links.get(id)).downloads, 1);
    assert.ok(await links.follow(token));
    assert.equal(await links.take(id, size), true);
    assert.equal(await links.take(id, 1), false);
    const empty = await link(await draft('approved'), await file(Buffer.alloc(0)), { max: 1, size: 0 });
    assert.deepEqual([await links.take(empty.id, 1), await links.take(empty.id, 1)], [true, false]);
  });
});
