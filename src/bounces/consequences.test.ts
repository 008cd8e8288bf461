// What follows from a report: states, the suppression list, and what many soft ones come to.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { memoryBus } from '../cluster/memory.ts';
import { openSqlite } from '../store/sqlite.ts';
import { follow, SOFT_BOUNCES } from './consequences.ts';
import type { MatchedReport } from './match.ts';
import type { ReportedRecipient } from './report.ts';
import { suppressedAmong } from './suppressed.ts';

const DAY_MS = 24 * 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'postern-bounces-'));
const store = await openSqlite(join(folder, 'ledger.sqlite'));
let now = 1_000 * DAY_MS;
const clock = { now: () => now };
const parts = { clock, bus: memoryBus(clock as never) } as Parameters<typeof follow>[1];

const reported = (change: Partial<ReportedRecipient>): ReportedRecipient => ({
  ...{ address: null, original: null, type: 'bounce', kind: 'soft', status: null, reason: 'mailbox full' },
  ...{ diagnostic: null, remoteMta: null },
  ...change,
});
let messages = 0;
const take = (address: string, change: Partial<ReportedRecipient>, isOurs = true) => {
  const matched: MatchedReport = {
    mail: isOurs ? { submissionId: 'sub_1', accountId: 'acc_1', sessionId: null, by: 'message-id' } : null,
    recipients: [{ reported: reported({ address, ...change }), position: isOurs ? 7 : null, address }],
  };
  return store.write((tx) => follow(tx, parts, { id: `msg_${++messages}`, accountId: 'acc_1' }, matched));
};
const isSuppressed = async (address: string) =>
  (await suppressedAmong(store.db, { accountId: 'acc_1', now }, [address])).has(address);

describe('what follows from a report', () => {
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('notes one that is about no mail of ours, and changes nothing', async () => {
    await take('x@one.example', { kind: 'hard' }, false);
    const rows = await store.db.selectFrom('bounces').select(['address', 'submission_id']).execute();
    assert.deepEqual(
      rows.map((row) => [row.address, row.submission_id]),
      [['x@one.example', null]],
    );
    assert.equal(await isSuppressed('x@one.example'), false);
  });

  it('gives up an address after so many soft refusals on several days, and for a while only', async () => {
    for (let at = 0; at < SOFT_BOUNCES; at++) {
      assert.equal(await isSuppressed('y@one.example'), false, `after ${at}`);
      await take('y@one.example', {});
      now += DAY_MS;
    }
    assert.equal(await isSuppressed('y@one.example'), true);
    now += 90 * DAY_MS;
    assert.equal(await isSuppressed('y@one.example'), false);
  });

  it('does not give up one that refuses often on one day, or after a delivery', async () => {
    for (let at = 0; at < 2 * SOFT_BOUNCES; at++) await take('z@one.example', {});
    assert.equal(await isSuppressed('z@one.example'), false);
    for (let at = 0; at < 2 * SOFT_BOUNCES; at++) {
      if (at % 3 === 0) await take('w@one.example', { type: 'delivered', kind: 'unknown' });
      await take('w@one.example', {});
      now += DAY_MS;
    }
    assert.equal(await isSuppressed('w@one.example'), false);
  });

  it('gives up nobody for a delay, a refusal as spam, or what nobody understands', async () => {
    await take('v@one.example', { type: 'delay', kind: 'hard' });
    await take('v@one.example', { kind: 'block' });
    await take('v@one.example', { kind: 'unknown' });
    await take('v@one.example', { kind: 'too_large' });
    await take('v@one.example', { type: 'receipt', kind: 'unknown' });
    assert.equal(await isSuppressed('v@one.example'), false);
    await take('v@one.example', { kind: 'hard' });
    assert.equal(await isSuppressed('v@one.example'), true);
  });

  it('tells the session that wrote the mail, once, and whoever listens', async () => {
    await store.db
      .insertInto('submissions')
      .values({
        ...{
          id: 'sub_2',
          account_id: 'acc_1',
          draft_id: 'drf_2',
          session_id: 'ses_2',
          answers_message_id: null,
        },
        ...{
          state: 'sent',
          message_id: '<2@c.example>',
          subject: 'Hello',
          digest: 'sha256:',
          approved_by: 'admin',
        },
        ...{ envelope: '{}', raw_object_id: 'obj_2', dated_at: now, attempts: 1, next_attempt_at: null },
        ...{ data_begun_at: now, last_error: null, created_at: now, sent_at: now },
      })
      .execute();
    const people = ['a@two.example', 'b@two.example'];
    for (const [position, address] of people.entries())
      await store.db
        .insertInto('submission_recipients')
        .values({ submission_id: 'sub_2', position, address, state: 'sent', response: '250 OK' })
        .execute();
    const heard: string[] = [];
    const listening = {
      ...parts,
      bus: { ...parts.bus, publish: (type: string) => void heard.push(type) } as never,
    };
    const mail = { submissionId: 'sub_2', accountId: 'acc_1', sessionId: 'ses_2', by: 'message-id' } as const;
    const about = (position: number, id: string, change: Partial<ReportedRecipient>) =>
      store.write((tx) =>
        follow(
          tx,
          listening,
          { id, accountId: 'acc_1' },
          {
            mail,
            recipients: [{ reported: reported(change), position, address: people[position] as string }],
          },
        ),
      );
    const stateOf = async () =>
      (await store.db.selectFrom('submissions').select('state').where('id', '=', 'sub_2').executeTakeFirst())
        ?.state;

    await about(0, 'msg_a', { kind: 'hard', reason: 'no such recipient' });
    await about(0, 'msg_a', { kind: 'hard', reason: 'no such recipient' }); // the job came a second time
    assert.equal(await stateOf(), 'sent', 'the other one has it');
    await about(1, 'msg_b', { kind: 'soft' });
    assert.equal(await stateOf(), 'bounced');
    await about(1, 'msg_c', { type: 'complaint', kind: 'unknown', reason: 'a complaint (abuse)' });
    assert.equal(await stateOf(), 'complained');

    const records = await store.db
      .selectFrom('turn_records')
      .select(['kind', 'data'])
      .where('session_id', '=', 'ses_2')
      .orderBy('seq')
      .execute();
    assert.deepEqual(
      records.map(({ kind, data }) => [
        kind,
        JSON.parse(data).recipients[0].address,
        JSON.parse(data).recipients[0].kind,
      ]),
      [
        ['bounced', 'a@two.example', 'hard'],
        ['bounced', 'b@two.example', 'soft'],
        ['bounced', 'b@two.example', 'unknown'],
      ],
    );
    assert.deepEqual(
      heard.filter((type) => type.startsWith('submission.')),
      [
        ...['submission.changed', 'submission.bounced', 'submission.changed', 'submission.bounced'],
        ...['submission.changed', 'submission.complained'],
      ],
    );
  });
});
