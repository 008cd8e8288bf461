// Whether a process still runs, by its pid: for programs that end without telling the test.
import { readFileSync } from 'node:fs';
import { eventually } from './waiting.ts';

/** A zombie that its parent has not looked at yet still has its number, and runs no more. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return (
      process.platform !== 'linux' || !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    );
  } catch {
    return false;
  }
}

/** Resolves once the process is gone. */
export const gone = (pid: number): Promise<true> => eventually(() => !isRunning(pid));
