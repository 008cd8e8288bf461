// When a mail leaves: at its time, behind those that go first, or not at all once somebody took it back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSmtpServer } from '../support/smtp-server.ts';
import { eventually } from '../support/waiting.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

const HOUR = 3_600_000;
const users = { [USER]: PASSWORD };
const anna = 'anna@example.com';
const bert = 'bert@example.com';

test('a mail for later leaves at its time and not before, also where its job is woken sooner', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server));
  const later = await outpost.approve(contentTo(anna), { not_before: Date.now() + HOUR });
  const woken = await outpost.approve(contentTo(bert), { not_before: Date.now() + HOUR });
  const wakes = `{"submission_id":"${woken.id}"}`;
  await outpost.store.db.updateTable('jobs').set({ run_at: 0 }).where('payload', '=', wakes).execute();
  await outpost.start();
  const now = await outpost.approve(contentTo('cleo@example.com'));
  await outpost.until(now.id, ({ state }) => state === 'sent');
  const view = await outpost.submissions.get(later.id);
  assert.equal(view.state, 'queued');
  assert.match(view.waits_for ?? '', /^It leaves at its time, \d{4}-/);
  assert.equal(server.received.length, 1);
  outpost.advance(HOUR);
  await outpost.until(later.id, ({ state }) => state === 'sent');
  const sent = await outpost.until(woken.id, ({ state }) => state === 'sent');
  assert.equal(sent.waits_for, null);
});

test('what has not begun to leave can be taken back, and never leaves', async () => {
  await using server = await startSmtpServer({
    users,
    faults: [{ at: 'rcpt', recipient: bert, does: { code: 451, text: '4.3.0 Later' }, times: 1 }],
  });
  await using outpost = await openOutpost(accountOn(server));
  const scheduled = await outpost.approve(contentTo(anna), { not_before: Date.now() + HOUR });
  const queued = await outpost.approve(contentTo(anna));
  for (const { id } of [scheduled, queued]) {
    const view = await outpost.submissions.cancel(id, 'olga');
    assert.equal(view.state, 'cancelled');
    assert.equal(view.last_error, 'Cancelled by olga.');
    assert.deepEqual([view.recipients[0]?.state, view.next_attempt_at], ['cancelled', null]);
  }
  await assert.rejects(outpost.submissions.cancel(queued.id, 'olga'), { code: 'submission_not_cancellable' });
  await outpost.start();
  const partly = await outpost.approve(contentTo(anna, bert));
  await outpost.until(partly.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  const rest = await outpost.submissions.cancel(partly.id, 'olga');
  assert.deepEqual(
    [rest.state, ...rest.recipients.map(({ state }) => state)],
    ['sent', 'sent', 'cancelled'],
    'who has it has it',
  );
  outpost.advance(2 * HOUR);
  const last = await outpost.approve(contentTo(anna));
  await outpost.until(last.id, ({ state }) => state === 'sent');
  assert.deepEqual(
    server.messages().map(({ recipients }) => recipients),
    [[anna], [anna]],
  );
  assert.equal((await outpost.jobs()).filter(({ kind }) => kind === 'submission.send').length, 0);
});

for (const moment of ['mail', 'rcpt', 'data', 'content', 'end'] as const) {
  test(`of a cancel that comes at ${moment} and the attempt exactly one wins`, async () => {
    const begun = ['content', 'end'].includes(moment); // then nobody waits for the answer of a server that hangs
    const does = begun ? 'drop' : 'hang';
    await using server = await startSmtpServer({ users, faults: [{ at: moment, does, times: 1 }] });
    await using outpost = await openOutpost(accountOn(server, { timeout_ms: 1_000 }));
    await outpost.start();
    const struck = server.nextFault();
    const mail = await outpost.approve(contentTo(anna));
    await struck;
    const cancelled = await outpost.submissions.cancel(mail.id, 'olga').then(
      () => true,
      (error: { code: string }) => {
        assert.equal(error.code, 'submission_not_cancellable');
        return false;
      },
    );
    assert.equal(cancelled, !begun);
    const end = await outpost.until(mail.id, ({ state }) => !['queued', 'sending'].includes(state));
    assert.equal(end.state, cancelled ? 'cancelled' : 'unknown');
    await eventually(async () => (await outpost.jobs()).every(({ kind }) => kind !== 'submission.send'));
  });
}
