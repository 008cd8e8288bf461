// A watcher that is stuck is found by looks over another connection, told of, and made to get on.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { WatchStatus } from '../../src/contracts/account.ts';
import { Canary, type CanaryParts } from '../../src/watch/canary.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { type FakeImap, startFakeImap } from '../support/fake-imap.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain, type WatchHouse } from './house.ts';

// Less than what makes a watcher seem quiet: its own clock is not moved.
const INTERVAL_MS = 60_000;
const THRESHOLD_MS = 20_000;
const MEND_AGAIN_MS = 5_000;

/** A canary over a house, with a clock that the test moves and ticks that the test gives. */
function watchOver(house: WatchHouse, change: Partial<CanaryParts> = {}) {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const { store, bus, logger: log, imap } = house;
  const watchers = {
    watched: () => house.watchers.watched(),
    renew: (id: string) => house.watchers.renew(id),
  };
  const parts = { store, bus, log, imap, watchers, clock };
  // No tick is late, however far the test moves the clock.
  const times = { intervalMs: INTERVAL_MS, thresholdMs: THRESHOLD_MS, mendAgainMs: MEND_AGAIN_MS };
  const canary = new Canary({ ...parts, ...times, tickMs: 3_600_000, ...change });
  canary.tick(); // from now on it knows the accounts
  return {
    canary,
    /** Lets time pass and the timer strike, and waits for the looks that come of it. */
    async after(ms: number) {
      ahead += ms;
      canary.tick();
      await canary.idle();
    },
  };
}

const events = (house: WatchHouse): Record<string, unknown>[] => {
  const heard: Record<string, unknown>[] = [];
  house.bus.subscribe(({ type, data }) => {
    if (type === 'watch.lagging' || type === 'watch.recovered') heard.push({ type, ...data });
  });
  return heard;
};

/** A mailbox of which a server tells the truth by STATUS only, and to the connections that came after `lies` of them. */
async function startLiar(lies: number): Promise<FakeImap & { arrive(): void }> {
  let last = 10;
  const order = new Map<Socket, number>();
  const idling = new Map<Socket, string>();
  const fake = await startFakeImap({
    capabilities: 'IMAP4rev1 IDLE',
    answer(command, line, socket) {
      if (!order.has(socket)) order.set(socket, order.size + 1);
      const blind = (order.get(socket) ?? 0) <= lies;
      const upTo = blind ? 10 : last;
      switch (command) {
        case 'IDLE':
          idling.set(socket, line.split(' ')[0] ?? '');
          return ['+ idling'];
        case '': // DONE, which has no tag of its own
          return [`${idling.get(socket)} OK done`];
        case 'EXAMINE':
          return [
            ...[`* ${upTo} EXISTS`, '* OK [UIDVALIDITY 1] ok', `* OK [UIDNEXT ${upTo + 1}] ok`],
            'TAG OK [READ-ONLY] done',
          ];
        case 'STATUS':
          return [`* STATUS INBOX (MESSAGES ${last} UIDNEXT ${last + 1} UIDVALIDITY 1)`, 'TAG OK done'];
        case 'UID FETCH': {
          const from = Number(/UID FETCH (\d+)/.exec(line)?.[1] ?? 1);
          const uids = Array.from({ length: upTo }, (_, at) => at + 1).filter((uid) => uid >= from);
          const header = (uid: number) => `Subject: mail ${uid}\r\nMessage-ID: <${uid}@x.example>\r\n\r\n`;
          return [
            ...uids.map((uid) =>
              line.includes('HEADER')
                ? `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 10 BODY[HEADER] {${header(uid).length}}\r\n${header(uid)})`
                : `* ${uid} FETCH (UID ${uid})`,
            ),
            'TAG OK done',
          ];
        }
        default:
          return undefined;
      }
    },
  });
  return Object.assign(fake, { arrive: () => void last++ });
}

