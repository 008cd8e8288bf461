// What every turn asks of the ledger takes no longer when much is in it: each question is answered by an index.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, it } from 'node:test';
import { memoryBus } from '../../src/cluster/memory.ts';
import { mayBegin } from '../../src/jobs/at-once.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { buildEvent, type EventSubject } from '../../src/sessions/event.ts';
import { expireSessions } from '../../src/sessions/expiry.ts';
import { pause } from '../../src/sessions/pauses.ts';
import { peopleOf } from '../../src/sessions/people.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';

const clock = { now: () => 1_000_000_000 };
/** Found by these words alone, a question would be answered by looking through half of a table. */
const SLOW = /^SCAN (?!CONSTANT)|\((state|kind|account_id|agent)=\?\)$/;
let root: string;
let store: Store;
let path: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-growth-'));
  path = join(root, 'ledger.sqlite');
  store = await openSqlite(path);
});
after(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** The plans of all that is asked while `work` runs. */
async function plansOf(work: () => Promise<unknown>): Promise<string[]> {
  const { prepare } = DatabaseSync.prototype;
  const asked = new Set<string>();
  DatabaseSync.prototype.prepare = function (text) {
    asked.add(text);
    return prepare.call(this, text);
  };
  try {
    await work();
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
  const other = new DatabaseSync(path, { readOnly: true });
  try {
    return [...asked]
      .filter((text) => /^(select|update|delete|with)/.test(text))
      .flatMap((text) => {
        const values = [...text.matchAll(/\?/g)].map(() => 'x');
        const steps = other.prepare(`explain query plan ${text}`).all(...values);
        return steps.map(({ detail }) => `${detail}: ${text}`);
      });
  } finally {
    other.close();
  }
}

const slow = (plans: readonly string[]): string[] => {
  assert.ok(plans.length > 0, 'nothing was asked');
  return plans.filter(
    (plan) => SLOW.test(plan.slice(0, plan.indexOf(': '))) && !plan.includes('agent_pauses'),
  );
};

it('the people of a conversation', async () => {
  assert.deepEqual(slow(await plansOf(() => peopleOf(store, 'thr_1', []))), []);
});

it('the event of a turn', async () => {
  const message = {
    arrival: { id: 'msg_1', metadata: { parts: [] }, trust: {}, arrivedAt: 0 },
    content: { unpacked: [], hidden: null },
  };
  const subject = {
    ...{ type: 'message.received', at: 0, turn: 1, token: 't', extra: {}, message },
    session: { id: 'ses_1', agent: 'a', rule: 'r', threadId: 'thr_1' },
    account: { id: 'acc_1', settings: { label: 'l', address: 'a@b.example' } },
  } as unknown as EventSubject;
  const urls = () => ({ api: '', mcp: '' });
  const detail = () => assert.fail('the mail is at hand');
  assert.deepEqual(slow(await plansOf(() => buildEvent({ store, messages: { detail }, urls }, subject))), []);
});

it('whether a turn may begin at once', async () => {
  const job = { kind: 'session.turn', lane: 'session:ses_1', pool: 'agent:a' } as const;
  assert.deepEqual(slow(await plansOf(() => store.write((tx) => mayBegin(tx, job, 4)))), []);
});

it('which sessions have waited too long', async () => {
  const agents = new Map([['a', { limits: { session: '30d' } }]]);
  const parts = { store, clock, bus: memoryBus(clock), log: silentLogger, rules: () => ({ agents }) };
  const plans = await plansOf(() => expireSessions({ ...parts, withdraw: async () => undefined }));
  assert.deepEqual(slow(plans), []);
});

it('which turns a pause ends', async () => {
  const parts = { clock, bus: memoryBus(clock) };
  const plans = await plansOf(() =>
    store.write((tx) => pause(parts, tx, { scope: 'all' }, { reason: 'a test', by: 'a person' })),
  );
  assert.deepEqual(slow(plans), []);
});
