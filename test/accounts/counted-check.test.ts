// The test of an account's IMAP server is one of the account's connections, like any other.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ImapConnector } from '../../src/imap/connector.ts';
import { ImapPool } from '../../src/imap/pool.ts';
import { checkImap } from '../../src/imap/validate.ts';
import { startHostileImap } from '../support/hostile-imap.ts';
import { stepOf, trial, uncounted } from './checks.ts';

const LIMITS = { require_tls: false, timeout_ms: 1_000 };

it('a check waits for its turn at a full budget, and says so where none comes; a place that gets free is enough', async () => {
  await using server = await startHostileImap();
  const where = { ...server.imap, max_connections: 2 };
  const { account, signIn } = trial('imap', server.imap, { ...LIMITS, imap: where });
  const connector = uncounted();
  const stop = new AbortController();
  const { connection } = await connector.check(account, signIn, stop.signal);
  const refused = await checkImap(connector, account, signIn);
  assert.deepEqual([refused.ok, refused.code], [false, 'connection_limit'], JSON.stringify(refused));
  assert.match(stepOf(refused, 'sign_in').message, /All connections .* that the account trial may have/);
  const waiting = checkImap(connector, account, signIn);
  connection.close();
  assert.equal((await waiting).ok, true);
  const other = trial('imap', server.imap, { ...LIMITS, imap: where });
  const held = await connector.check(account, signIn, stop.signal);
  assert.equal(
    (await checkImap(connector, other.account, other.signIn)).ok,
    true,
    'another one is not counted',
  );
  held.connection.close();
});

it('a check takes the place of the idle connection of operations', async () => {
  await using server = await startHostileImap();
  const where = { ...server.imap, max_connections: 2 };
  const { account, signIn } = trial('imap', server.imap, { ...LIMITS, imap: where });
  const accounts = {
    get: async () => account,
    onChange: () => () => undefined,
    signIn: <T>(_account: unknown, connect: Parameters<typeof signIn<T>>[0]) => signIn(connect),
  };
  const pool = new ImapPool(accounts, new ImapConnector(accounts));
  await pool.use(account.id, async () => undefined);
  const check = await checkImap(pool, account, signIn);
  assert.equal(check.ok, true, JSON.stringify(check));
  await pool.stop();
});
