// Single operations on a server that lies or stalls, and their connection when its account goes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { accountSettings } from '../../src/contracts/account.ts';
import type { MailPart } from '../../src/contracts/mail.ts';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { examine } from '../../src/imap/examine.ts';
import { listMailboxes } from '../../src/imap/mailboxes.ts';
import { changeFlags, findByMessageId, streamPart } from '../../src/imap/operations.ts';
import { readMessage } from '../../src/imap/read-message.ts';
import { decodeTransferStream } from '../../src/mail/transfer-stream.ts';
import { type HostileImap, type HostileOptions, startHostileImap } from '../support/hostile-imap.ts';
import { openWatchHouse } from '../watch/house.ts';

const LIMIT_MS = 1_000;

async function connected(
  options: HostileOptions,
  test: (connection: ImapConnection, server: HostileImap) => Promise<void>,
): Promise<void> {
  await using server = await startHostileImap(options);
  const settings = accountSettings.parse({
    label: 'sales',
    address: 'sales@company.example',
    imap: server.imap,
    smtp: server.imap,
    require_tls: false,
    timeout_ms: LIMIT_MS,
  });
  const auth = { type: 'basic' as const, username: 'sales', password_secret_ref: null };
  const account: Account = {
    id: 'acc_1',
    version: 1,
    settings,
    auth,
    oauth: null,
    createdAt: 0,
    updatedAt: 0,
  };
  const connection = await connectImap(account, {
    type: 'basic',
    username: 'sales',
    password: 'open sesame',
  });
  try {
    await test(connection, server);
  } finally {
    connection.close();
  }
}

const PLACE = { mailbox: 'INBOX', uidValidity: '1', uid: 1 };
const part: MailPart = {
  ...{ path: '2', type: 'application/pdf', charset: null, encoding: '7bit', size: 200_000 },
  ...{ disposition: 'attachment', filename: 'a.pdf', content_id: null, flowed: false, delsp: false },
};

describe('an operation on a server that', () => {
  it('greets as if we were signed in already says nothing secret and is refused', async () => {
    await assert.rejects(
      connected({ greeting: '* PREAUTH [CAPABILITY IMAP4rev1] welcome' }, async (_connection, server) => {
        assert.fail(server.received());
      }),
      { code: 'not_signed_in' },
    );
  });

  for (const [name, operation] of [
    ['finds nothing', (connection) => findByMessageId(connection, 'INBOX', '<sent@company.example>')],
    ['has nothing to read', (connection) => readMessage(connection, PLACE, {})],
    ['has no such mail', (connection) => changeFlags(connection, PLACE, { add: ['\\Seen'], remove: [] })],
  ] as [string, (connection: ImapConnection) => Promise<unknown>][]) {
    it(`${name} after a goodbye is not believed`, async () => {
      const play: HostileOptions['play'] = (_server, command) =>
        /^UID (SEARCH|FETCH)$/.test(command) ? ['* BYE going down', 'TAG OK done'] : undefined;
      await connected({ mails: [{ uid: 1, subject: 'one' }], play }, (connection) =>
        assert.rejects(operation(connection), { code: 'connection_lost', retry: 'later' }),
      );
    });
  }

  it('said goodbye opens no mailbox, and says why', async () => {
    const play: HostileOptions['play'] = (_server, command) =>
      command === 'NOOP' ? ['* BYE going down', 'TAG OK done'] : undefined;
    await connected({ play }, async (connection) => {
      await connection.client.noop();
      await assert.rejects(examine(connection, 'INBOX'), { code: 'connection_lost', retry: 'later' });
    });
  });

  it('lists mailboxes without end is ended, with little of it kept', async () => {
    const listed = '* LIST () "/" "mailbox of some length"\r\n';
    const play: HostileOptions['play'] = (_server, command, line, socket) => {
      if (command !== 'LIST' || /"" ""$/.test(line)) return undefined;
      const talk = (): void => {
        while (!socket.destroyed && socket.write(listed.repeat(1_000))) {
          // until the line is full
        }
      };
      socket.on('drain', talk);
      talk();
      return null;
    };
    await connected({ play }, async (connection) => {
      await assert.rejects(
        listMailboxes(connection),
        ({ code }: { code: string }) => code === 'server_floods' || code === 'timeout',
      );
      assert.equal(connection.usable, false);
    });
  });

  it('names mailboxes with line ends, paths and escapes gives names, and no command is made of them', async () => {
    const names = ['../../etc/passwd', 'a\r\nX1 LOGOUT', '\u001b[2Jred', '__proto__', 'INBOX"'];
    const play: HostileOptions['play'] = (_server, command, line) =>
      command === 'LIST' && !/"" ""$/.test(line)
        ? [...names.map((name) => `* LIST () "/" {${Buffer.byteLength(name)}}\r\n${name}`), 'TAG OK done']
        : undefined;
    await connected({ play }, async (connection, server) => {
      const paths = (await listMailboxes(connection)).map(({ path }) => path);
      for (const name of names)
        assert.ok(
          paths.some((path) => path.endsWith(name)),
          `${name} in ${paths.join()}`,
        );
      for (const path of paths)
        await connection.client.mailboxOpen(path, { readOnly: true }).catch(() => undefined);
      assert.doesNotMatch(server.received(), /^X1 LOGOUT/m);
    });
  });

  it('stalls in the middle of an attachment is given up within the time that its size allows for', async () => {
    const play: HostileOptions['play'] = (_server, command, line, socket) => {
      if (command !== 'UID FETCH' || !/BODY/.test(line)) return undefined;
      const [, start, length] = /<(\d+)\.(\d+)>/.exec(line) ?? [];
      const head = `* 1 FETCH (UID 1 BODY[2]<${start}> {${length}}\r\n`;
      if (start === '0') return [`${head}${'a'.repeat(Number(length))})`, 'TAG OK done'];
      socket.write(head); // and nothing more
      return null;
    };
    await connected({ play, mails: [{ uid: 1, subject: 'one' }] }, async (connection) => {
      const place = { mailbox: 'INBOX', uidValidity: '1', uid: 1 };
      const small = { ...part, size: 16_384 };
      await assert.rejects(
        streamPart(connection, place, small, decodeTransferStream, async (stream) => {
          for await (const _ of stream);
        }),
        { code: 'timeout' },
      );
      assert.equal(connection.usable, false);
    });
  });

  it('is no longer an account of ours is hung up on at once', async () => {
    await using server = await startHostileImap();
    await using house = await openWatchHouse();
    const account = await house.add({ imap: server.imap, watch: { mode: 'off' } }, false);
    const closed = await house.imap.use(account.id, async (connection) => connection);
    assert.equal(closed.usable, true);
    await house.accounts.remove(account.id);
    await closed.closed;
  });
});
