// Two workers that both believe a mail is theirs: the ledger lets only one of them send content.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANG, startFakeSmtp } from '../support/fake-smtp.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { eventually } from '../support/waiting.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';
import { startWireRecorder } from './wire-recorder.ts';

const anna = 'anna@example.com';

test('that content is about to leave is in the ledger before the server sees its first byte', async () => {
  await using server = await startSmtpServer({
    users: { [USER]: PASSWORD },
    faults: [{ at: 'content', does: 'hang' }],
  });
  await using outpost = await openOutpost(accountOn(server));
  const struck = server.nextFault();
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  await struck;
  const row = await outpost.store.db
    .selectFrom('submissions')
    .select(['state', 'data_begun_at'])
    .where('id', '=', mail.id)
    .executeTakeFirstOrThrow();
  assert.equal(row.state, 'sending');
  assert.ok(row.data_begun_at);
  await server.stop();
  await outpost.until(mail.id, ({ state }) => state === 'unknown');
});

test('an attempt that was taken over before DATA sends no content and changes nothing', async () => {
  await using server = await startSmtpServer({
    users: { [USER]: PASSWORD },
    faults: [{ at: 'rcpt', does: 'hang', times: 1 }],
  });
  await using outpost = await openOutpost(accountOn(server, { timeout_ms: 2000 }));
  const struck = server.nextFault();
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  await struck;
  // Another worker has begun an attempt of its own.
  const { db } = outpost.store;
  await db.updateTable('submissions').set({ attempts: 7 }).where('id', '=', mail.id).execute();
  const logged = Promise.withResolvers<void>();
  const look = setInterval(() => {
    if (outpost.logs.some((line) => line.startsWith('job was taken over'))) logged.resolve();
  }, 20);
  await logged.promise.finally(() => clearInterval(look));
  const view = await outpost.submissions.get(mail.id);
  assert.deepEqual([view.state, view.attempts], ['queued', 7]);
  assert.equal(server.received.length, 0);
});

test('an answer that comes after the attempt was given up for dead settles it', async () => {
  let takeOver: () => Promise<void> = async () => undefined;
  await using wire = await startWireRecorder({ beforeAnswer: () => takeOver() });
  await using outpost = await openOutpost(accountOn(wire));
  const { db } = outpost.store;
  const mail = await outpost.approve(contentTo(anna));
  // While the server thinks, another worker takes the job and calls the attempt unknown.
  let taken = 0;
  takeOver = async () => {
    const unknown = await db
      .updateTable('submissions')
      .set({ state: 'unknown' })
      .where('data_begun_at', 'is not', null)
      .returning('id')
      .execute();
    await db.updateTable('jobs').set({ lease_owner: 'elsewhere/1/x' }).execute();
    taken = unknown.length;
  };
  await outpost.start();
  const view = await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.equal(taken, 1);
  assert.equal(view.recipients[0]?.state, 'sent');
});

const bert = 'bert@example.com';
const cleo = 'cleo@example.com';

test('whom the server refused in the envelope is in the ledger before the content leaves', async () => {
  const answers: Record<string, string> = { [bert]: '450 4.2.0 later', [cleo]: '550 5.1.1 no such user' };
  await using server = await startFakeSmtp({
    script: { RCPT: ({ recipient }) => answers[recipient], content: HANG },
  });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna, bert, cleo));
  await eventually(() => server.commands.includes('DATA'));
  const rows = () =>
    outpost.store.db.selectFrom('submission_recipients').selectAll().orderBy('position').execute();
  await eventually(async () => (await rows()).some(({ state }) => state === 'left-out'));
  assert.deepEqual(
    (await rows()).map(({ state, response }) => [state, response]),
    [
      ['queued', null],
      ['left-out', '450 4.2.0 later'],
      ['left-out', '550 5.1.1 no such user'],
    ],
  );
  const { recipients: shown } = await outpost.submissions.get(mail.id);
  assert.deepEqual(
    shown.map(({ state }) => state),
    ['queued', 'queued', 'queued'],
  );
  await server.stop();
  const view = await outpost.until(mail.id, ({ state }) => state === 'unknown');
  assert.deepEqual(
    view.recipients.map(({ state }) => state),
    ['unknown', 'queued', 'failed'],
  );
});

test('after a kill those whom the server left out are asked for again, and only the others are unknown', async () => {
  await using server = await startFakeSmtp();
  await using outpost = await openOutpost(accountOn(server));
  const mail = await outpost.approve(contentTo(anna, bert), { state: 'sending', data_begun_at: 5 });
  await outpost.store.db
    .updateTable('submission_recipients')
    .set({ state: 'left-out', response: '450 4.2.0 later' })
    .where('address', '=', bert)
    .execute();
  await outpost.start();
  const view = await outpost.until(mail.id, ({ state }) => state === 'unknown');
  assert.deepEqual(
    view.recipients.map(({ state, response }) => [state, response]),
    [
      ['unknown', 'Postern was stopped while the mail was on its way.'],
      ['queued', '450 4.2.0 later'],
    ],
  );
  await outpost.submissions.settle(mail.id, 'sent', 'olga');
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.deepEqual(
    server.taken.map(({ recipients }) => recipients),
    [[bert]],
  );
});
