// How many connections an account has, who shares one, and how fast they are made.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { ImapConnector, USUAL_CONNECTIONS } from '../../src/imap/connector.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startFakeImap } from '../support/fake-imap.ts';
import { requireService } from '../support/services.ts';
import { mail, openWatchHouse, plain, type WatchHouse } from './house.ts';

const LIMIT = 4; // one of them is the test's own, by which it brings mail
const MAILBOXES = ['INBOX', 'Sent', 'Trash', 'Junk', 'Kunden/Zürich', '100%*'];
const onTheWire = (mailbox: string) => mailbox.replace('ü', '&APw-');
const SOON = { interval: '200ms' };

describe('the mailboxes of an account', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let narrow: Dovecot;
  let user: string;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
    narrow = await startDovecot({ extra: `mail_max_userip_connections = ${LIMIT}` });
  });
  after(async () => {
    await dovecot?.stop();
    await narrow?.stop();
  });
  beforeEach(async () => {
    user = `user${++users}`;
    for (const server of [dovecot, narrow]) await server.addUser(user);
  });
  const settings = (watch: object, server = dovecot) => ({
    ...plain(server),
    watch: { mailboxes: MAILBOXES, ...SOON, ...watch },
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  });
  const make = async (server: Dovecot) => {
    for (const mailbox of MAILBOXES) await server.deliver(user, mail('before'), onTheWire(mailbox));
  };
  const states = (house: WatchHouse, account: Account) =>
    Object.values(house.watchers.status(account.id).mailboxes).map(({ state, mode }) => `${state} ${mode}`);
  /** New mail in each of them is taken in, once. */
  const allFind = async (house: WatchHouse, server: Dovecot) => {
    const subjects = MAILBOXES.map((mailbox) => `in ${mailbox}`);
    for (const mailbox of MAILBOXES) await server.deliver(user, mail(`in ${mailbox}`), onTheWire(mailbox));
    const counts = await house.starts(...subjects);
    assert.deepEqual(counts, Object.fromEntries(subjects.map((subject) => [subject, 1])));
  };

  it('share one connection where it may have no more, and new mail in any is found', async () => {
    await make(dovecot);
    await using house = await openWatchHouse();
    const account = await house.add(settings({ connections: 1 }));
    assert.deepEqual(
      states(house, account),
      MAILBOXES.map(() => 'polling status'),
    );
    await allFind(house, dovecot);
    assert.equal(await dovecot.connectionsOf(user), 1);
  });

  it('have each a connection of its own as far as the account goes, INBOX first', async () => {
    await make(dovecot);
    await using house = await openWatchHouse();
    const mailboxes = [...MAILBOXES].reverse();
    const account = await house.add(settings({ mailboxes, connections: 3 }));
    const each = house.watchers.status(account.id).mailboxes;
    const own = Object.keys(each).filter((mailbox) => each[mailbox]?.mode === 'idle');
    assert.deepEqual(own, ['INBOX', '100%*']);
    assert.equal(await dovecot.connectionsOf(user), 3);
    await allFind(house, dovecot);
  });

  it('are polled on one connection, which is closed between polls where these are rare', async () => {
    await make(dovecot);
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mode: 'poll', interval: '10m' }));
    await house.until(async () => (await dovecot.connectionsOf(user)) === 0);
    assert.deepEqual(
      states(house, account),
      MAILBOXES.map(() => 'polling poll'),
    );
    await dovecot.deliver(user, mail('polled'), 'Junk');
    house.watchers.sweep(account.id);
    assert.deepEqual(await house.starts('polled'), { polled: 1 });
  });

  it('are all watched, and operations work, where the server allows fewer connections than it should', async () => {
    await make(narrow);
    await using house = await openWatchHouse();
    const account = await house.add(settings({}, narrow), false);
    await house.until(() =>
      states(house, account).every((state) => state === 'idle idle' || state === 'polling status'),
    );
    const mailboxes = await house.imap.use(account.id, async ({ client }) => (await client.list()).length);
    assert.ok(mailboxes >= MAILBOXES.length);
    await allFind(house, narrow);
  });

  it('are each its own matter: one that is missing disturbs no other, and is found once it is made', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mailboxes: ['INBOX', 'Nowhere'], connections: 1 }), false);
    const each = () => house.watchers.status(account.id).mailboxes;
    await house.until(() => each().INBOX?.state === 'polling' && each().Nowhere?.state === 'backing-off');
    assert.match(each().Nowhere?.last_error ?? '', /Nowhere/);
    await dovecot.deliver(user, mail('beside it'));
    await house.starts('beside it');
    await dovecot.deliver(user, mail('made'), 'Nowhere');
    house.watchers.sweep(account.id);
    await house.until(() => each().Nowhere?.state === 'polling');
  });

  it('are asked one by one without LIST-STATUS, and only that is opened in which something moved', async () => {
    let next = 1;
    const answer = (command: string, line: string) =>
      command === 'STATUS'
        ? [
            `* STATUS ${line.split(' ')[2]} (UIDNEXT ${line.includes('Two') ? next : 1} UIDVALIDITY 1)`,
            'TAG OK done',
          ]
        : undefined;
    await using server = await startFakeImap({ answer });
    await using house = await openWatchHouse();
    const imap = { host: '127.0.0.1', port: server.port, security: 'none' };
    await house.add({ imap, watch: { mailboxes: ['One', 'Two'], connections: 1, ...SOON } });
    const opened = (mailbox: string) =>
      server.received().match(new RegExp(`EXAMINE \\S*${mailbox}`, 'g'))?.length;
    assert.deepEqual([opened('One'), opened('Two')], [1, 1]);
    next = 2;
    await server.nextCommand('EXAMINE');
    assert.deepEqual([opened('One'), opened('Two')], [1, 2]);
    assert.equal(server.connections(), 1);
    assert.doesNotMatch(server.received(), /RETURN/);
  });
});

