// The outbox against a real SMTP server that fails where it is told to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSmtpServer } from '../support/smtp-server.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

const MINUTE = 60_000;
const users = { [USER]: PASSWORD };
const anna = 'anna@example.com';
const bert = 'bert@example.com';

test('what was approved arrives byte for byte below its Date line, and a copy is filed', async () => {
  await using server = await startSmtpServer({ users, security: 'tls' });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const filed = outpost.nextFiled();
  const mail = await outpost.approve({
    ...contentTo(anna),
    cc: [{ name: 'Bert', address: bert }],
    bcc: [{ name: '', address: 'hidden@example.com' }],
  });
  const view = await outpost.until(mail.id, ({ state }) => state === 'sent');
  const [received] = server.messages();
  assert.equal(received?.raw.toString('latin1'), mail.whole.toString('latin1'));
  assert.equal(received?.envelopeFrom, USER);
  assert.deepEqual(received?.recipients, [anna, bert, 'hidden@example.com']);
  assert.equal(received?.user, USER);
  assert.equal(received?.secure, true);
  assert.doesNotMatch(String(received?.raw), /hidden@example\.com|^Bcc:/im);
  assert.deepEqual(
    view.recipients.map(({ state }) => state),
    ['sent', 'sent', 'sent'],
  );
  assert.equal(view.attempts, 1);
  assert.equal((await filed).raw.toString('latin1'), mail.whole.toString('latin1'));
  const flag = (await outpost.jobs()).find(({ kind }) => kind === 'message.flag');
  assert.deepEqual(JSON.parse(flag?.payload ?? '{}'), { message_id: 'msg_answered', add: ['\\Answered'] });
});

test('a recipient who is refused for now is tried again after five minutes, and then gets the mail once', async () => {
  await using server = await startSmtpServer({
    users,
    faults: [{ at: 'rcpt', does: { code: 450, text: '4.2.0 Greylisted' }, times: 1 }],
  });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  const waiting = await outpost.until(mail.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  assert.match(waiting.last_error ?? '', /450 4\.2\.0 Greylisted/);
  const wait = (waiting.next_attempt_at ?? 0) - Date.now();
  assert.ok(wait > 4 * MINUTE && wait < 6 * MINUTE, `it waits ${wait} ms`);
  assert.equal(server.messages().length, 0);
  outpost.advance(6 * MINUTE);
  const sent = await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.equal(sent.attempts, 2);
  assert.equal(sent.last_error, null);
  assert.equal(server.messages().length, 1);
});

test('a mail that is refused for good fails at once, with the words of the server', async () => {
  await using server = await startSmtpServer({
    users,
    faults: [{ at: 'end', does: { code: 554, text: '5.7.1 Looks like spam' } }],
  });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  const view = await outpost.until(mail.id, ({ state }) => state === 'failed');
  assert.match(view.recipients[0]?.response ?? '', /554 5\.7\.1 Looks like spam/);
  assert.match(view.last_error ?? '', /Looks like spam/);
  assert.deepEqual(await outpost.jobs(), []);
});

test('each recipient has a fate of his own: sent, refused for good, and tried again alone', async () => {
  await using server = await startSmtpServer({
    users,
    faults: [
      { at: 'rcpt', recipient: bert, does: { code: 550, text: '5.1.1 No such user' } },
      { at: 'rcpt', recipient: 'cleo@example.com', does: { code: 451, text: '4.3.0 Later' }, times: 1 },
    ],
  });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna, bert, 'cleo@example.com'));
  const partly = await outpost.until(mail.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  assert.deepEqual(
    partly.recipients.map(({ state }) => state),
    ['sent', 'failed', 'queued'],
  );
  outpost.advance(6 * MINUTE);
  const done = await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.deepEqual(
    done.recipients.map(({ state }) => state),
    ['sent', 'failed', 'sent'],
  );
  assert.match(done.recipients[1]?.response ?? '', /No such user/);
  assert.deepEqual(
    server.messages().map(({ recipients }) => recipients),
    [[anna], ['cleo@example.com']],
  );
});

