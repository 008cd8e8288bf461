// What is asked of servers that can report what becomes of a mail (RFC 3461), on the wire.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeSmtp } from '../support/fake-smtp.ts';
import { accountOn, contentTo, openOutpost } from './outbox-fixture.ts';

const anna = 'anna+quotes=1@example.com';
const bert = 'bert@example.com';

async function commandsWith(offers: string[], settings: object): Promise<{ lines: string[]; id: string }> {
  await using server = await startFakeSmtp({ extensions: offers });
  await using outpost = await openOutpost(accountOn(server, settings));
  await outpost.start();
  const { id } = await outpost.approve(contentTo(anna, bert));
  await outpost.until(id, ({ state }) => state === 'sent');
  return { id, lines: server.commands.filter((line) => /^(?:MAIL|RCPT)/.test(line)) };
}

test('reports of failures and delays are asked for by the id of the submission, for each recipient', async () => {
  for (const offers of [['DSN'], ['DSN', 'PIPELINING']]) {
    const { lines, id } = await commandsWith(offers, {});
    assert.deepEqual(lines, [
      `MAIL FROM:<sales@example.org> RET=HDRS ENVID=${id}`,
      `RCPT TO:<${anna}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;anna+2Bquotes+3D1@example.com`,
      `RCPT TO:<${bert}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bert@example.com`,
    ]);
  }
});

test('an account may want to hear of failures alone, or of nothing', async () => {
  const failures = await commandsWith(['DSN'], { delivery_reports: 'failure' });
  assert.match(failures.lines[1] ?? '', / NOTIFY=FAILURE ORCPT=/);
  const nothing = await commandsWith(['DSN'], { delivery_reports: 'off' });
  assert.deepEqual(nothing.lines, [
    'MAIL FROM:<sales@example.org>',
    `RCPT TO:<${anna}>`,
    `RCPT TO:<${bert}>`,
  ]);
});

test('a server that does not offer reports is not asked for any', async () => {
  const { lines } = await commandsWith(['PIPELINING', 'SIZE 1000000'], {});
  assert.match(lines[0] ?? '', /^MAIL FROM:<sales@example\.org> SIZE=\d+$/);
  assert.deepEqual(lines.slice(1), [`RCPT TO:<${anna}>`, `RCPT TO:<${bert}>`]);
});