describe('the canary', () => {
  const at = (server: { port: number }) => ({
    imap: { host: '127.0.0.1', port: server.port, security: 'none' },
  });

  it('finds a watcher that is told nothing, tells of it, and gets it going by a new one', async () => {
    await using server = await startLiar(1); // the watcher's connection is blind: sweeps find nothing on it
    await using house = await openWatchHouse();
    const account = await house.add({ ...at(server), watch: ONLY_TOLD });
    const heard = events(house);
    const { after } = watchOver(house);
    await after(INTERVAL_MS);
    assert.equal(house.status(account).lag_ms, 0);
    assert.ok(house.status(account).checked_at);
    server.arrive();
    server.arrive();
    await after(INTERVAL_MS);
    assert.equal(heard.length, 0, 'mail may be on its way');
    assert.equal(house.status(account).waiting, 2, 'but it is shown');
    await after(THRESHOLD_MS + 1_000);
    const { waiting, lag_ms: lag }: WatchStatus = house.status(account);
    assert.equal(waiting, 2);
    assert.ok(lag >= 0);
    assert.equal(heard.length, 1);
    assert.equal(heard[0]?.type, 'watch.lagging');
    assert.equal(heard[0]?.reason, 'waiting');
    assert.equal(heard[0]?.waiting, 2);
    assert.ok(Number(heard[0]?.lag_ms) >= THRESHOLD_MS);
    assert.equal(house.status(account).alarm, 'waiting');
    assert.deepEqual(house.started, [], 'a sweep on a blind connection finds nothing');
    await after(MEND_AGAIN_MS + 1_000);
    await house.starts('mail 11', 'mail 12');
    await house.until(() => house.status(account).state === 'idle');
    await after(1_000);
    assert.equal(heard[1]?.type, 'watch.recovered');
    const mended = house.status(account);
    assert.deepEqual([mended.waiting, mended.lag_ms, mended.alarm], [0, 0, null]);
    assert.deepEqual(house.started, ['mail 11', 'mail 12']);
  });

  it('does not cry over mail that came and was deleted at once', async () => {
    let uidNext = 11;
    let looks = 0;
    await using server = await startFakeImap({
      answer: (command) => {
        if (command === 'STATUS')
          return [`* STATUS INBOX (MESSAGES 0 UIDNEXT ${uidNext} UIDVALIDITY 1)`, 'TAG OK done'];
        if (command === 'UID FETCH') looks++;
        if (command === 'EXAMINE')
          return ['* 0 EXISTS', '* OK [UIDVALIDITY 1] ok', '* OK [UIDNEXT 11] ok', 'TAG OK [READ-ONLY] done'];
        return undefined;
      },
    });
    await using house = await openWatchHouse();
    await house.add({ ...at(server), watch: ONLY_TOLD });
    const heard = events(house);
    const { after } = watchOver(house);
    uidNext = 15;
    await after(INTERVAL_MS);
    await after(THRESHOLD_MS + 1_000);
    const looked = looks;
    for (let times = 0; times < 3; times++) await after(INTERVAL_MS + 1_000);
    assert.deepEqual(heard, []);
    assert.equal(looks, looked, 'what was looked for once is not looked for again');
  });

  it('finds a watcher whose loop is blocked, and begins anew without it', async () => {
    await using server = await startLiar(0);
    let blocked = false;
    await using house = await openWatchHouse({
      ledger: (store) => ({
        ...store,
        write: (work) => (blocked ? new Promise<never>(() => undefined) : store.write(work)),
      }),
    });
    const account = await house.add({ ...at(server), watch: ONLY_TOLD });
    const heard = events(house);
    const { after } = watchOver(house);
    await after(INTERVAL_MS);
    server.arrive();
    blocked = true;
    house.watchers.sweep(account.id);
    await after(INTERVAL_MS);
    await after(THRESHOLD_MS + 1_000);
    assert.equal(heard.at(-1)?.type, 'watch.lagging');
    blocked = false;
    await after(MEND_AGAIN_MS + 1_000);
    await house.starts('mail 11');
    await house.until(() => house.status(account).state === 'idle');
    await after(1_000);
    assert.equal(heard.at(-1)?.type, 'watch.recovered');
  });

  it('is not kept by a server that hangs from looking at other accounts', async () => {
    await using hanging = await startFakeImap({
      answer: (command) => (command === 'STATUS' ? null : undefined),
    });
    await using server = await startLiar(0);
    await using house = await openWatchHouse();
    for (let each = 0; each < 20; each++)
      await house.add({ ...at(hanging), label: `hangs-${each}`, watch: ONLY_TOLD, timeout_ms: 2_000 }, false);
    await house.until(() => house.states.filter((state) => state.endsWith(' polling')).length >= 20);
    const account = await house.add({ ...at(server), watch: ONLY_TOLD });
    const { canary, after } = watchOver(house, { checkLimitMs: 50 });
    const looked = server.nextCommand('STATUS');
    const all = after(INTERVAL_MS);
    await looked;
    assert.equal(canary.checks().failed, 0, 'the others still hang');
    await all;
    assert.ok(house.status(account).checked_at);
    assert.deepEqual(canary.checks(), { ok: 1, failed: 20 });
  });

  it('does not knock at accounts that say themselves what is wrong with them', async () => {
    await using server = await startFakeImap({
      answer: (command) => (command === 'LOGIN' ? ['TAG NO [AUTHENTICATIONFAILED] no'] : undefined),
    });
    await using house = await openWatchHouse();
    const account = await house.add({ ...at(server) }, false);
    await house.until(() => house.status(account).state === 'needs-sign-in');
    const connections = server.connections();
    const { canary, after } = watchOver(house);
    await after(INTERVAL_MS);
    assert.equal(server.connections(), connections);
    assert.deepEqual(canary.checks(), { ok: 0, failed: 0 });
  });
});

describe('the canary at Dovecot', { skip: requireService('dovecot') }, () => {
  it('sees that all is well, leaves nothing open, and says when it last saw it', async () => {
    const dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    try {
      await using house = await openWatchHouse();
      const account = await house.add({
        ...plain(dovecot),
        watch: { ...ONLY_TOLD, mailboxes: ['INBOX', 'Sent'] },
      });
      const heard = events(house);
      const { canary, after } = watchOver(house);
      await dovecot.deliver('sales', mail('before the look'));
      house.watchers.sweep(account.id); // a busy machine's Dovecot is slow to tell
      await house.starts('before the look');
      await after(INTERVAL_MS);
      assert.deepEqual(canary.checks(), { ok: 1, failed: 0 });
      assert.deepEqual(heard, []);
      const each = house.watchers.status(account.id).mailboxes;
      assert.ok(each.INBOX?.checked_at && each.Sent?.checked_at);
      const endsAt = performance.now() + 5_000;
      while ((await dovecot.connectionsOf('sales')) > 2)
        assert.ok(performance.now() < endsAt, 'a connection besides those of the two watchers stays open');
    } finally {
      await dovecot.stop();
    }
  });
});
