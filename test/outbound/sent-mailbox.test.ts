// The copy in the Sent mailbox, against Dovecot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { ImapConnector } from '../../src/imap/connector.ts';
import { ImapPool } from '../../src/imap/pool.ts';
import { sentMailbox, sentOf } from '../../src/outbound/sent-mailbox.ts';
import { startDovecot } from '../support/dovecot.ts';
import { accountOn, PASSWORD, USER } from './outbox-fixture.ts';

const raw = Buffer.from(
  'Date: Thu, 05 Nov 2026 07:08:09 +0000\r\nMessage-ID: <sub_1@example.org>\r\n\r\nbody\r\n',
);
const copy = { messageId: '<sub_1@example.org>', raw, date: new Date(Date.UTC(2026, 10, 5, 7, 8, 9)) };

test('a copy is filed once, seen, with its very bytes, and is found by its Message-ID', async () => {
  const dovecot = await startDovecot({ users: { [USER]: PASSWORD } });
  const account = accountOn(
    { host: dovecot.host, port: 1, ca: '' },
    { imap: { host: dovecot.host, port: dovecot.imapPort, security: 'none' } },
  );
  const accounts = {
    get: async () => account,
    onChange: () => () => undefined,
    signIn: (_: unknown, connect: (given: object) => Promise<unknown>) =>
      connect({ type: 'basic', username: USER, password: PASSWORD }),
  } as unknown as Accounts;
  const imap = new ImapPool(accounts, new ImapConnector(accounts));
  try {
    const sent = sentMailbox(imap);
    await dovecot.deliver(USER, 'Subject: older\r\n\r\nolder\r\n', 'Sent');
    assert.equal(await sent.holds(account.id, copy.messageId), false);
    assert.equal(await sent.file(account.id, copy), true);
    assert.equal(await sent.file(account.id, copy), true);
    assert.equal(await sent.holds(account.id, copy.messageId), true);
    const mails = await dovecot.fetchAll(USER, 'Sent');
    assert.equal(mails.length, 2);
    assert.equal(mails[1]?.raw.toString(), raw.toString());
    assert.ok(mails[1]?.flags.includes('\\Seen'));
    assert.equal(mails[1]?.internalDate.getTime(), copy.date.getTime());
  } finally {
    await imap.stop();
    await dovecot.stop();
  }
});

test('the Sent mailbox is the one with the special use, else one that is called so, else none', () => {
  const mailbox = (path: string, special_use: string | null = null) => ({ path, name: path, special_use });
  assert.equal(sentOf([mailbox('Sent'), mailbox('Gesendet', '\\Sent')]), 'Gesendet');
  assert.equal(sentOf([mailbox('INBOX', '\\Inbox'), mailbox('sent')]), 'sent');
  assert.equal(sentOf([mailbox('INBOX', '\\Inbox'), mailbox('Sentinel')]), null);
});
