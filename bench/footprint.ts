// What a process that is measured takes: asked from outside, answered by the probe inside of it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Footprint } from './probe.ts';

export type { Footprint };

const LOOK_EVERY_MS = 20;
const ANSWER_LIMIT_MS = 120_000; // a heap snapshot of a large process takes a while
const PROBE = new URL('probe.ts', import.meta.url).href;

/** The same flags of Node for every side of a comparison. */
export class FootprintProbe {
  readonly #folder: string;
  readonly #snapshotFolder: string | undefined;

  private constructor(folder: string, snapshotFolder: string | undefined) {
    this.#folder = folder;
    this.#snapshotFolder = snapshotFolder;
  }

  /** @param snapshotFolder where each process that is asked leaves a heap snapshot */
  static async open(snapshotFolder?: string): Promise<FootprintProbe> {
    return new FootprintProbe(await mkdtemp(join(tmpdir(), 'postern-probe-')), snapshotFolder);
  }

  /** For the environment of the process. */
  env(name: string): Record<string, string> {
    return {
      NODE_OPTIONS: `--expose-gc --import=${PROBE}`,
      BENCH_PROBE_FILE: this.#fileOf(name),
      ...(this.#snapshotFolder === undefined ? {} : { BENCH_HEAP_SNAPSHOT: this.#snapshotFolder }),
    };
  }

  /** After a collection of garbage. @throws Error when the process does not answer */
  async read(name: string, pid: number): Promise<Footprint> {
    const before = (await this.#answers(name)).length;
    process.kill(pid, 'SIGUSR2');
    const endsAt = performance.now() + ANSWER_LIMIT_MS;
    for (;;) {
      const answer = (await this.#answers(name))[before];
      if (answer !== undefined) return JSON.parse(answer) as Footprint;
      if (performance.now() > endsAt) throw new Error(`the process ${pid} does not tell what it takes`);
      await delay(LOOK_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(name: string): Promise<string[]> {
    const text = await readFile(this.#fileOf(name), 'utf8').catch(() => '');
    return text.split('\n').slice(0, -1);
  }

  #fileOf(name: string): string {
    return join(this.#folder, `${name}.jsonl`);
  }
}
