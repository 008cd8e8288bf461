import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account, Credentials } from '../accounts/accounts.ts';
import { PosternError } from '../kernel/errors.ts';
import { type OpenSmtp, SmtpPool } from './pool.ts';
import type { SmtpConnection } from './smtp.ts';

interface Fake {
  usable: boolean;
  mails: number;
  closed: boolean;
}

function setUp(open?: () => never) {
  const made: Fake[] = [];
  let change: (id: string) => void = () => undefined;
  let now = 0;
  const openFake = async () => {
    open?.();
    const fake = { usable: true, mails: 0, closed: false, capabilities: [] };
    made.push(fake);
    const close = () => Object.assign(fake, { usable: false, closed: true });
    return Object.assign(fake, { close, quit: close }) as unknown as SmtpConnection;
  };
  const accounts = {
    get: async () => account(1),
    signIn: <T>(_: Account, connect: (credentials: Credentials) => Promise<T>) =>
      connect({ type: 'basic', username: 'u', password: 'p' }),
    onChange: (listener: (id: string) => void) => {
      change = listener;
      return () => undefined;
    },
  };
  const pool = new SmtpPool(accounts, { now: () => now }, openFake as OpenSmtp);
  return { pool, made, change: (id: string) => change(id), pass: (ms: number) => (now += ms) };
}
const account = (version: number, smtp = {}): Account =>
  ({ id: 'acc_1', version, settings: { smtp } }) as unknown as Account;
const mail = async (connection: SmtpConnection): Promise<void> => void connection.mails++;

test('a connection is used again', async () => {
  const { pool, made } = setUp();
  for (let i = 0; i < 3; i++) await pool.use(account(1), mail);
  assert.equal(made.length, 1);
  pool.stop();
  assert.equal(made[0]?.closed, true);
});

test('never more than five at once; the sixth waits for one of them', async () => {
  const { pool, made } = setUp();
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => ends.push(resolve));
  const uses = Array.from({ length: 8 }, () => pool.use(account(1), work));
  const waiting = () => ends.length;
  while (waiting() < 5) await new Promise(setImmediate);
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  assert.equal(waiting(), 5);
  for (let done = 0; done < 8; done++) {
    while (waiting() === 0) await new Promise(setImmediate);
    ends.shift()?.();
  }
  await Promise.all(uses);
  assert.equal(made.length, 5);
  pool.stop();
});

test('a changed account, a hundred mails, a broken connection and doubt each make a new one', async () => {
  const { pool, made, change } = setUp();
  await pool.use(account(1), mail);
  await pool.use(account(2), mail);
  assert.deepEqual([made.length, made[0]?.closed], [2, true]);
  change('acc_1');
  assert.equal(made[1]?.closed, true);
  await pool.use(account(2), async (connection) => void Object.assign(connection, { mails: 100 }));
  assert.equal(made[2]?.closed, true);
  await pool.use(account(2), mail);
  Object.assign(made[3] ?? {}, { usable: false });
  await pool.use(account(2), mail);
  assert.equal(made.length, 5);
  await assert.rejects(pool.use(account(2), () => Promise.reject(new Error('doubt'))));
  assert.equal(made[4]?.closed, true);
  await pool.use(account(2), mail);
  await pool.use(account(2), mail, { fresh: true });
  assert.deepEqual([made.length, made[5]?.closed], [7, true]);
  pool.stop();
});

test('after a wrong password it does not ask the server again for a minute, or until the account changes', async () => {
  let opened = 0;
  const { pool, pass, change } = setUp(() => {
    opened++;
    throw new PosternError('wrong_password', 'no');
  });
  for (let i = 0; i < 3; i++) await assert.rejects(pool.use(account(1), mail), { code: 'wrong_password' });
  assert.equal(opened, 1);
  await assert.rejects(pool.use(account(2), mail));
  assert.equal(opened, 2);
  pass(61_000);
  await assert.rejects(pool.use(account(2), mail));
  assert.equal(opened, 3);
  change('acc_1');
  await assert.rejects(pool.use(account(2), mail));
  assert.equal(opened, 4);
  pool.stop();
});

test('a stop ends the wait for a free connection', async () => {
  const { pool } = setUp();
  const hold = Promise.withResolvers<void>();
  const uses = Array.from({ length: 5 }, () => pool.use(account(1), () => hold.promise));
  const stop = new AbortController();
  const sixth = pool.use(account(1), mail, { signal: stop.signal });
  stop.abort();
  await assert.rejects(sixth, { code: 'stopping' });
  hold.resolve();
  await Promise.all(uses);
  pool.stop();
});

test('an account has as many connections as it says, else as its provider allows', async () => {
  for (const [settings, most] of [
    [{ smtp: { max_connections: 2 }, provider: 'microsoft365' }, 2],
    [{ smtp: {}, provider: 'microsoft365' }, 3],
    [{ smtp: {} }, 5],
  ] as const) {
    const { pool, made } = setUp();
    const ends: (() => void)[] = [];
    const work = () => new Promise<void>((resolve) => ends.push(resolve));
    const limited = { id: 'acc_1', version: 1, settings } as unknown as Account;
    const uses = Array.from({ length: 7 }, () => pool.use(limited, work));
    for (let i = 0; i < 40; i++) await new Promise(setImmediate);
    assert.equal<number>(ends.length, most);
    assert.equal(pool.limitFor('acc_1'), most);
    for (let done = 0; done < 7; done++) {
      for (let turn = 0; ends.length === 0 && turn < 1_000; turn++) await new Promise(setImmediate);
      ends.shift()?.();
    }
    await Promise.all(uses);
    assert.equal(made.length, most);
    pool.stop();
  }
});

test('a mail to a person finds a connection free, or goes before a broadcast that waits for one', async () => {
  const { pool } = setUp();
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const use = (name: string, isUrgent: boolean) =>
    pool.use(
      account(1),
      () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      { isUrgent },
    );
  const settled = async () => {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  const uses = Array.from({ length: 6 }, (_, i) => use(`bulk${i}`, false));
  await settled();
  assert.equal(begun.length, 4, 'one is left');
  uses.push(use('anna', true), use('bert', true));
  await settled();
  assert.deepEqual(begun.slice(4), ['anna']);
  ends.shift()?.();
  await settled();
  assert.deepEqual(begun.slice(5), ['bert']);
  for (let turn = 0; turn < 100 && (begun.length < 8 || ends.length > 0); turn++) {
    ends.shift()?.();
    await settled();
  }
  await Promise.all(uses);
  pool.stop();
});
