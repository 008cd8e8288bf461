// Messages by the id under which Postern knows them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MessageView } from '../../src/contracts/mail.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { startGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { accountOf, deliverMails, USER } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Json = Record<string, any>;

it('a watched message is found under its id, and its id in a search', {
  skip: requireService('dovecot'),
}, async () => {
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
  await deliverMails(await dovecot.client(USER));
  await using gateway = await startGateway();
  const account = accountOf('sales', dovecot.imapPort);
  await gateway.addAccount({ ...account, watch: { mode: 'idle', from_zero: true } });
  await gateway.request('POST', '/v1/accounts', accountOf('other', dovecot.imapPort));
  const call = (operation: string, input: Json, label = 'sales') =>
    gateway.request<Json>('POST', `/v1/accounts/${label}/imap/${operation}`, input);
  const seen = await gateway.until(async () => {
    const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages');
    return data.length === 5 ? data : null;
  });
  const message = seen.find(({ subject }) => subject === 'Invoice 7')?.id ?? '';

  const { body: found } = await call('search_messages', { criteria: { subject: 'invoice' } });
  assert.equal(found.data[0].id, message);
  const { body: fetched } = await call('fetch_message', { message });
  assert.deepEqual([fetched.id, fetched.uid, fetched.text.trim()], [message, 3, 'The invoice is attached.']);
  const { body: flagged } = await call('update_flags', { message, add: ['\\Flagged'] });
  assert.deepEqual(flagged.flags, ['\\Flagged']);

  const foreign = await call('fetch_message', { message }, 'other');
  assert.equal(foreign.status, 404, "another account's id is none");
  await dovecot.expunge(USER, 3);
  const gone = await call('fetch_message', { message });
  assert.deepEqual([gone.status, gone.body.code], [410, 'message_gone']);
});
