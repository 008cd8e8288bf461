// When mail waits too long, and when it only looks so.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterLook, afterPosition, isLate, type Lag, type Position } from './lag.ts';

const THRESHOLD_MS = 120_000;
const MINUTE_MS = 60_000;
const look = (uidNext: number, uidValidity = '1') => ({ uidNext, uidValidity });
const position = (lastUid: number, change: Partial<Position> = {}): Position => ({
  uidValidity: '1',
  lastUid,
  received: 0,
  ...change,
});
const seen = (lag: Lag | null): Lag => lag ?? assert.fail('nothing waits');

describe('mail on a server', () => {
  it('does not wait where the checkpoint has reached it', () => {
    assert.equal(afterLook(null, look(11), position(10), 0), null);
    assert.equal(afterLook(null, look(1), position(0), 0), null);
  });

  it('is late when nobody has got on with it for the threshold, and no sooner', () => {
    const first = seen(afterLook(null, look(14), position(10), 1_000));
    assert.equal(first.upTo, 13);
    assert.equal(isLate(first, 1_000, THRESHOLD_MS), false);
    const later = seen(afterLook(first, look(20), position(10), 1_000 + MINUTE_MS));
    assert.deepEqual([later.since, later.upTo], [1_000, 13], 'what was seen first counts');
    assert.equal(isLate(later, 1_000 + THRESHOLD_MS - 1, THRESHOLD_MS), false);
    assert.equal(isLate(later, 1_000 + THRESHOLD_MS, THRESHOLD_MS), true);
  });

  it('is not late in a long catch-up that gets on, by its checkpoint or by what it took in', () => {
    let lag = seen(afterLook(null, look(10_001), position(0), 0));
    let now = 0;
    for (let done = 1; done <= 5; done++) {
      now += MINUTE_MS;
      lag = seen(afterPosition(lag, position(done * 100), now));
      now += MINUTE_MS;
      lag = seen(afterPosition(lag, position(done * 100, { received: done * 150 }), now));
    }
    assert.ok(now - lag.since > 2 * THRESHOLD_MS);
    assert.equal(isLate(lag, now, THRESHOLD_MS), false);
    assert.equal(isLate(lag, now + THRESHOLD_MS, THRESHOLD_MS), true, 'until it stops');
  });

  it('waits no more when the checkpoint passes it, though newer mail has come meanwhile', () => {
    const lag = seen(afterLook(null, look(14), position(10), 0));
    assert.equal(afterPosition(lag, position(13), MINUTE_MS), null);
    const newer = seen(afterLook(lag, look(15), position(13), MINUTE_MS));
    assert.deepEqual([newer.since, newer.upTo], [MINUTE_MS, 14]);
  });

  it('waits when the server numbered the mailbox anew and the watcher has not noticed', () => {
    const lag = seen(afterLook(null, look(4, '2'), position(10), 0));
    assert.equal(isLate(lag, THRESHOLD_MS, THRESHOLD_MS), true);
    const noticed = seen(afterPosition(lag, position(0, { uidValidity: '2' }), THRESHOLD_MS));
    assert.equal(isLate(noticed, THRESHOLD_MS + 1, THRESHOLD_MS), false, 'it is read again');
    assert.equal(afterPosition(noticed, position(3, { uidValidity: '2' }), THRESHOLD_MS + 2), null);
  });

  it('is judged anew when the server numbers the mailbox anew while it waits', () => {
    const lag = seen(afterLook(null, look(14), position(10), 0));
    const anew = seen(afterLook(lag, look(4, '2'), position(10), MINUTE_MS));
    assert.deepEqual([anew.since, anew.uidValidity, anew.upTo], [MINUTE_MS, '2', 3]);
  });
});
