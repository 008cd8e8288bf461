// What gateways log as errors, over all their lives: a gateway itself keeps only the end of what it printed.
import type { TestGateway } from '../../support/gateway.ts';

const LONGEST_LINE_CHARS = 10_000; // of a line that has not ended yet
const MOST_KEPT = 1_000;

export class ErrorLog {
  readonly lines: string[] = [];
  /** How many there were, also those that were not kept. */
  count = 0;

  /** From the beginning of its life, which has just begun, to its end. */
  follow(gateway: TestGateway): void {
    let part = '';
    const take = (text: string): void => {
      const lines = (part + text).split('\n');
      part = (lines.pop() ?? '').slice(0, LONGEST_LINE_CHARS);
      for (const line of lines) {
        if (!line.startsWith('{"level":"error"') && !line.startsWith('{"level":"fatal"')) continue;
        this.count++;
        if (this.lines.length < MOST_KEPT) this.lines.push(line);
      }
    };
    take(gateway.log());
    gateway.onOutput(take);
  }
}
