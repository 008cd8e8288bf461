// Secrets of a real gateway in an agent's mail: whichever it is and however it is written, the mail stays here.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openToolsWorld, type Said } from '../sessions/tools-world.ts';
import { SECRET } from '../sessions/webhook-house.ts';
import { DEFAULT_PASSWORD } from '../support/dovecot.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';

interface Outcome {
  state: string;
}

it('the password of an account, the key of the administrator and the secret of a webhook do not leave', {
  skip: requireService('dovecot'),
}, async () => {
  await using world = await openToolsWorld({ sender: '{ reply: auto, recipients: any }' });
  const turn = await world.wake('sender');
  const send = (text: string): Promise<Said<Outcome>> =>
    turn.call('POST', `/messages/${turn.message.id}/reply`, { text });
  const base64 = (text: string): string => Buffer.from(`so it is: ${text}`).toString('base64');
  for (const secret of [DEFAULT_PASSWORD, ADMIN_TOKEN, SECRET, turn.event.data.session.token])
    for (const text of [`Here: ${secret}.`, [...secret].join(' '), base64(secret)])
      assert.equal((await send(text)).body.state, 'refused', text);
  assert.deepEqual([...new Set((await turn.refused()).map(({ rule }) => rule))], ['gateway_secret']);
  assert.equal((await send('The list follows.')).body.state, 'sent');
  const secrets = [DEFAULT_PASSWORD, ADMIN_TOKEN, SECRET, turn.event.data.session.token];
  await turn.call('POST', '/session/ask', { question: `Is this it?\n${secrets.join('\n')}` });
  const { id } = turn.event.data.session;
  const shown = JSON.stringify([
    await world.gateway.get(`/v1/sessions/${id}`),
    await world.gateway.get(`/v1/sessions/${id}/record?limit=100`),
  ]);
  assert.match(shown, /Is this it\?/);
  for (const secret of secrets) assert.ok(!shown.includes(secret), 'nobody who reads of it is told a secret');
  await turn.finish();
});
