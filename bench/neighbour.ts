// Whether an account whose server hangs for ever slows another one: the same gateway, with such accounts and without, in
// turn. The server of the measured account tells of its mail at once, so that nothing of Dovecot's own wait hides a delay.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startFullListener } from '../test/support/full-listener.ts';
import type { TestGateway } from '../test/support/gateway.ts';
import { type HostileOptions, type Play, startHostileImap } from '../test/support/hostile-imap.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { Arrivals, startAgent, startWatching } from './latency.ts';
import { median } from './statistics.ts';

const BLOCKS = { full: 10, quick: 4 }; // of each kind
const MAILS_A_BLOCK = 20;
const OF_EACH_KIND = 3;
const WARM_UP_MAILS = 10; // not counted
const SETTLE_MS = 1_000; // after accounts were switched: all of them hang, or are gone
const PAUSE_MS = 30;
const LABELS = '  - { name: labels, when: { subject: to be labelled }, then: [{ label: Bench/Hangs }] }\n';
const HOLD_MS = 600_000; // the longest time limit that an account may have

export const neighbour: Benchmark = { name: 'neighbour', run };

const silentAt =
  (phase: string): Play =>
  (_server, command) =>
    command === phase ? null : undefined;

/** A server that falls silent for ever, and what else is to be done when its accounts are switched on and off. */
interface Hanging {
  imap: { host: string; port: number; security: 'none' | 'tls' };
  on?: () => void;
  off?: () => void;
  stop(): Promise<void>;
}

/** Where they fall silent. */
const SILENCES: readonly HostileOptions[] = [
  { greeting: null },
  { play: silentAt('CAPABILITY') },
  { play: silentAt('LOGIN') },
  { play: silentAt('EXAMINE') },
  { play: silentAt('DONE') },
  {
    mails: [{ uid: 1, subject: 'half' }],
    play: (_server, command) =>
      command === 'UID FETCH' ? ['* 1 FETCH (UID 1 BODY[HEADER] {1000000}', 'From: a'] : undefined,
  },
];

const startAll = async (): Promise<Hanging[]> => [
  ...(await Promise.all(SILENCES.map((options) => startHostileImap(options)))),
  await silentBeforeAccept(),
  await silentInTls(),
  await silentInJobs(),
];

async function silentBeforeAccept(): Promise<Hanging> {
  const { port, stop } = await startFullListener();
  return { imap: { host: '127.0.0.1', port, security: 'none' }, stop };
}

/** It takes the first words of the handshake for nothing to answer. */
async function silentInTls(): Promise<Hanging> {
  const server = await startHostileImap({ greeting: null });
  return { imap: { ...server.imap, security: 'tls' }, stop: server.stop };
}

/** It is watched as it should be, and hangs when the mails are to be labelled. */
async function silentInJobs(): Promise<Hanging> {
  let hangs = false;
  let mails = 0;
  const held = new Set<Socket>();
  const server = await startHostileImap({
    play(_server, command, _line, socket) {
      if (command !== 'SELECT') return undefined; // watching only examines
      if (!hangs) return ['TAG OK done'];
      held.add(socket);
      return null;
    },
  });
  return {
    imap: server.imap,
    on() {
      hangs = true;
      server.deliver(`to be labelled ${++mails}`);
    },
    off() {
      if (hangs && held.size === 0) throw new Error('no job was started that hangs');
      hangs = false;
      for (const socket of held) socket.destroy();
      held.clear();
    },
    stop: server.stop,
  };
}

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const seen = new Arrivals();
  const agent = await startAgent((number, at) => seen.note(number, at));
  const hanging = await startAll();
  try {
    await using server = await startHostileImap();
    await using gateway = await startWatching({ imapPort: server.port }, agent.url, LABELS);
    const ids = await addHanging(gateway, hanging);
    const times = { without: [] as number[], beside: [] as number[] };
    let number = 0;
    const block = async (): Promise<number[]> => {
      const taken: number[] = [];
      for (let at = 0; at < MAILS_A_BLOCK; at++) {
        await server.idle();
        await delay(PAUSE_MS);
        number++;
        const arrivedAt = performance.now();
        server.deliver(`latency-${number}.${number}`);
        taken.push((await seen.of(number)) - arrivedAt);
      }
      return taken;
    };
    for (let left = WARM_UP_MAILS; left > 0; left -= MAILS_A_BLOCK) await block();
    const blocks = quick ? BLOCKS.quick : BLOCKS.full;
    for (let at = 0; at < blocks; at++) {
      for (const kind of at % 2 === 0 ? (['without', 'beside'] as const) : (['beside', 'without'] as const)) {
        for (const server of hanging) (kind === 'beside' ? server.on : server.off)?.();
        for (const id of ids)
          await gateway.request('PATCH', `/v1/accounts/${id}`, { active: kind === 'beside' });
        await delay(SETTLE_MS);
        times[kind].push(...(await block()));
      }
      say(
        `${at + 1} of ${blocks}: ${median(times.without).toFixed(2)} ms alone, ${median(times.beside).toFixed(2)} ms beside`,
      );
    }
    return [
      {
        name: 'neighbour',
        against: `the same without ${ids.length} accounts whose servers hang`,
        unit: 'ms',
        ours: median(times.beside),
        baseline: median(times.without),
        runs: { ours: times.beside, baseline: times.without },
        budget: { of: 'most', value: 1.1 },
      },
    ];
  } finally {
    agent.server.closeAllConnections();
    agent.server.close();
    for (const server of hanging) await server.stop();
  }
}

/** Switched off at first. */
async function addHanging(gateway: TestGateway, servers: readonly Hanging[]): Promise<string[]> {
  const ids: string[] = [];
  for (const { imap } of servers) {
    for (let at = 0; at < OF_EACH_KIND; at++) {
      const label = `hanging-${ids.length}`;
      const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/accounts', {
        ...{ label, address: `${label}@receiver.example`, active: false },
        ...{ imap, smtp: imap, require_tls: false, timeout_ms: HOLD_MS },
        auth: { type: 'basic', username: label, password: 'open sesame' },
        watch: { from_zero: true, interval: '1s' },
      });
      if (status !== 201) throw new Error(`the account was not added: ${JSON.stringify(body)}`);
      ids.push(body.id);
    }
  }
  return ids;
}
