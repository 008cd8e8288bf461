// What a person sees of an account that cannot be watched, and that no account slows another.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountPatch } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startFakeImap } from '../support/fake-imap.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain } from './house.ts';

const CANARY = 'canary-hunter2';

describe('an account', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
  });
  after(() => dovecot?.stop());
  const settings = (watch: object = {}) => ({ ...plain(dovecot), watch: { ...ONLY_TOLD, ...watch } });
  const auth = (password: string) => ({ type: 'basic' as const, username: 'sales', password });

  it('with a wrong password needs a sign-in, and goes on as soon as it gets the right one', async () => {
    await using house = await openWatchHouse();
    const account = await house.add({ ...settings(), auth: auth(CANARY) }, false);
    await house.until(() => house.status(account).state === 'needs-sign-in');
    assert.match(house.status(account).last_error ?? '', /refused the user name or the password/);
    await house.accounts.patch(account.id, { auth: auth(DEFAULT_PASSWORD) });
    await house.until(() => house.status(account).state === 'idle');
    assert.equal(house.status(account).last_error, null);
    await dovecot.deliver('sales', mail('after the sign-in'));
    await house.starts('after the sign-in');
    assert.ok(!JSON.stringify([house.log, house.states, house.status(account)]).includes(CANARY));
  });

  it('whose secret is gone needs a sign-in', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings());
    await house.store.db.deleteFrom('account_secrets').execute();
    await dovecot.kick('sales');
    await house.until(() => house.status(account).state !== 'idle');
    house.watchers.sweep(account.id);
    await house.until(() => house.status(account).state === 'needs-sign-in');
    assert.match(house.status(account).last_error ?? '', /has no password/);
  });

  it('that is set inactive, switched off or removed is watched no more, and again when it is active', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mailboxes: ['INBOX', 'Sent'] }));
    const connected = () => house.status(account).state === 'idle';
    const switches: [AccountPatch, AccountPatch][] = [
      [{ active: false }, { active: true }],
      [{ watch: { mode: 'off' } }, { watch: { mode: 'idle' } }],
    ];
    for (const [off, on] of switches) {
      await house.accounts.patch(account.id, off);
      await house.until(() => house.states.slice(-2).every((state) => state.endsWith(' stopped')));
      await house.until(() => house.status(account).state === 'stopped');
      assert.deepEqual(house.watchers.status(account.id).mailboxes, {});
      await house.accounts.patch(account.id, on);
      await house.until(connected);
    }
    await house.accounts.remove(account.id);
    await house.until(() => house.states.slice(-2).every((state) => state.endsWith(' stopped')));
    assert.equal(house.status(account).state, 'stopped');
    assert.deepEqual(await dovecot.connectionsOf('sales'), 0);
  });

  it('says which of its mailboxes is missing, and watches the others', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mailboxes: ['INBOX', 'Nowhere'] }), false);
    const each = () => house.watchers.status(account.id).mailboxes;
    await house.until(() => each().INBOX?.state === 'idle' && each().Nowhere?.state === 'backing-off');
    assert.match(each().Nowhere?.last_error ?? '', /refused to select Nowhere/);
    assert.equal(house.status(account).state, 'backing-off', 'an account is as well as its worst mailbox');
    await dovecot.deliver('sales', mail('beside it'));
    await house.starts('beside it');
    await dovecot.deliver('sales', mail('made'), 'Nowhere');
    house.watchers.sweep(account.id);
    await house.until(() => each().Nowhere?.state === 'idle');
    assert.equal(house.status(account).state, 'idle');
  });

  it('whose server hangs slows no other, neither while it is watched nor when it is taken away', async () => {
    await using hanging = await startFakeImap({
      answer: (command) => (command === 'EXAMINE' ? null : undefined),
    });
    await using house = await openWatchHouse();
    const asked = hanging.nextCommand('EXAMINE');
    const imap = { host: '127.0.0.1', port: hanging.port, security: 'none' };
    const stuck = await house.add({ imap, label: 'stuck', timeout_ms: 600_000 }, false);
    await asked;
    assert.equal(house.status(stuck).state, 'connecting');
    const account = await house.add(settings());
    await dovecot.deliver('sales', mail('meanwhile'));
    await house.starts('meanwhile');
    await house.accounts.remove(stuck.id);
    await house.accounts.patch(account.id, { active: false });
    await house.until(() => house.status(account).state === 'stopped');
  });

  it('whose server falls silent in the middle of an answer is not shown as alive for ever', async () => {
    const answer = (command: string) =>
      command === 'EXAMINE'
        ? ['* 1 EXISTS', '* OK [UIDVALIDITY 1] ok', '* OK [UIDNEXT 2] ok', 'TAG OK done']
        : command === 'UID FETCH'
          ? ['* 1 FETCH (UID 1 RFC822.SIZE 10 BODY[HEADER] {10}', 'Subj']
          : undefined;
    await using silent = await startFakeImap({ answer });
    await using house = await openWatchHouse();
    const imap = { host: '127.0.0.1', port: silent.port, security: 'none' };
    const account = await house.add({ imap, timeout_ms: 1_000, watch: { from_zero: true } }, false);
    await house.until(() => house.status(account).state === 'backing-off');
    assert.match(house.status(account).last_error ?? '', /did not answer/);
    assert.deepEqual(house.started, []);
  });

  it('whose server ends IDLE by itself is told of new mail in the next one', async () => {
    let idles = 0;
    const answer = (command: string, _line: string, socket: { write(text: string): boolean }) => {
      if (command === 'UID FETCH' && idles > 1)
        return [
          '* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 13 BODY[HEADER] {13}',
          'Subject: x',
          '',
          ')',
          'TAG OK done',
        ];
      if (command !== 'IDLE') return undefined;
      idles++;
      socket.write('+ idling\r\n');
      return [...(idles === 1 ? [] : ['* 1 EXISTS']), 'TAG OK that was all'];
    };
    await using restless = await startFakeImap({ capabilities: 'IMAP4rev1 IDLE', answer });
    await using house = await openWatchHouse();
    const imap = { host: '127.0.0.1', port: restless.port, security: 'none' };
    const account = await house.add({ imap, watch: { ...ONLY_TOLD } }, false);
    await restless.nextCommand('UID FETCH');
    assert.ok(idles >= 2);
    assert.equal(house.status(account).reconnects, 0);
  });

  it('whose server tells of new mail and hangs up is not signed in to again and again', async () => {
    const answer = (
      command: string,
      _line: string,
      socket: { destroy(): void; write(text: string): boolean },
    ) => {
      if (command !== 'UID FETCH') return command === 'EXAMINE' ? EXAMINED : undefined;
      socket.write('* 2 EXISTS\r\n');
      setImmediate(() => socket.destroy());
      return null;
    };
    await using flapping = await startFakeImap({ answer });
    await using house = await openWatchHouse();
    const imap = { host: '127.0.0.1', port: flapping.port, security: 'none' };
    const account = await house.add({ imap, watch: { from_zero: true } }, false);
    await house.until(() => house.status(account).reconnects >= 2);
    const waits = house.log.flatMap((line) => /"wait":(\d+)/.exec(line)?.[1] ?? []).map(Number);
    assert.equal(flapping.connections(), 2);
    assert.ok((waits[0] ?? 0) >= 800 && (waits[1] ?? 0) >= 1_200, JSON.stringify(waits));
  });
});

const EXAMINED = ['* 1 EXISTS', '* OK [UIDVALIDITY 1] ok', '* OK [UIDNEXT 2] ok', 'TAG OK [READ-ONLY] done'];