describe('sign-ins', () => {
  const accountAt = (port: number, id: string): Account =>
    ({
      id,
      settings: {
        label: id,
        imap: { host: '127.0.0.1', port, security: 'none' },
        require_tls: false,
        timeout_ms: 30_000,
        watch: { interval: '60s' },
      },
    }) as Account;
  const accounts = {
    signIn: async <T>(_: Account, connect: (credentials: never) => Promise<T>) =>
      connect({ type: 'basic', username: 'sales', password: DEFAULT_PASSWORD } as never),
  };
  const watching = (signal: AbortSignal) => ({ purpose: 'watch', signal }) as const;

  /** Others sign in elsewhere, one after the other: time enough for all that is not held back. */
  const meanwhile = async (connector: ImapConnector, port: number, signal: AbortSignal) => {
    for (let at = 0; at < 20; at++) {
      const { connection } = await connector.open(accountAt(port, `well${at}`), watching(signal));
      connection.close();
    }
  };

  it('to one server are never more at once than is good for it, and an operation goes first', async () => {
    let now = 0;
    let most = 0;
    const held: (() => void)[] = [];
    const answer = (command: string, line: string, socket: { write(text: string): boolean }) => {
      if (command !== 'LOGIN') return undefined;
      most = Math.max(most, ++now);
      held.push(() => {
        now--;
        socket.write(`${line.split(' ')[0]} OK in\r\n`);
      });
      return null;
    };
    await using server = await startFakeImap({ answer });
    const stop = new AbortController();
    const connector = new ImapConnector(accounts, { signInsAtOnce: 3 });
    const open = (at: number) => connector.open(accountAt(server.port, `acc${at}`), watching(stop.signal));
    const all = Array.from({ length: 12 }, (_, at) => open(at));
    while (held.length < 3) await server.nextCommand('LOGIN');
    await using other = await startFakeImap();
    await meanwhile(connector, other.port, stop.signal);
    assert.equal(held.length, 3);
    const operation = connector.open(accountAt(server.port, 'acc0'), {
      purpose: 'operation',
      signal: stop.signal,
    });
    await server.nextCommand('LOGIN'); // nobody was let in yet: it did not wait behind the others
    assert.equal(held.length, 4);
    let opened = 0;
    const count = () => void opened++;
    for (const one of [...all, operation]) void one.then(count);
    while (opened < 13) {
      for (const letIn of held.splice(0)) letIn();
      await new Promise(setImmediate);
    }
    assert.equal(most, 4, 'three that watch, and the operation');
    for (const { connection } of await Promise.all([...all, operation])) connection.close();
  });

  it('to a server that hangs hold up no other', async () => {
    await using hanging = await startFakeImap({ greeting: null });
    await using server = await startFakeImap();
    const stop = new AbortController();
    const connector = new ImapConnector(accounts);
    const stuck = Array.from({ length: 100 }, (_, at) =>
      connector.open(accountAt(hanging.port, `stuck${at}`), watching(stop.signal)),
    );
    await meanwhile(connector, server.port, stop.signal);
    assert.ok(hanging.connections() <= 16, `${hanging.connections()} at once`);
    stop.abort();
    for (const end of await Promise.allSettled(stuck)) assert.equal(end.status, 'rejected');
  });

  it('that are one too many lower what the account may have, and an operation waits for its part', async () => {
    const open = new Set<object>();
    const answer = (command: string, _line: string, socket: Socket) => {
      if (command !== 'LOGIN') return undefined;
      if (open.size >= 2) return ['TAG NO [LIMIT] Too many simultaneous connections. (Failure)'];
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      return undefined;
    };
    await using server = await startFakeImap({ answer });
    const account = accountAt(server.port, 'narrow');
    const stop = new AbortController();
    const connector = new ImapConnector(accounts);
    const lowered = Promise.withResolvers<void>();
    const end = connector.watches(account, lowered.resolve);
    assert.equal(connector.watchShare(account), USUAL_CONNECTIONS - 1);
    const first = await connector.open(account, watching(stop.signal));
    const second = await connector.open(account, watching(stop.signal));
    await assert.rejects(connector.open(account, watching(stop.signal)), { code: 'connection_limit' });
    await lowered.promise;
    assert.equal(connector.watchShare(account), 1);
    const operation = connector.open(account, { purpose: 'operation', signal: stop.signal });
    await second.connection.logout();
    for (const { connection } of [first, await operation]) connection.close();
    end();
    assert.equal(connector.watchShare(account), USUAL_CONNECTIONS - 1);
  });

  it('share what one server allows over all accounts', () => {
    const connector = new ImapConnector(accounts, { perHost: 10 });
    const many = Array.from({ length: 3 }, (_, at) => accountAt(993, `acc${at}`));
    const told: string[] = [];
    const ends = many.map((account) => connector.watches(account, () => told.push(account.id)));
    assert.deepEqual(
      many.map((account) => connector.watchShare(account)),
      [3, 3, 3],
    );
    ends[2]?.();
    assert.deepEqual([connector.watchShare(many[0] as Account), told.at(-1)], [4, 'acc1']);
  });
});
