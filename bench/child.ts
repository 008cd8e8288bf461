// A baseline as a fresh process: started, given its task as JSON, and heard when it says what it measured.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const LIMIT_MS = 300_000;
const run = promisify(execFile);

/** Runs `baselines/NAME.ts`. What it measures begins after its libraries are loaded. @throws Error with its output */
export async function runBaseline<Task extends object>(
  name: string,
  task: Task,
): Promise<{ ms: number; count: number }> {
  const script = fileURLToPath(new URL(`baselines/${name}.ts`, import.meta.url));
  const { stdout } = await run(process.execPath, [script, JSON.stringify(task)], { timeout: LIMIT_MS });
  return JSON.parse(stdout) as { ms: number; count: number };
}

/** For the baseline itself: its task. */
export const taskOf = <Task>(): Task => JSON.parse(process.argv[2] ?? '{}') as Task;

/** For the baseline itself: how long `work` took, and how much it did. */
export async function tellDuration(work: () => Promise<number>): Promise<void> {
  const startedAt = performance.now();
  const count = await work();
  console.log(JSON.stringify({ ms: performance.now() - startedAt, count }));
}
