// Start and stop: in order and back, once, also half way, within a hard limit; and by signals, in a process of its own.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { Lifecycle, type Part } from './lifecycle.ts';
import { type Logger, silentLogger } from './logger.ts';

const LIMIT_MS = 50; // short, for parts that never stop

function recorder() {
  const seen: string[] = [];
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: () => void seen.push(`start ${name}`),
    stop: () => void seen.push(`stop ${name}`),
    ...more,
  });
  return { seen, part };
}

describe('a lifecycle', () => {
  it('starts in order and stops in the reverse order, each once however often it is asked', async () => {
    const { seen, part } = recorder();
    const lifecycle = new Lifecycle(silentLogger);
    const parts = [part('ledger'), part('jobs'), part('http')];
    await Promise.all([lifecycle.start(parts), lifecycle.start(parts)]);
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    assert.deepEqual(seen, [
      ...['start ledger', 'start jobs', 'start http'],
      ...['stop http', 'stop jobs', 'stop ledger'],
    ]);
  });

  it('stops what had started when a part fails to start, the half-started one too, and throws its error', async () => {
    const { seen, part } = recorder();
    const lifecycle = new Lifecycle(silentLogger);
    const start = () => Promise.reject(new Error('the port is taken'));
    await assert.rejects(
      lifecycle.start([part('ledger'), part('http', { start }), part('jobs')]),
      /the port is taken/,
    );
    assert.deepEqual(seen, ['start ledger', 'stop http', 'stop ledger']);
  });

  it('that is stopped while a part starts waits for it, starts no other, and says so', async () => {
    const { seen, part } = recorder();
    const lifecycle = new Lifecycle(silentLogger);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const slow = part('http', {
      start: async () => {
        enter();
        await opened;
        seen.push('http listens');
      },
    });
    const starting = lifecycle.start([part('ledger'), slow, part('jobs')]);
    const refused = assert.rejects(starting, { code: 'stopping' });
    await entered;
    const stopping = lifecycle.stop();
    open();
    await Promise.all([refused, stopping]);
    assert.deepEqual(seen, ['start ledger', 'http listens', 'stop http', 'stop ledger']);
  });

  it('goes on stopping when a part throws or never ends, names it, and ends within its limit', async () => {
    const { seen, part } = recorder();
    const named: unknown[] = [];
    const log: Logger = {
      ...silentLogger,
      error: (fields) => void named.push((fields as { part: string }).part),
    };
    const lifecycle = new Lifecycle(log, LIMIT_MS);
    await lifecycle.start([
      part('ledger'),
      part('jobs', { stop: () => new Promise(() => undefined) }),
      part('http', { stop: () => Promise.reject(new Error('no')) }),
    ]);
    await lifecycle.stop();
    assert.deepEqual(named, ['http', 'jobs']);
    assert.equal(seen.at(-1), 'stop ledger');
  });

  it('ends also when a part hangs in its start', async () => {
    const { seen, part } = recorder();
    const lifecycle = new Lifecycle(silentLogger, LIMIT_MS);
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const start = (): Promise<void> => {
      enter();
      return new Promise(() => undefined);
    };
    void lifecycle.start([part('ledger'), part('http', { start })]);
    await entered;
    await lifecycle.stop();
    assert.deepEqual(seen, ['start ledger', 'stop http', 'stop ledger']);
  });
});

describe('a signal', { skip: process.platform === 'win32' }, () => {
  const running = (stop: string): { child: ChildProcess; lines: AsyncIterator<string> } => {
    const script = `
      const { Lifecycle, stopOnSignals } = await import('${new URL('./lifecycle.ts', import.meta.url).href}');
      const { silentLogger } = await import('${new URL('./logger.ts', import.meta.url).href}');
      const lifecycle = new Lifecycle(silentLogger);
      stopOnSignals(lifecycle, silentLogger);
      const timer = setInterval(() => undefined, 1000);
      await lifecycle.start([{ name: 'part', stop: async () => { console.log('stopping'); ${stop} } }]);
      console.log('ready');`;
    const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} stops the parts and ends the process`, async () => {
      const { child, lines } = running('');
      assert.equal((await lines.next()).value, 'ready');
      const exit = once(child, 'exit');
      child.kill(signal);
      assert.equal((await lines.next()).value, 'stopping');
      assert.deepEqual(await exit, [0, null]);
    });
  }

  it('that comes a second time ends a process that hangs in its stop', async () => {
    const { child, lines } = running('await new Promise(() => undefined);');
    assert.equal((await lines.next()).value, 'ready');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    assert.equal((await lines.next()).value, 'stopping');
    child.kill('SIGINT');
    assert.deepEqual(await exit, [130, null]);
  });
});
