// Mail in the outbox when its agent is paused: what policy let go waits, what a person approved leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOK_AGAIN_MS } from '../../src/sessions/pauses.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { eventually } from '../support/waiting.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

test('what policy let go does not leave while its agent is paused, and leaves after', async () => {
  await using server = await startSmtpServer({ users: { [USER]: PASSWORD } });
  await using outpost = await openOutpost(accountOn(server));
  const { db } = outpost.store;
  const session = {
    ...{ id: 'ses_1', account_id: outpost.account.id, agent: 'writer', rule: 'all', thread_id: 'thr_1' },
    ...{ message_id: 'msg_1', state: 'done', turns: 1, created_at: 0, updated_at: 0 },
  };
  await db.insertInto('sessions').values(session).execute();
  const pause = { scope: 'all' as const, name: '', reason: 'an incident', paused_by: 'olga', paused_at: 0 };
  await db.insertInto('agent_pauses').values(pause).execute();
  const approvedBy = async (who: string) => {
    const mail = await outpost.approve(contentTo('anna@example.com'));
    const change = { approved_by: who, session_id: 'ses_1' };
    await db.updateTable('submissions').set(change).where('id', '=', mail.id).execute();
    return mail;
  };
  const byPolicy = await approvedBy('policy:writer');
  const byPerson = await approvedBy('olga');
  await outpost.start();
  await outpost.until(byPerson.id, ({ state }) => state === 'sent');
  const waiting = async (): Promise<number> => {
    const jobs = await outpost.jobs();
    const job = jobs.find(({ kind, payload }) => kind === 'submission.send' && payload.includes(byPolicy.id));
    return (job?.run_at ?? 0) - Date.now();
  };
  await eventually(async () => (await waiting()) >= LOOK_AGAIN_MS / 2);
  const held = await outpost.submissions.get(byPolicy.id);
  assert.deepEqual([held.state, held.attempts], ['queued', 0]);
  assert.equal(server.received.length, 1);
  await db.deleteFrom('agent_pauses').execute();
  outpost.advance(LOOK_AGAIN_MS);
  await outpost.until(byPolicy.id, ({ state }) => state === 'sent');
  assert.equal(server.received.length, 2);
});
