// A connection that was used before, after whatever the server did with it meanwhile: the next mail goes once, to whom it
// should, and needs no person and no wait. And a server that hangs holds up its own account alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DROP, FIN, HANG, RESET, type SmtpAct, startFakeSmtp, TAKE } from '../support/fake-smtp.ts';
import { eventually } from '../support/waiting.ts';
import { anna, bert, cleo } from './fault-table.ts';
import { accountOn, contentTo, openOutpost } from './outbox-fixture.ts';

const HANGING_ACCOUNTS = 12; // with eight sends each, more than are made at once for all accounts together
const MAILS_OF_EACH = 9;

/** What the server does behind the answer to the first mail, on that connection. */
const BEHIND: readonly (readonly [string, SmtpAct])[] = [
  ['an answer too many, at once', { raw: '250 2.0.0 queued\r\n250 2.0.0 queued again\r\n' }],
  ['a refusal too many, at once', { raw: '250 2.0.0 queued\r\n550 5.1.1 no such user\r\n' }],
  ['half an answer too many', { raw: '250 2.0.0 queued\r\n250 2.0' }],
  ['an answer too many, a moment later', ['250 2.0.0 queued', { after: () => pause(30) }, '250 2.0.0 again']],
  ['421', ['250 2.0.0 queued', '421 4.4.2 idle for too long']],
  ['421 and a drop', ['250 2.0.0 queued', '421 4.4.2 idle for too long', DROP]],
  ['a drop', ['250 2.0.0 queued', DROP]],
  ['a reset', ['250 2.0.0 queued', RESET]],
  ['its side closed', ['250 2.0.0 queued', FIN]],
  ['silence', ['250 2.0.0 queued', HANG]],
];

for (const [name, act] of BEHIND)
  test(`behind a mail that was taken: ${name}; the next mail arrives once with each recipient`, async () => {
    await using server = await startFakeSmtp({
      script: (connection) => ({
        end: ({ raw }) => (connection === 1 && raw.includes('the first') ? act : undefined),
        RCPT: ({ recipient }) => (recipient === bert ? '550 5.1.1 no such user' : undefined),
      }),
    });
    await using outpost = await openOutpost(accountOn(server, { timeout_ms: 2_000 }));
    await outpost.start();
    const first = await outpost.approve({ ...contentTo(anna), text: 'This is the first.\n' });
    await outpost.until(first.id, ({ state }) => state === 'sent');
    const second = await outpost.approve(contentTo(anna, bert, cleo));
    const view = await outpost.until(
      second.id,
      ({ state, attempts }) =>
        state === 'sent' || state === 'unknown' || (state === 'queued' && attempts > 0),
    );
    // Only a server that says nothing at all is found out by the clock.
    if (name !== 'silence') {
      assert.equal(view.state, 'sent', JSON.stringify(view.recipients));
      assert.equal(view.attempts, 1);
    } else {
      outpost.advance(60_000);
      await outpost.until(second.id, ({ state }) => state === 'sent');
    }
    const { recipients } = await outpost.submissions.get(second.id);
    assert.deepEqual(
      recipients.map(({ state }) => state),
      ['sent', 'failed', 'sent'],
    );
    assert.deepEqual(
      server.taken.map((mail) => mail.recipients),
      [[anna], [anna, cleo]],
    );
  });

test('what is left of a connection whose server never answers QUIT is gone soon', async () => {
  await using server = await startFakeSmtp({ script: { QUIT: HANG } });
  const outpost = await openOutpost(accountOn(server));
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  await outpost[Symbol.asyncDispose]();
  await eventually(() => server.open() === 0);
  assert.ok(server.commands.includes('QUIT'));
});

test(`${HANGING_ACCOUNTS} accounts whose servers hang behind the content hold up nobody else's mail`, async () => {
  await using hanging = await startFakeSmtp({ script: { end: [TAKE, HANG] } });
  await using sound = await startFakeSmtp();
  await using outpost = await openOutpost(accountOn(sound));
  await outpost.start();
  for (let at = 0; at < HANGING_ACCOUNTS; at++) {
    const account = accountOn(hanging);
    outpost.add(account);
    for (let mail = 0; mail < MAILS_OF_EACH; mail++) await outpost.approve(contentTo(anna), {}, account);
  }
  // They hang as much as they can.
  await eventually(() => hanging.contents() >= 30);
  const startedAt = performance.now();
  const mail = await outpost.approve(contentTo(bert));
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  const ms = performance.now() - startedAt;
  assert.ok(ms < 5_000, `it took ${Math.round(ms)} ms`);
  assert.equal(sound.taken.length, 1);
  await hanging.stop(); // ends what hangs
});
