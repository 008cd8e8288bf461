// The time of day jumps, as after a wrong battery clock was put right: what is due so long from now does not wait for it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { setStage } from './fault-stage.ts';

const HOUR_MS = 3_600_000;
const WATCH = { mode: 'poll', interval: '300ms' }; // nothing is told: only what is due finds mail

describe('a clock that jumps', { skip: requireService('dovecot'), concurrency: true }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  for (const [words, jumpMs] of [
    ['five hours ahead', 5 * HOUR_MS],
    ['five hours back', -5 * HOUR_MS],
    ['thirty years back', -30 * 365 * 24 * HOUR_MS],
  ] as const) {
    it(`${words} neither stops polls and sweeps nor starts anything twice`, async () => {
      let offset = 0;
      const clock = { now: () => Date.now() + offset };
      await using stage = await setStage(dovecot, { clock, watch: WATCH });
      await stage.bring('before the jump');
      await stage.house.starts('before the jump');
      offset = jumpMs;
      await stage.bring('after the jump');
      await stage.house.starts('after the jump');
      await stage.neighbourIsWell();
      offset = 0;
      await stage.bring('after it was put right');
      await stage.house.starts('after it was put right');
      await stage.recovers(1);
      assert.equal(stage.status.reconnects, 0, 'the connection was as good as before');
    });

    it(`${words} while the server is away does not put off the next try`, async () => {
      let offset = 0;
      const clock = { now: () => Date.now() + offset };
      await using stage = await setStage(dovecot, { clock, watch: WATCH });
      stage.proxy.refuse();
      stage.proxy.strike('end');
      await stage.suffers('backing-off', /refuses connections/);
      offset = jumpMs;
      await stage.bring('after the jump');
      await stage.proxy.accept();
      await stage.recovers(2);
    });

    it(`${words} does not make a server that accepts and drops look steady`, async () => {
      let offset = 0;
      const clock = { now: () => Date.now() + offset };
      await using stage = await setStage(dovecot, { clock, watch: WATCH });
      const waits = (): number[] =>
        stage.house.log.flatMap((line) => /"wait":(\d+)/.exec(line)?.[1] ?? []).map(Number);
      for (const drops of [1, 2, 3]) {
        await stage.house.until(() => stage.status.state === 'polling');
        offset += jumpMs / 3;
        stage.proxy.strike('end');
        await stage.house.until(() => stage.status.reconnects >= drops);
      }
      assert.ok((waits()[2] ?? 0) >= 0.8 * 1_000 * 1.5 ** 2, `it waited ${waits()}`);
      await stage.recovers(4);
    });
  }
});
