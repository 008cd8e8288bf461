// What a session reads beside its own conversation taints it, and what it may trust does not.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { noteDocuments, noteMails } from '../../src/api/reading.ts';
import type { Context } from '../../src/api/registry.ts';
import { sessionOf } from '../../src/sessions/capabilities.ts';
import { type Mail, oneAgent, openHouse, VOUCHED } from '../sessions/house.ts';

async function taintBy(other: Omit<Mail, 'id'>): Promise<string[]> {
  await using house = await openHouse(oneAgent('{ reply: auto, read: account }'));
  house.agent('writer', () => []);
  await house.arrive({ id: 'first', headers: [VOUCHED] });
  const session = await house.rests('done');
  await house.arrive({ id: 'other', ...other });
  const mails = await house.until(async () => {
    const found = await house.messages.list({ limit: 5 });
    return found.length === 2 ? found : null;
  });
  const principal = {
    ...({ kind: 'session', agent: 'writer', capability: null } as const),
    ...{ sessionId: session.id, accountId: house.account.id, threadId: session.thread_id },
  };
  const rooms = { messages: house.messages, store: house.store };
  const context = { principal, rooms } as unknown as Context;
  await noteMails(context, mails);
  await noteDocuments(context, [[{ thread_id: session.thread_id, trust: 'unverified' }]]);
  return (await sessionOf(house.store, session.id)).taint.map(({ rule }) => rule);
}

it('a mail of another conversation from somebody of this one taints nothing, if it is surely from them', async () => {
  assert.deepEqual(await taintBy({ headers: [VOUCHED] }), []);
});

it('one that is not verified taints, and so does one from anybody else', async () => {
  assert.deepEqual(await taintBy({}), ['outside_content']);
  const headers = ['Authentication-Results: mx.company.example; dmarc=pass header.from=evil.example'];
  assert.deepEqual(await taintBy({ from: 'eve@evil.example', headers }), ['outside_content']);
});
