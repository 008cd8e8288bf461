// Reports on those who have a mail come back while it is still tried for the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeSmtp } from '../support/fake-smtp.ts';
import { accountOn, contentTo, openOutpost } from './outbox-fixture.ts';

const [anna, bert] = ['anna@example.com', 'bert@example.com'];

for (const { reported, later, ends } of [
  { reported: 'complained', later: undefined, ends: 'complained' },
  { reported: 'bounced', later: undefined, ends: 'sent' },
  { reported: 'bounced', later: '550 5.1.1 no such user', ends: 'bounced' },
  { reported: 'complained', later: '550 5.1.1 no such user', ends: 'complained' },
])
  test(`one has ${reported}, then the other ${later ? 'is refused' : 'gets it'}: ${ends}`, async () => {
    let answer: string | undefined = '450 4.2.0 later';
    await using server = await startFakeSmtp({
      script: { RCPT: ({ recipient }) => (recipient === bert ? answer : undefined) },
    });
    await using outpost = await openOutpost(accountOn(server));
    await outpost.start();
    const mail = await outpost.approve(contentTo(anna, bert));
    await outpost.until(
      mail.id,
      ({ recipients, state }) => state === 'queued' && recipients[0]?.state === 'sent',
    );
    const { db } = outpost.store;
    await db
      .updateTable('submission_recipients')
      .set({ state: reported })
      .where('submission_id', '=', mail.id)
      .where('address', '=', anna)
      .execute();
    answer = later;
    outpost.advance(10 * 60_000);
    const view = await outpost.until(mail.id, ({ state }) => state !== 'queued' && state !== 'sending');
    assert.deepEqual(
      [view.state, ...view.recipients.map(({ state }) => state)],
      [ends, reported, later ? 'failed' : 'sent'],
    );
    assert.ok(view.sent_at, 'it left');
  });
