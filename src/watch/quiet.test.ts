// For how long a watcher may be silent in each of its states.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { MailboxStatus } from './mailbox-status.ts';
import { quietTooLong } from './quiet.ts';

const SWEEP_MS = 60_000;
const START = 1_000_000_000;
const account = { settings: { timeout_ms: 30_000 } } as Account;

function watcher() {
  const clock = { at: START, now: () => clock.at };
  const health = new MailboxStatus(clock, 'idle', () => undefined);
  return {
    clock,
    health,
    quiet: (awakeSince = 0) => quietTooLong({ account, health, sweepMs: SWEEP_MS }, awakeSince, clock.at),
  };
}

it('one in IDLE has to be heard at each sweep, with time for a slow server', () => {
  const { clock, health, quiet } = watcher();
  health.progress(0);
  health.watchesBy('idle');
  clock.at += SWEEP_MS + 60_000 + 60_000;
  assert.equal(quiet(), null);
  clock.at += 1;
  assert.equal(quiet(), START);
  health.alive();
  assert.equal(quiet(), null);
});

it('one that connects has ten minutes, and each message of a catch-up counts as heard', () => {
  const { clock, health, quiet } = watcher();
  clock.at += 10 * 60_000;
  assert.equal(quiet(), null);
  health.progress(100);
  clock.at += 10 * 60_000;
  assert.equal(quiet(), null);
  clock.at += 3 * 60_000;
  assert.equal(quiet(), START + 10 * 60_000);
});

it('one that waits before its next try is quiet when the try is overdue', () => {
  const { clock, health, quiet } = watcher();
  health.interrupted(new Error('gone'), 600_000, false);
  clock.at += 600_000 + 60_000;
  assert.equal(quiet(), null);
  clock.at += 1;
  assert.equal(quiet(), START + 600_000);
});

it('nobody is blamed for the time in which this machine slept, nor after the end', () => {
  const { clock, health, quiet } = watcher();
  health.watchesBy('idle');
  clock.at += 8 * 3_600_000;
  assert.equal(quiet(clock.at - 1_000), null);
  assert.equal(quiet(), START);
  health.enter('stopped');
  assert.equal(quiet(), null);
});
