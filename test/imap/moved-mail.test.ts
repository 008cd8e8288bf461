// A mail that was moved is asked for at the places where it was seen, on one connection that goes on.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import type { MailPart } from '../../src/contracts/mail.ts';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { readParts } from '../../src/imap/operations.ts';
import type { PosternError } from '../../src/kernel/errors.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';

const USER = 'sales';
const MAIL = ['From: ann@customers.example', 'Subject: A question', '', 'What does it cost?', ''].join(
  '\r\n',
);
const TEXT = { path: '1', size: 20 } as MailPart;
const LIMIT_BYTES = 1_000;

describe('a mail that was moved', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let connection: ImapConnection;
  before(async () => {
    dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
    const imap = { host: dovecot.host, port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca };
    const settings = { imap, require_tls: true, timeout_ms: 10_000, watch: { interval: '60s' } };
    connection = await connectImap({ settings } as Account, {
      type: 'basic',
      username: USER,
      password: DEFAULT_PASSWORD,
    });
  });
  after(async () => {
    await connection?.logout();
    await dovecot?.stop();
  });

  it('is gone at its old place, and is read at its new one on the same connection', async () => {
    const { uid, uidValidity } = await dovecot.deliver(USER, MAIL);
    await dovecot.move(USER, uid, 'Support');
    const old = { mailbox: 'INBOX', uid, uidValidity: String(uidValidity) };
    await assert.rejects(
      readParts(connection, old, [TEXT], LIMIT_BYTES),
      (error: PosternError) => error.code === 'message_gone',
    );
    const now = {
      mailbox: 'Support',
      uid: (await dovecot.list(USER, 'Support'))[0]?.uid ?? 0,
      uidValidity: String(await dovecot.uidValidity(USER, 'Support')),
    };
    const [part] = await readParts(connection, now, [TEXT], LIMIT_BYTES);
    assert.match(part?.bytes.toString() ?? '', /What does it cost/);
  });
});
