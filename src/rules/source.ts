// The rules in force: the files of a folder and, behind them, the rules that were made over REST. Read at start, and
// again when either changes. A change that is invalid changes nothing.
import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import type { RuleProblem } from '../contracts/rule.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { compileRules, type RuleFile } from './compile.ts';
import { fingerprintOfFolder, readRuleFiles } from './load.ts';
import type { RuleSet } from './match.ts';
import { FileReader } from './read-files.ts';

const DEBOUNCE_MS = 100; // an editor writes a file in several steps
const POLL_MS = 5000; // where the file system tells nothing, as over a network

const MADE_POLL_MS = 1000; // other processes change made rules too; looking costs one step in an index

/** The rules that were made over REST. */
export interface MadeSource {
  /** Grows with every change. */
  revision(): Promise<number>;
  /** Those that are switched on, in their order. */
  files(): Promise<RuleFile[]>;
}

const NONE_MADE: MadeSource = { revision: async () => 0, files: async () => [] };

export interface RulesSourceOptions {
  folder: string;
  made?: MadeSource;
  log: Logger;
  debounceMs?: number;
  pollMs?: number;
  madePollMs?: number;
}

interface RulesEvents {
  /** A new set is in force; or the same, and what is shown beside it changed: what was refused, or is switched off. */
  changed: [set: RuleSet];
  /** The files are invalid; the last good set stays in force. */
  refused: [problems: readonly RuleProblem[]];
}

export class RulesSource extends EventEmitter<RulesEvents> implements Part {
  readonly name = 'rules';
  readonly #folder: string;
  readonly #made: MadeSource;
  readonly #log: Logger;
  readonly #debounceMs: number;
  readonly #pollMs: number;
  readonly #madePollMs: number;
  readonly #reader = new FileReader();
  #current: RuleSet | undefined;
  #problems: readonly RuleProblem[] = [];
  #fingerprint = '';
  /** What the set in force was compiled from. */
  #files: readonly RuleFile[] = [];
  #revision = 0;
  #watcher: FSWatcher | undefined;
  #debounce: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #madePoll: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RulesSourceOptions) {
    super();
    this.#folder = options.folder;
    this.#made = options.made ?? NONE_MADE;
    this.#log = options.log;
    this.#debounceMs = options.debounceMs ?? DEBOUNCE_MS;
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#madePollMs = options.madePollMs ?? MADE_POLL_MS;
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
    this.#revision = await this.#made.revision();
    const files = await readRuleFiles(this.#folder, this.#log);
    const set = firstSet(files, await this.#made.files(), this.#reader);
    if (this.#stopped) return;
    this.#files = files;
    this.#current = set;
    this.#log.info({ version: set.version, rules: set.rules.length, agents: set.agents.size }, 'rules read');
    this.#watch();
    this.#schedulePoll();
    this.#scheduleMadePoll();
  }

  stop(): void {
    this.#stopped = true;
    this.#watcher?.close();
    this.#watcher = undefined;
    clearTimeout(this.#debounce);
    clearTimeout(this.#poll);
    clearTimeout(this.#madePoll);
  }

  /**
   * The set that other made rules would give, or other files.
   * @throws PosternError `rules_invalid`
   */
  compileWith(made: readonly RuleFile[], files: readonly RuleFile[] = this.#files): RuleSet {
    return compileRules([...files, ...made], this.#reader);
  }

  /** Reads the folder and the made rules now. Never throws: what is invalid is told by `refused` and `problems()`. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    if (this.#stopped) return;
    const before = this.#revision;
    let made: RuleFile[] | undefined;
    try {
      // Before they are read: a change in the meantime then shows at the next poll.
      this.#fingerprint = await fingerprintOfFolder(this.#folder, silentLogger);
      const revision = await this.#made.revision();
      made = await this.#made.files();
      this.#revision = revision;
      const files = await readRuleFiles(this.#folder, this.#log);
      this.#accept(this.compileWith(made, files), files, revision !== before);
    } catch (error) {
      if (made) this.#acceptMade(made);
      this.#refuse(error);
    }
  }

  /** A change of a made rule counts also while a file is broken: with the files as they were last good. */
  #acceptMade(made: readonly RuleFile[]): void {
    try {
      this.#accept(this.compileWith(made), this.#files, false);
    } catch {
      // They do not go with the files in force either; what is wrong with the files of now is told.
    }
  }

  /** @param isOther whether made rules changed, be it only those that are switched off */
  #accept(set: RuleSet, files: readonly RuleFile[], isOther: boolean): void {
    if (this.#stopped) return;
    const isTold = isOther || this.#problems.length > 0;
    this.#problems = [];
    this.#files = files;
    if (set.version === this.#current?.version) {
      if (isTold) this.emit('changed', set);
      return;
    }
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

  #scheduleMadePoll(): void {
    if (this.#stopped) return;
    const look = async (): Promise<void> => {
      const now = await this.#made.revision().catch(() => this.#revision); // the ledger is asked again
      if (now !== this.#revision) await this.reload();
    };
    this.#madePoll = setTimeout(() => void look().finally(() => this.#scheduleMadePoll()), this.#madePollMs);
    this.#madePoll.unref();
  }
}

/** At the start there is no good set to stay with. @throws PosternError `rules_invalid` */
function firstSet(files: readonly RuleFile[], made: readonly RuleFile[], reader: FileReader): RuleSet {
  try {
    return compileRules([...files, ...made], reader);
  } catch (error) {
    if (!(error instanceof PosternError) || made.length === 0) throw error;
    compileRules(files); // what is wrong with the files themselves is told first
    throw new PosternError(error.code, error.message, { details: error.details, hint: MADE_HINT });
  }
}

const MADE_HINT =
  'The files are valid, and a rule made over REST does not go with them. Mend the files; or start with ' +
  'POSTERN_MADE_RULES=off, change or remove that rule, and start again.';