test('a connection that drops before any content left is tried again', async () => {
  await using server = await startSmtpServer({ users, faults: [{ at: 'data', does: 'drop', times: 1 }] });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  const waiting = await outpost.until(mail.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  const wait = (waiting.next_attempt_at ?? 0) - Date.now();
  assert.ok(wait < MINUTE, `without a connection it waits ${wait} ms only`);
  outpost.advance(MINUTE);
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.equal(server.messages().length, 1);
});

test('a connection that drops after the content is unknown, and found in the Sent mailbox it is sent', async () => {
  await using server = await startSmtpServer({ users, faults: [{ at: 'end', does: 'drop' }] });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  const unknown = await outpost.until(mail.id, ({ state }) => state === 'unknown');
  assert.equal(unknown.recipients[0]?.state, 'unknown');
  outpost.sentMailbox?.set(mail.messageId, null);
  outpost.advance(MINUTE);
  const sent = await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.equal(sent.recipients[0]?.response, 'Found in the Sent mailbox.');
  assert.equal(server.received.length, 1, 'it was not sent a second time');
});

test('a mail of unknown fate waits for a person, whose word is final', async () => {
  await using server = await startSmtpServer({ users, faults: [{ at: 'content', does: 'drop', times: 2 }] });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const first = await outpost.approve(contentTo(anna));
  await outpost.until(first.id, ({ state }) => state === 'unknown');
  outpost.advance(MINUTE);
  await outpost.until(first.id, ({ last_error: text }) => text?.includes('not in the Sent mailbox') ?? false);
  assert.equal((await outpost.submissions.get(first.id)).state, 'unknown');
  await outpost.submissions.settle(first.id, 'failed', 'olga');
  assert.equal((await outpost.submissions.get(first.id)).state, 'failed');
  await assert.rejects(outpost.submissions.settle(first.id, 'resend', 'olga'), {
    code: 'submission_not_unknown',
  });

  const second = await outpost.approve(contentTo(anna));
  await outpost.until(second.id, ({ state }) => state === 'unknown');
  await outpost.submissions.settle(second.id, 'resend', 'olga');
  await outpost.until(second.id, ({ state }) => state === 'sent');
  assert.equal(server.messages().length, 1);
});

test('an account that says resend sends again by itself, but not for ever', async () => {
  await using server = await startSmtpServer({ users, faults: [{ at: 'content', does: 'drop' }] });
  await using outpost = await openOutpost(accountOn(server, { on_unknown: 'resend' }));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  for (const attempt of [1, 2, 3]) {
    await outpost.until(mail.id, ({ state, attempts }) => state === 'unknown' && attempts === attempt);
    outpost.advance(MINUTE);
    if (attempt < 3) await outpost.until(mail.id, ({ state }) => state === 'queued');
    outpost.advance(10 * MINUTE);
  }
  await outpost.until(mail.id, ({ last_error: text }) => text?.includes('not in the Sent mailbox') ?? false);
  assert.equal(server.connections(), 3);
});

test('after a kill: nothing sent yet is sent, content on its way is unknown', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server));
  const safe = await outpost.approve(contentTo(anna), { state: 'sending' });
  const open = await outpost.approve(contentTo(bert), { state: 'sending', data_begun_at: 5 });
  await outpost.start();
  await outpost.until(safe.id, ({ state }) => state === 'sent');
  await outpost.until(open.id, ({ state }) => state === 'unknown');
  assert.deepEqual(
    server.received.map(({ recipients }) => recipients),
    [[anna]],
  );
});

test('what differs from what was approved never leaves', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server));
  const { db } = outpost.store;
  const evil = 'evil@example.net';

  const bytes = await outpost.approve(contentTo(anna));
  const other = await outpost.approve(contentTo(bert));
  const { raw_object_id: otherBytes } = await db
    .selectFrom('submissions')
    .select('raw_object_id')
    .where('id', '=', other.id)
    .executeTakeFirstOrThrow();
  await db.updateTable('submissions').set({ raw_object_id: otherBytes }).where('id', '=', bytes.id).execute();

  const envelope = await outpost.approve(contentTo(anna));
  await db
    .updateTable('submissions')
    .set({ envelope: JSON.stringify({ from: USER, to: [anna, evil] }) })
    .where('id', '=', envelope.id)
    .execute();

  const recipients = await outpost.approve(contentTo(anna));
  await db
    .updateTable('submission_recipients')
    .set({ address: evil })
    .where('submission_id', '=', recipients.id)
    .execute();

  const edited = await outpost.approve(contentTo(anna));
  await db.updateTable('drafts').set({ digest: 'sha256:0' }).where('id', '=', edited.draftId).execute();

  const waiting = await outpost.approve(contentTo(anna));
  await db.updateTable('drafts').set({ state: 'waiting' }).where('id', '=', waiting.draftId).execute();

  await outpost.start();
  for (const { id } of [bytes, envelope, recipients, edited, waiting]) {
    const view = await outpost.until(id, ({ state }) => state !== 'queued' && state !== 'sending');
    assert.equal(view.state, 'failed');
    assert.match(view.last_error ?? '', /digest_mismatch/);
  }
  await outpost.until(other.id, ({ state }) => state === 'sent');
  assert.deepEqual(
    server.received.map((mail) => mail.recipients),
    [[bert]],
  );
});

test('an answer that never comes within 48 hours ends in failed', async () => {
  await using server = await startSmtpServer({
    users,
    faults: [{ at: 'mail', does: { code: 451, text: '4.3.2 Busy' } }],
  });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  await outpost.until(mail.id, ({ attempts, state }) => attempts === 1 && state === 'queued');
  outpost.advance(49 * 60 * MINUTE);
  const view = await outpost.until(mail.id, ({ state }) => state === 'failed');
  assert.match(view.recipients[0]?.response ?? '', /Given up after two days\. 451 4\.3\.2 Busy/);
});

test('a wrong password is said plainly and does not hammer the server', async () => {
  await using server = await startSmtpServer({ users: { [USER]: 'another' } });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mails = [await outpost.approve(contentTo(anna)), await outpost.approve(contentTo(bert))];
  for (const { id } of mails) {
    const view = await outpost.until(id, ({ attempts, state }) => attempts === 1 && state === 'queued');
    assert.match(view.last_error ?? '', /refused the user name or the password/);
  }
  const before = server.connections();
  await outpost
    .approve(contentTo('cleo@example.com'))
    .then(({ id }) => outpost.until(id, ({ attempts, state }) => attempts === 1 && state === 'queued'));
  assert.equal(server.connections(), before);
  assert.doesNotMatch(JSON.stringify([outpost.logs, await outpost.submissions.list({ limit: 9 })]), /canary/);
});

test('mails of one account share connections', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server));
  await outpost.start();
  for (let i = 0; i < 5; i++) {
    const mail = await outpost.approve(contentTo(anna));
    await outpost.until(mail.id, ({ state }) => state === 'sent');
  }
  assert.equal(server.connections(), 1);
  assert.equal(server.messages().length, 5);
});
