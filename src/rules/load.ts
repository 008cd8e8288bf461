// Reads the rules folder: its *.yaml and *.yml files by name, and the texts beside them that models are told.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuleProblem } from '../contracts/rule.ts';
import type { Logger } from '../kernel/logger.ts';
import { compileRules, type RuleFile, rulesInvalid } from './compile.ts';
import { isInstructions, MAX_INSTRUCTION_FILES, MAX_INSTRUCTIONS_BYTES } from './instructions.ts';
import type { RuleSet } from './match.ts';

const MAX_FILES = 1000;
const MAX_FILE_BYTES = 8 * 1024 * 1024; // about 40,000 rules; more in one file is a mistake
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * Reads and compiles the rules of a folder. A folder that is not there is an empty set, with a warning.
 * @throws PosternError `rules_invalid` with all problems of all files
 */
export async function loadRules(folder: string, log: Logger): Promise<RuleSet> {
  return compileRules(await readRuleFiles(folder, log));
}

/**
 * The rules files of a folder, sorted by name in code unit order, which is the order in which their rules are
 * tried. Hidden files and subfolders are left out; links are followed, as mounted configuration needs it.
 * @throws PosternError `rules_invalid` when a file cannot be read or a bound is passed
 */
export async function readRuleFiles(folder: string, log: Logger): Promise<RuleFile[]> {
  const files: RuleFile[] = [];
  const texts: RuleFile[] = [];
  const problems: RuleProblem[] = [];
  const refuse = (file: string, message: string): void => {
    problems.push({ file, line: 1, column: 1, message });
  };
  let total = 0;
  for (const name of await ruleFileNames(folder, log)) {
    if (isInstructions(name)) {
      const text = texts.length < MAX_INSTRUCTION_FILES ? await readInstructions(join(folder, name)) : null;
      if (text !== null) texts.push({ name, text });
      continue;
    }
    try {
      const { size } = await stat(join(folder, name));
      total += size;
      if (size > MAX_FILE_BYTES) refuse(name, `is larger than ${MAX_FILE_BYTES} bytes`);
      else if (files.length === MAX_FILES) refuse(name, `is one more than ${MAX_FILES} files`);
      else if (total > MAX_TOTAL_BYTES) refuse(name, `passes ${MAX_TOTAL_BYTES} bytes in all files together`);
      else files.push({ name, text: utf8(await readFile(join(folder, name))) });
    } catch (error) {
      refuse(name, `cannot be read: ${reasonOf(error)}`);
    }
    if (problems.length > 0 && files.length >= MAX_FILES) break;
  }
  if (problems.length > 0) throw rulesInvalid(problems);
  return [...files, ...texts];
}

/** Null for a file that no agent can take: whether one does is not known here, so it is no mistake yet. */
async function readInstructions(path: string): Promise<string | null> {
  try {
    const { size } = await stat(path);
    return size > MAX_INSTRUCTIONS_BYTES ? null : utf8(await readFile(path));
  } catch {
    return null;
  }
}

/** A line for each rules file that changes when the file does; empty when the folder is not there. */
export async function fingerprintOfFolder(folder: string, log: Logger): Promise<string> {
  const lines: string[] = [];
  for (const name of (await ruleFileNames(folder, log)).slice(0, MAX_FILES + 1)) {
    const found = await stat(join(folder, name)).catch(() => null);
    lines.push(`${name} ${found ? `${found.size} ${found.mtimeMs} ${found.ino}` : 'unreadable'}`);
  }
  return lines.join('\n');
}

async function ruleFileNames(folder: string, log: Logger): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter(
        (entry) =>
          !entry.isDirectory() && (/^[^.].*\.ya?ml$/i.test(entry.name) || isInstructions(entry.name)),
      )
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      log.warn({ folder }, 'there is no rules folder: no mail wakes an agent');
      return [];
    }
    throw rulesInvalid([{ file: '.', line: 1, column: 1, message: `cannot be read: ${reasonOf(error)}` }]);
  }
}

/**
 * @throws Error when the bytes are not UTF-8: a wrong character in a rule would be a rule that never matches
 */
function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? (error instanceof Error ? error.message : String(error));
}
