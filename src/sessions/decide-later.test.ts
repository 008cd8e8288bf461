// Late decisions where it cannot be found out who sent a mail: tried again a few times, then made without proof, once.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { memoryBus } from '../cluster/memory.ts';
import type { Trust } from '../contracts/mail.ts';
import type { JobPayload } from '../jobs/kinds.ts';
import { decisionLane, decisionPool } from '../jobs/kinds.ts';
import { JobQueue } from '../jobs/queue.ts';
import type { JobHandler } from '../jobs/worker.ts';
import { PosternError } from '../kernel/errors.ts';
import { metadataOf } from '../mail/metadata.ts';
import { trustOf } from '../mail/trust.ts';
import { compileRules } from '../rules/compile.ts';
import type { RuleSet } from '../rules/match.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Arrival } from '../watch/arrival.ts';
import { insertArrivals } from '../watch/ledger-writes.ts';
import { ruleDecider } from './decide.ts';
import { registerLateDecisions } from './decide-later.ts';

const RULES = `
rules:
  - { name: all, then: [{ label: All }] }
  - { name: proved, when: { trust: verified }, then: [{ label: Proved }] }
  - { name: doubted, when: { not: { trust: verified } }, then: [{ label: Doubted }] }
`;
const account = { id: 'acc_1', version: 1, settings: { label: 'sales' } } as unknown as Account;

describe('a late decision', () => {
  let folder: string;
  let store: Store;
  let now = 1_000_000;
  const clock = { now: () => now };
  let found: () => Promise<Trust>;
  let rules: RuleSet;
  let handler: JobHandler<'message.decide'>;
  let jobs: JobQueue;
  let proofOptions: boolean[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-decide-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    jobs = new JobQueue(store, clock);
    rules = compileRules([{ name: 'rules.yaml', text: RULES }]);
    const decider = ruleDecider({ rules: () => rules, jobs, clock });
    registerLateDecisions({
      ...{ store, jobs, clock, decider, bus: memoryBus(clock) },
      accounts: { get: async () => account },
      imap: { use: () => Promise.reject(new Error('no text is wanted')) } as never,
      worker: { handle: (_: string, given: typeof handler) => (handler = given) } as never,
      proofs: {
        prove: (_, { isLast }) => {
          proofOptions.push(isLast);
          return found();
        },
      },
    });
    for (const id of ['msg_1', 'msg_2', 'msg_3', 'msg_4']) {
      const arrival = arrivalOf(id);
      await store.write(async (tx) => {
        await insertArrivals(tx, [{ ...arrival, uid: 1, fingerprint: id, references: [] }], now);
        await decider.record(tx, arrival, decider.decide(arrival) as never, null);
      });
    }
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const waiting = async (id: string) =>
    (await store.db.selectFrom('jobs').selectAll().where('kind', '=', 'message.decide').execute()).filter(
      ({ payload }) => payload.includes(id),
    );
  const decided = async (id: string) =>
    (
      await store.db
        .selectFrom('decisions')
        .select('rule')
        .where('message_id', '=', id)
        .orderBy('rule')
        .execute()
    ).map(({ rule }) => rule);
  /** Runs the job of a message as the worker would. */
  const run = async (id: string): Promise<void> => {
    const [job] = await waiting(id);
    assert.ok(job);
    await handler(JSON.parse(job.payload) as JobPayload<'message.decide'>, {
      ...{ id: job.id, attempt: 1, lastAttempt: false, signal: new AbortController().signal },
      finish: async (tx) => {
        await tx.deleteFrom('jobs').where('id', '=', job.id).execute();
      },
      putOff: async () => undefined,
    });
  };

  it('is left for those rules alone that hang on the proof, in the lane of its thread', async () => {
    assert.deepEqual(await decided('msg_1'), ['all']);
    const [job] = await waiting('msg_1');
    assert.equal(job?.lane, decisionLane('thr_1'));
    assert.deepEqual((JSON.parse(job?.payload ?? '') as { rules: string[] }).rules, ['proved', 'doubted']);
  });

  it('follows the proof', async () => {
    found = async () => ({ ...arrivalOf('msg_1').trust, level: 'verified', checked: true });
    await run('msg_1');
    assert.deepEqual(await decided('msg_1'), ['all', 'proved']);
    assert.deepEqual(await waiting('msg_1'), []);
  });

  it('waits out of the way while the DNS fails, and is made without proof in the end', async () => {
    proofOptions = [];
    found = () => Promise.reject(new PosternError('proof_pending', 'The DNS fails.', { retry: 'later' }));
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      await run('msg_2');
      const [job] = await waiting('msg_2');
      assert.equal(job?.lane, null, 'the next mail of the thread does not wait');
      assert.equal(job?.pool, decisionPool('acc_1'));
      waits.push((job?.run_at ?? 0) - now);
      now = job?.run_at ?? now;
    }
    assert.deepEqual(waits, [10_000, 60_000, 300_000]);
    found = async () => ({ ...arrivalOf('msg_2').trust, reason: 'the DNS fails' });
    await run('msg_2');
    assert.deepEqual(proofOptions, [false, false, false, true]);
    assert.deepEqual(await decided('msg_2'), ['all', 'doubted']);
    assert.deepEqual(await waiting('msg_2'), []);
  });

  it('stays in its place where the mail server cannot be reached: that is the worker’s to try again', async () => {
    found = () =>
      Promise.reject(new PosternError('imap_unreachable', 'The server is down.', { retry: 'later' }));
    await assert.rejects(run('msg_3'), { code: 'imap_unreachable' });
    assert.equal((await waiting('msg_3'))[0]?.lane, decisionLane('thr_1'));
  });

  it('is made by no rule that came into force after the mail', async () => {
    const later = `${RULES}  - { name: later, when: { trust: verified }, then: [{ label: Later }] }\n`;
    rules = compileRules([{ name: 'rules.yaml', text: later }]);
    found = async () => ({ ...arrivalOf('msg_4').trust, level: 'verified', checked: true });
    await run('msg_4');
    assert.deepEqual(await decided('msg_4'), ['all', 'proved']);
  });
});

function arrivalOf(id: string): Arrival {
  const headers = [
    'From: anna@customer.example',
    `Subject: ${id}`,
    'DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=s1; b=x',
  ];
  const metadata = metadataOf({
    headers: Buffer.from(`${headers.join('\r\n')}\r\n\r\n`),
    bodyStructure: undefined,
    size: 1,
  });
  return {
    ...{
      id,
      account,
      mailbox: 'INBOX',
      threadId: 'thr_1',
      isReply: false,
      flags: [],
      arrivedAt: 1,
      metadata,
    },
    kind: 'personal',
    kindReason: '',
    trust: trustOf(metadata, null),
  };
}
