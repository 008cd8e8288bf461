// Live events inside one process.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import type { LiveEvent } from '../contracts/live-event.ts';
import { memoryBus } from './memory.ts';

const clock = { now: () => Date.now() };

it('whoever listens hears what happens until it stops, and whoever comes back hears what it missed', () => {
  const bus = memoryBus(clock);
  const heard: LiveEvent[] = [];
  const stop = bus.subscribe((event) => heard.push(event));
  bus.publish('rules.changed', { version: 1 });
  stop();
  bus.publish('rules.changed', { version: 2 });
  bus.publish('rules.changed', { version: 3 });
  assert.deepEqual(
    heard.map(({ data }) => data),
    [{ version: 1 }],
  );
  bus.subscribe((event) => heard.push(event), heard[0]?.id);
  assert.deepEqual(
    heard.map(({ data }) => data),
    [{ version: 1 }, { version: 2 }, { version: 3 }],
  );
});

it('a listener that throws harms neither the publisher nor the other listeners', async () => {
  const bus = memoryBus(clock);
  const warned = once(process, 'warning');
  const heard: LiveEvent[] = [];
  bus.subscribe(() => {
    throw new Error('a closed stream');
  });
  bus.subscribe((event) => heard.push(event));
  bus.publish('rules.changed', {});
  assert.equal(heard.length, 1);
  assert.match(String((await warned)[0]), /a closed stream/);
});

it('events that are long past are forgotten, so that memory stays bounded', () => {
  const bus = memoryBus(clock);
  for (let at = 0; at < 1_500; at++) bus.publish('rules.changed', { at });
  const heard: LiveEvent[] = [];
  bus.subscribe((event) => heard.push(event), '');
  assert.equal(heard.length, 1_000);
  assert.deepEqual(heard.at(-1)?.data, { at: 1_499 });
});
