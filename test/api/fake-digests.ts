// Digests and broadcasts as the doors' tests meet them: small stand-ins that keep the room's promises.
import type { Rooms } from '../../src/api/rooms.ts';
import type { BroadcastDetail, BroadcastView, DigestView } from '../../src/contracts/broadcast.ts';
import { notFound, PosternError } from '../../src/kernel/errors.ts';

const DIGEST = `sha256:${'cd'.repeat(32)}`;

function broadcast(id: string): BroadcastView {
  if (id !== 'brd_1') throw notFound('broadcast', id);
  const counts = {
    queued: 0,
    sent: 0,
    failed: 0,
    unknown: 0,
    suppressed: 0,
    unsubscribed: 0,
    cancelled: 0,
    bounced: 0,
  };
  return {
    ...{ id, name: 'news', state: 'waiting', version: 1, digest: DIGEST, account_id: 'acc_1' },
    ...{ from: { name: '', address: 'sales@company.example' }, template: 'received', digest_name: null },
    to: [{ name: '', address: 'anna@example.org' }],
    ...{ subject: 'News', text: 'News', html: null, reasons: ['It goes to 2 recipients as one.'] },
    ...{ made_by: 'admin', feedback: null, decided_by: null, error: null },
    counts: { total: 2, pending: 2, ...counts },
    ...{ created_at: 1, updated_at: 1, started_at: null, ended_at: null },
  };
}

function digest(name: string): DigestView {
  if (name !== 'news') throw notFound('digest', name);
  return {
    ...{ name, cron: '0 8 * * *', timezone: 'UTC', template: 'received', account: 'sales', approve: true },
    ...{ missed: 'once', next_at: 1, paused_at: null, paused_by: null, last: null },
  };
}

export function fakeBroadcasts(calls: string[]): Rooms['broadcasts'] {
  const decided = (verb: string) => async (id: string, by?: string | null) => {
    const found = broadcast(id);
    calls.push(`broadcasts.${verb} ${id} ${by ?? ''}`.trim());
    return found;
  };
  return {
    list: async () => [broadcast('brd_1')],
    get: async (id) =>
      ({ ...broadcast(id), samples: [], recipients: [], data: {} }) satisfies BroadcastDetail,
    recipients: async () => [],
    create: async ({ name }, by) => {
      calls.push(`broadcasts.create ${name} ${by}`);
      return broadcast('brd_1');
    },
    approve: async (id, given, by) => {
      const found = broadcast(id);
      if (given !== DIGEST) throw new PosternError('broadcast_digest_mismatch', 'It is another one.');
      calls.push(`broadcasts.approve ${id} ${by}`);
      return found;
    },
    reject: async (id, _feedback, by) => decided('reject')(id, by),
    pause: decided('pause'),
    resume: decided('resume'),
    cancel: decided('cancel'),
  };
}

export function fakeDigests(calls: string[]): Rooms['digests'] {
  return {
    list: async () => [digest('news')],
    get: async (name) => digest(name),
    pause: async (name, by) => {
      calls.push(`digests.pause ${name} ${by}`);
      return digest(name);
    },
    resume: async (name) => {
      calls.push(`digests.resume ${name}`);
      return digest(name);
    },
    run: async (name) => {
      digest(name);
      calls.push(`digests.run ${name}`);
      return { firing_id: 'dgf_1' };
    },
    preview: async (name) => {
      digest(name);
      return {
        to: [],
        subject: 'News',
        text: 'News',
        html: null,
        language: 'en',
        recipients: 2,
        submission_id: null,
      };
    },
  };
}
