// The rules in force: read at start, read again when the folder changes. A change that is invalid changes
// nothing.
import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import type { RuleProblem } from '../contracts/rule.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { fingerprintOfFolder, loadRules } from './load.ts';
import type { RuleSet } from './match.ts';

const DEBOUNCE_MS = 100; // an editor writes a file in several steps
const POLL_MS = 5000; // where the file system tells nothing, as over a network

export interface RulesSourceOptions {
  folder: string;
  log: Logger;
  debounceMs?: number;
  pollMs?: number;
}

interface RulesEvents {
  /** A new set is in force. */
  changed: [set: RuleSet];
  /** The files are invalid; the last good set stays in force. */
  refused: [problems: readonly RuleProblem[]];
}

export class RulesSource extends EventEmitter<RulesEvents> implements Part {
  readonly name = 'rules';
  readonly #folder: string;
  readonly #log: Logger;
  readonly #debounceMs: number;
  readonly #pollMs: number;
  #current: RuleSet | undefined;
  #problems: readonly RuleProblem[] = [];
  #fingerprint = '';
  #watcher: FSWatcher | undefined;
  #debounce: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor({ folder, log, debounceMs = DEBOUNCE_MS, pollMs = POLL_MS }: RulesSourceOptions) {
    super();
    this.#folder = folder;
    this.#log = log;
    this.#debounceMs = debounceMs;
    this.#pollMs = pollMs;
  }

  /** The set in force. Take it once for a message, so that one message is judged by one set. */
  current(): RuleSet {
    if (!this.#current) throw new Error('the rules are asked for before they were started');
    return this.#current;
  }

  /** What is wrong with the files as they are now; empty when they are in force. */
  problems(): readonly RuleProblem[] {
    return this.#problems;
  }

  /** @throws PosternError `rules_invalid`: there is no good set yet that could stay in force */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    this.#fingerprint = await fingerprintOfFolder(this.#folder, silentLogger);
    const set = await loadRules(this.#folder, this.#log);
    if (this.#stopped) return;
    this.#current = set;
    this.#log.info({ version: set.version, rules: set.rules.length, agents: set.agents.size }, 'rules read');
    this.#watch();
    this.#schedulePoll();
  }

  stop(): void {
    this.#stopped = true;
    this.#watcher?.close();
    this.#watcher = undefined;
    clearTimeout(this.#debounce);
    clearTimeout(this.#poll);
  }

  /** Reads the folder now. Never throws: invalid files are told by `refused` and `problems()`. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    if (this.#stopped) return;
    try {
      // Before the files are read: a change in the meantime then shows at the next poll.
      this.#fingerprint = await fingerprintOfFolder(this.#folder, silentLogger);
      this.#accept(await loadRules(this.#folder, this.#log));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #accept(set: RuleSet): void {
    if (this.#stopped) return;
    this.#problems = [];
    if (set.version === this.#current?.version) return;
    this.#current = set;
    this.#log.info(
      { version: set.version, rules: set.rules.length, agents: set.agents.size },
      'rules changed',
    );
    this.emit('changed', set);
  }

  #refuse(error: unknown): void {
    if (this.#stopped) return;
    const told = error instanceof PosternError ? error.details.problems : undefined;
    this.#problems = Array.isArray(told)
      ? (told as RuleProblem[])
      : [{ file: '.', line: 1, column: 1, message: explain(error) }];
    const fields = { code: codeOf(error), problems: this.#problems, version: this.#current?.version };
    this.#log.warn(fields, 'changed rules are refused: the last good set stays in force');
    this.emit('refused', this.#problems);
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, () => this.#soon());
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      this.#unwatch(); // the folder is not there, or nothing can be watched: the poll goes on
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #soon(): void {
    if (this.#stopped) return;
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => void this.reload(), this.#debounceMs);
    this.#debounce.unref();
  }

  #schedulePoll(): void {
    if (this.#stopped) return;
    this.#poll = setTimeout(() => void this.#pollOnce().finally(() => this.#schedulePoll()), this.#pollMs);
    this.#poll.unref();
  }

  async #pollOnce(): Promise<void> {
    if (!this.#watcher) this.#watch();
    const now = await fingerprintOfFolder(this.#folder, silentLogger).catch(() => 'unreadable');
    if (now === this.#fingerprint) return;
    // Where the folder was replaced, the watcher looks at the old one.
    this.#unwatch();
    this.#watch();
    await this.reload();
  }
}
