// The watchdog's process itself: it is replaced where it is lost, and takes what it watches with it when it is told to stop.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { silentLogger } from '../kernel/logger.ts';
import { ProcessGuard } from './guard.ts';

const LINUX = { skip: process.platform === 'linux' ? false : 'it is found by /proc' };
const UNBOUND = { limitMs: 60_000, processes: null, memoryBytes: null };

function sleeper(mark: string) {
  const child = spawn('sleep', ['1000'], {
    detached: true,
    stdio: 'ignore',
    env: { POSTERN_RUN: mark, ...process.env },
  });
  return { pid: child.pid as number, ended: once(child, 'exit') };
}

it('is started again where something ends it, and goes on watching what it watched', LINUX, async () => {
  const guard = new ProcessGuard(silentLogger);
  const watched = sleeper('a');
  guard.watch({ watch: 'a', ...UNBOUND }, () => undefined).started(watched.pid);
  const first = await watchdog();
  process.kill(first, 'SIGKILL');
  await watchdog(first);
  await guard.stop();
  assert.deepEqual(await watched.ended, [null, 'SIGKILL']);
});

it('ends a program by itself where the gateway does not, and says so', async () => {
  const guard = new ProcessGuard(silentLogger);
  const watched = sleeper('b');
  const why = await new Promise((resolve) =>
    guard.watch({ watch: 'b', ...UNBOUND, limitMs: 50 }, resolve).started(watched.pid),
  );
  assert.equal(why, 'time');
  assert.deepEqual(await watched.ended, [null, 'SIGKILL']);
  await guard.stop();
});

it('ends also what it was not told of any more: what was starting when the gateway went', LINUX, async () => {
  const guard = new ProcessGuard(silentLogger);
  guard.watch({ watch: 'd', ...UNBOUND }, () => undefined);
  await watchdog();
  const stopped = guard.stop();
  const watched = sleeper('d');
  assert.deepEqual(await watched.ended, [null, 'SIGKILL']);
  await stopped;
});

it('has nothing to end after a program was released: its number may be another one’s', async () => {
  const guard = new ProcessGuard(silentLogger);
  const other = sleeper('not the one that was watched');
  const watch = guard.watch({ watch: 'c', ...UNBOUND }, () => undefined);
  watch.started(other.pid);
  watch.release();
  await guard.stop();
  process.kill(other.pid, 0);
  process.kill(other.pid, 'SIGKILL');
  assert.deepEqual(await other.ended, [null, 'SIGKILL']);
});

/** The process of this process's watchdog, other than the one that is known already. */
async function watchdog(known?: number): Promise<number> {
  const endsAt = Date.now() + 10_000;
  while (Date.now() < endsAt) {
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name) || Number(name) === known) continue;
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === process.pid && line.includes('guard-process')) return Number(name);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('there is no watchdog');
}
