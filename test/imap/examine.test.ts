// A mailbox is opened for watching with one command, and the connections to one server keep in common what it announces.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { examine } from '../../src/imap/examine.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';

describe('a mailbox that is opened for watching', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  const open: ImapConnection[] = [];
  before(async () => {
    dovecot = await startDovecot({
      users: { one: DEFAULT_PASSWORD, two: DEFAULT_PASSWORD },
      noStartTls: true,
    });
  });
  after(async () => {
    for (const connection of open) connection.close();
    await dovecot?.stop();
  });

  const connect = async (username: string): Promise<{ connection: ImapConnection; sent: string[] }> => {
    const imap = { host: dovecot.host, port: dovecot.imapPort, security: 'none' };
    const settings = { imap, require_tls: false, timeout_ms: 10_000, watch: { interval: '60s' } };
    const credentials = { type: 'basic', username, password: DEFAULT_PASSWORD } as const;
    const connection = await connectImap({ settings } as Account, credentials);
    open.push(connection);
    const sent: string[] = [];
    const client = connection.client as unknown as { write(line: string): void };
    const write = client.write.bind(connection.client);
    client.write = (line) => {
      sent.push(String(line).replace(/^\w+ /, ''));
      write(line);
    };
    return { connection, sent };
  };

  it('is told of by one command, for reading only', async () => {
    const { connection, sent } = await connect('one');
    await dovecot.deliver('one', 'Subject: a\r\n\r\nb\r\n');
    const selected = await examine(connection, 'inbox');
    assert.deepEqual(sent, ['EXAMINE INBOX']);
    assert.deepEqual([selected.path, selected.exists, selected.uidNext], ['INBOX', 1, 2]);
    assert.equal(selected.readOnly, true);
  });

  it('leaves it to others to ask what LIST tells', async () => {
    const { connection } = await connect('one');
    await examine(connection, 'Sent');
    const listed = await connection.client.list();
    assert.equal(listed.find(({ path }) => path === 'Sent')?.specialUse, '\\Sent');
  });

  it('that does not exist is named so', async () => {
    const { connection } = await connect('one');
    await assert.rejects(examine(connection, 'Nowhere'), { code: 'mailbox_missing' });
  });

  it('makes its connection share what the server announces, which stays whole when one of them ends', async () => {
    const [one, two] = [await connect('one'), await connect('two')];
    await examine(one.connection, 'INBOX');
    await examine(two.connection, 'INBOX');
    assert.equal(one.connection.client.capabilities, two.connection.client.capabilities);
    one.connection.client.capabilities.clear();
    one.connection.close();
    assert.ok(two.connection.client.capabilities.has('IDLE'));
  });
});
