// A server that hangs takes its own account's share and nobody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANG, startFakeSmtp } from '../support/fake-smtp.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { type Approved, accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

test('mail leaves at once while the servers of twelve other accounts hang', async () => {
  await using hanging = await startFakeSmtp({ script: { greeting: HANG } });
  await using server = await startSmtpServer({ users: { [USER]: PASSWORD } });
  await using outpost = await openOutpost(accountOn(server));
  for (let i = 0; i < 12; i++) {
    const slow = accountOn(hanging, { label: `slow${i}`, timeout_ms: 60_000 });
    outpost.add(slow);
    for (let mail = 0; mail < 10; mail++) await outpost.approve(contentTo('a@example.com'), {}, slow);
  }
  await outpost.start();
  const mails: Approved[] = [];
  for (let i = 0; i < 10; i++) mails.push(await outpost.approve(contentTo(`b${i}@example.com`)));
  await server.waitFor(10, 10_000);
  for (const { id } of mails) await outpost.until(id, ({ state }) => state === 'sent');
  assert.ok(hanging.connections() <= 60, `${hanging.connections()} connections to the server that hangs`);
});
