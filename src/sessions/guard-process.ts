// The watchdog of agents' programs, a process of its own: it ends what a program started when the program ends, when it
// takes more memory or processes than it may, when its time is over, and when the gateway is gone, however it went: the
// pipe from it then closes. Reads lines of JSON from stdin, and tells on stdout which program it ended and why.
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A program to watch: its process group, and the word in the environment of all that it starts. */
export interface Hold {
  hold: number;
  mark: string;
  limitMs: number;
  processes: number | null;
  memoryBytes: number | null;
}
export interface Release {
  release: number;
}
export interface Ended {
  ended: number;
  why: 'time' | 'processes' | 'memory';
}

interface Process {
  pid: number;
  parent: number;
  group: number;
  session: number;
  startedAt: string;
}

interface Held extends Hold {
  timer: NodeJS.Timeout;
}

const LOOK_EVERY_MS = 250;
const LEAST_REST = 50; // times what a look took, which reads a line for each process of the machine: 2 % of a processor
const SWEEPS = 20; // what forks while it is ended is met again; each sweep ends whole groups
const held = new Map<number, Held>();
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
  { hold, mark }: Hold,
  all: readonly Process[],
  known: Map<string, string | null>,
): Process[] {
  const members = new Map<number, Process>();
  for (const one of all)
    if (one.group === hold || one.session === hold || markOf(one, known) === mark) members.set(one.pid, one);
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
function endAll(one: Hold, isOver = false): void {
  if (!isOver) kill(-one.hold);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const all = processes();
    const known = new Map<string, string | null>();
    const members = isOver
      ? all.filter((process) => markOf(process, known) === one.mark)
      : membersOf(one, all, known);
    if (members.length === 0) return;
    for (const { pid, group } of members) {
      if (!isOver && group === one.hold) kill(-group);
      kill(pid);
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
  process.stdout.write(`${JSON.stringify({ ended: one.hold, why } satisfies Ended)}\n`);
  endAll(one);
}

function take(line: string): void {
  const order = JSON.parse(line) as Hold | Release;
  if ('hold' in order) {
    const timer: NodeJS.Timeout = setTimeout(() => end(one, 'time'), order.limitMs);
    const one: Held = { ...order, timer };
    held.set(order.hold, one);
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
});
