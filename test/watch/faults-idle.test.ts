// A connection that breaks while mail is awaited or fetched over it, by way of a proxy before Dovecot. A line that says
// nothing is found out by the sweep: within `interval` and `timeout_ms`, whatever it hides.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import type { Failure } from '../support/proxy.ts';
import { requireService } from '../support/services.ts';
import { setStage, TIMEOUT_MS } from './fault-stage.ts';

const SWEEP_MS = 500;
const SPARE_MS = 2_500; // two busy cores
const LONG_HEADER = Array.from({ length: 200 }, (_, at) => `X-Long-${at}: ${'x'.repeat(60)}`);
const MIDDLE_BYTES = 5_000; // of an answer of 14 kB: within the literal of its header

describe('a watched mailbox whose connection', { skip: requireService('dovecot'), concurrency: true }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  const silent: [string, Failure][] = [
    ['is half-open: no packet passes, and nobody is told', 'half-open'],
    ['hangs in IDLE: the server hears, and says nothing', 'mute'],
  ];
  for (const [words, failure] of silent) {
    it(`${words}, is found out by the sweep, and nothing is lost`, async () => {
      await using stage = await setStage(dovecot, { watch: { interval: `${SWEEP_MS}ms` } });
      await stage.proxy.says(/IDLE/);
      stage.proxy.strike(failure);
      const struckAt = performance.now();
      await stage.bring('into the silence');
      await stage.suffers('backing-off', /did not answer within 2000 ms/);
      const noticed = performance.now() - struckAt;
      assert.ok(noticed < SWEEP_MS + TIMEOUT_MS + SPARE_MS, `it took ${Math.round(noticed)} ms`);
      await stage.recovers(2);
    });
  }

  it('never answers in IDLE, not even that it idles, is found out by the sweep', async () => {
    await using stage = await setStage(dovecot, { watch: { interval: `${SWEEP_MS}ms` } });
    stage.proxy.fault = { at: / IDLE$/, does: 'mute' };
    stage.proxy.strike('end');
    await stage.house.until(() => stage.status.reconnects >= 1);
    await stage.bring('while it hung');
    await stage.house.until(() => stage.status.reconnects >= 2);
    await stage.neighbourIsWell();
    stage.proxy.fault = undefined;
    await stage.recovers(4);
  });

  it('is reset in IDLE, is watched again', async () => {
    await using stage = await setStage(dovecot);
    await stage.proxy.says(/IDLE/);
    stage.proxy.strike('reset');
    await stage.bring('after the reset');
    await stage.suffers('backing-off', /ECONNRESET|closed the connection/);
    await stage.recovers(2);
  });

  it('is ended with BYE in IDLE, says so and is watched again', async () => {
    await using stage = await setStage(dovecot);
    await stage.proxy.says(/IDLE/);
    await dovecot.kick(stage.user);
    await stage.bring('after the goodbye');
    await stage.suffers('backing-off', /the server said goodbye/);
    await stage.recovers(2);
  });

  const midway: [string, Failure, RegExp][] = [
    ['hangs in the middle of a literal', 'mute', /did not answer within 2000 ms/],
    ['goes half-open in the middle of a literal', 'half-open', /did not answer within 2000 ms/],
    ['is reset in the middle of a literal', 'reset', /closed the connection|broke/],
    ['ends in the middle of a literal', 'end', /closed the connection|broke/],
  ];
  for (const [words, failure, error] of midway) {
    it(`${words}, takes the mail in once, and the ones around it`, async () => {
      await using stage = await setStage(dovecot);
      stage.proxy.fault = { at: / UID FETCH /, afterBytes: MIDDLE_BYTES, does: failure };
      await stage.bring('long', LONG_HEADER);
      await stage.bring('behind it');
      await stage.suffers('backing-off', error);
      assert.ok(!stage.house.started.includes('long'), 'it broke before the mail was read');
      stage.proxy.fault = undefined;
      await stage.recovers(3);
    });
  }

  it('breaks in the second batch of a flood, goes on behind the last that was kept', async () => {
    await using stage = await setStage(dovecot);
    const subjects = Array.from({ length: 1_200 }, (_, at) => `flood ${at}`);
    stage.proxy.fault = { at: / UID FETCH /, afterBytes: 800_000, does: 'end' };
    await stage.bringMany(subjects, [`X-Fill: ${'x'.repeat(500)}`]);
    await stage.house.until(() => stage.status.state === 'backing-off');
    stage.proxy.fault = { at: 'connect', does: 'end' }; // else the rest may have come before the neighbour's mail has
    await stage.suffers('backing-off', /closed the connection|broke/);
    const kept = stage.house.started.filter((subject) => subject.startsWith('flood')).length;
    assert.ok(kept > 0 && kept < subjects.length, `${kept} were kept`);
    stage.proxy.fault = undefined;
    await stage.recovers(3);
  });

  it('is slow, is slow and no more', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.delayMs = 300;
    await stage.bring('slowly');
    await stage.house.starts('slowly');
    await stage.neighbourIsWell();
    await stage.recovers(1);
    assert.equal(stage.status.reconnects, 0);
  });
});
