// Quotas of a session hold although much is asked for at the same time.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import { spendAnswer } from '../../src/api/quota.ts';
import type { Capability } from '../../src/contracts/capability.ts';
import { Blobs } from '../../src/objects/blobs.ts';
import { folderStore } from '../../src/objects/fs.ts';
import { Uploads } from '../../src/objects/uploads.ts';
import { sessionOf } from '../../src/sessions/capabilities.ts';
import { oneAgent, openHouse, VOUCHED } from './house.ts';

const MIB = 1024 * 1024;

it('streams that are read at once break off where they are over the quota together', async () => {
  await using house = await openHouse(oneAgent('{ reply: never }', '{ bytes: 4MB }'));
  house.agent('writer', () => []);
  await house.arrive({ id: 'first', headers: [VOUCHED] });
  const { id, account_id: accountId, thread_id: threadId } = await house.rests('done');
  const { granted } = await sessionOf(house.store, id);
  const principal = {
    ...{ kind: 'session' as const, sessionId: id, accountId, threadId, agent: 'writer' },
    capability: granted as Capability,
  };
  const read = async (): Promise<number> => {
    const bytes = Readable.from(Array.from({ length: 80 }, () => Buffer.alloc(MIB / 16)));
    const stream = (await spendAnswer(house.store, principal, bytes)) as Readable;
    let length = 0;
    try {
      for await (const piece of stream as AsyncIterable<Buffer>) length += piece.length;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'bytes_limit');
    }
    return length;
  };
  const lengths = await Promise.all([read(), read(), read(), read()]);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  assert.ok(all < 9 * MIB, `${all} bytes of 20 MB were given, and 4 MB may be`);
});

it('uploads that come at once have no more room than one after the other', async () => {
  await using house = await openHouse();
  const blobs = new Blobs(house.store, folderStore(join(house.workDir, 'objects')), house.clock);
  const uploads = new Uploads(house.store, blobs, house.jobs, house.clock);
  const file = { filename: 'a', contentType: 'text/plain', by: 'session ses_1' };
  const came = await Promise.allSettled(
    Array.from({ length: 5 }, () =>
      uploads.add(Readable.from([Buffer.alloc(60)]), file, { largest: 100, together: 100 }),
    ),
  );
  assert.equal(came.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal(await uploads.roomOf('session ses_1', 100), 40);
});
