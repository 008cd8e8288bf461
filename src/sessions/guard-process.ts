// The watchdog of agents' programs, a process of its own: it ends what a program started when the program ends, when it
// takes more memory or processes than it may, when its time is over, and when the gateway is gone, however it went: the
// pipe from it then closes. Reads lines of JSON from stdin, and tells on stdout which program it ended and why.
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A program that is about to start, by the word in the environment of all that it starts. */
export interface Watch {
  watch: string;
  limitMs: number;
  processes: number | null;
  memoryBytes: number | null;
}
/** It runs: its number is that of its process group. */
export interface Started {
  started: string;
  pid: number;
}
/** It has ended, or was never started. */
export interface Release {
  release: string;
}
export interface Ended {
  ended: string;
  why: 'time' | 'processes' | 'memory';
}

interface Process {
  pid: number;
  parent: number;
  group: number;
  session: number;
  startedAt: string;
}

interface Held extends Omit<Watch, 'watch'> {
  mark: string;
  /** Null until the gateway has told it: it may be gone before it could. */
  pid: number | null;
  timer: NodeJS.Timeout;
}

const LOOK_EVERY_MS = 250;
const LEAST_REST = 50; // times what a look took, which reads a line for each process of the machine: 2 % of a processor
const SWEEPS = 20; // what forks while it is ended is met again; each sweep ends whole groups
const UNTOLD_MS = 3_000; // from the end of a gateway to that of what it was starting: longer than a start takes
const UNTOLD_EVERY_MS = 50;
const held = new Map<string, Held>();
/** Whose environment was read, by pid and start: it tells to which program a process belongs, and is read once. */
let marks = new Map<string, string | null>();

function processes(): Process[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return []; // no Linux: groups are all that is known
  }
  const found: Process[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // a name may hold blanks and brackets
      const [state = '', parent, group, session] = fields;
      if (state === 'Z' || state === 'X') continue;
      const startedAt = fields[19] ?? '';
      found.push({
        pid: Number(name),
        parent: Number(parent),
        group: Number(group),
        session: Number(session),
        startedAt,
      });
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

/** The program that a process was started for, by its environment; what hides it is known by its group or parent alone. */
function markOf({ pid, startedAt }: Process, known: Map<string, string | null>): string | null {
  const key = `${pid} ${startedAt}`;
  let mark = known.get(key) ?? marks.get(key);
  if (mark === undefined) {
    try {
      mark = /(?:^|\0)POSTERN_RUN=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1] ?? null;
    } catch {
      mark = null; // another user's
    }
  }
  known.set(key, mark);
  return mark;
}

/** What belongs to a program: its group, what carries its mark, and what any of these has started. */
function membersOf(
  { pid, mark }: Pick<Held, 'pid' | 'mark'>,
  all: readonly Process[],
  known: Map<string, string | null>,
): Process[] {
  const members = new Map<number, Process>();
  for (const one of all)
    if (one.group === pid || one.session === pid || markOf(one, known) === mark) members.set(one.pid, one);
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const one of all) if (members.has(one.parent)) members.set(one.pid, one);
  }
  members.delete(process.pid);
  return [...members.values()];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** @param isOver the program itself has ended and was waited for: its number may be another's by now */
function endAll(one: Held, isOver = false): void {
  const group = isOver ? null : one.pid;
  if (group !== null) kill(-group);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const all = processes();
    const known = new Map<string, string | null>();
    const members = isOver
      ? all.filter((process) => markOf(process, known) === one.mark)
      : membersOf(one, all, known);
    if (members.length === 0) return;
    for (const member of members) {
      if (group !== null && member.group === group) kill(-group);
      kill(member.pid);
    }
  }
}

function bytesOf(members: readonly Process[]): number {
  let bytes = 0;
  for (const { pid } of members) {
    try {
      const [, kilobytes] = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
      bytes += Number(kilobytes ?? 0) * 1024;
    } catch {
      // it has ended meanwhile
    }
  }
  return bytes;
}

function look(): void {
  if (held.size === 0) return;
  const all = processes();
  const known = new Map<string, string | null>();
  for (const one of held.values()) {
    const { processes: most, memoryBytes } = one;
    if (most === null && memoryBytes === null) continue;
    const members = membersOf(one, all, known);
    if (most !== null && members.length > most) end(one, 'processes');
    else if (memoryBytes !== null && bytesOf(members) > memoryBytes) end(one, 'memory');
  }
  marks = known; // of processes that are gone nothing is kept
}

function end(one: Held, why: Ended['why']): void {
  process.stdout.write(`${JSON.stringify({ ended: one.mark, why } satisfies Ended)}\n`);
  endAll(one);
}

function take(line: string): void {
  const order = JSON.parse(line) as Watch | Started | Release;
  if ('watch' in order) {
    const { watch: mark, ...limits } = order;
    const timer: NodeJS.Timeout = setTimeout(() => end(one, 'time'), order.limitMs);
    const one: Held = { ...limits, mark, pid: null, timer };
    held.set(mark, one);
    return;
  }
  if ('started' in order) {
    const one = held.get(order.started);
    if (one) one.pid = order.pid;
    return;
  }
  const one = held.get(order.release);
  if (!one) return;
  clearTimeout(one.timer);
  held.delete(order.release);
  endAll(one, true);
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined); // the gateway says when
process.stdout.on('error', () => undefined); // nobody is left to tell
let looking = setTimeout(lookOn, LOOK_EVERY_MS);
function lookOn(): void {
  const from = performance.now();
  look();
  looking = setTimeout(lookOn, Math.max(LOOK_EVERY_MS, LEAST_REST * (performance.now() - from)));
}
const lines = createInterface({ input: process.stdin });
lines.on('line', take);
lines.on('close', () => {
  clearTimeout(looking);
  for (const one of held.values()) {
    clearTimeout(one.timer);
    endAll(one);
  }
  void endUntold([...held.values()].filter(({ pid }) => pid === null));
});

/** The gateway went while it was starting them: each bears its mark as soon as it has become the program. */
async function endUntold(untold: readonly Held[]): Promise<void> {
  if (untold.length === 0) return;
  const endsAt = performance.now() + UNTOLD_MS;
  while (performance.now() < endsAt) {
    await new Promise((resolve) => setTimeout(resolve, UNTOLD_EVERY_MS));
    for (const one of untold) endAll(one);
  }
}
