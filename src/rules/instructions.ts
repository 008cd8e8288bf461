// The instructions of model agents that lie in files of their own, beside the rules. Pure.
import type { Agent } from '../contracts/rule.ts';
import type { Place } from './list-checks.ts';
import { mend } from './nearest.ts';
import type { RuleFile } from './read-files.ts';

export const MAX_INSTRUCTION_FILES = 100; // held in memory while the rules are in force
export const MAX_INSTRUCTIONS_BYTES = 256 * 1024;

/** Whether a file of the rules folder is a text for models, and not one of rules. */
export const isInstructions = (name: string): boolean => /^[^.].*\.(md|txt)$/i.test(name);

/** The instructions among the files, by name, and those that an agent has taken. */
export class Instructions {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #taken = new Set<string>();

  constructor(files: readonly RuleFile[]) {
    const texts = files.filter(({ name, made }) => !made && isInstructions(name));
    this.#texts = new Map(texts.map(({ name, text }) => [name, text]));
  }

  /** Whether the rules say something else when this file does: a README beside them is nobody's. */
  isTaken(name: string): boolean {
    return this.#taken.has(name);
  }

  /** The agent with its instructions as a text; what is wrong with the file that it names is reported. */
  of(agent: Agent, path: Place['path'], report: Place['report']): Agent {
    if (!('model' in agent.run)) return agent;
    const { instructions } = agent.run.model;
    if (typeof instructions === 'string') return agent;
    const { file } = instructions;
    const text = this.#texts.get(file);
    const at = [...path, 'run', 'model', 'instructions', 'file'];
    if (text === undefined) {
      const near = mend(file, [...this.#texts.keys()]);
      report(
        at,
        `there is no text file \`${file}\` of at most ${MAX_INSTRUCTIONS_BYTES} bytes beside the rules${near}`,
      );
    } else if (text.trim() === '') report(at, `the file \`${file}\` says nothing`);
    this.#taken.add(file);
    return { ...agent, run: { model: { ...agent.run.model, instructions: text ?? '' } } };
  }
}
