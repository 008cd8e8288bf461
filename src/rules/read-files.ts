// Rules files from their texts to what they say. Reading YAML is most of the work of compiling, so a text that was read
// is not read again: with ten thousand rules in files, changing one that was made over REST stays quick.
import { type RuleProblem, type RulesFile, rulesFile } from '../contracts/rule.ts';
import { inWords } from './language.ts';
import { readMadeRule } from './made-text.ts';
import { type Position, readYaml, type YamlFile } from './rules-yaml.ts';

/** A rules file as it was loaded. */
export interface RuleFile {
  /** Its name within the rules folder. */
  name: string;
  text: string;
  /** A rule that was made over REST: its name is its id, and its text one rule by itself. */
  made?: boolean;
}

/** What a rules file says. The parsed YAML, which takes many times the text, is not held by it. */
export interface ReadFile {
  name: string;
  made: boolean;
  content: RulesFile;
  /** Where the name of each rule stands. */
  lines: readonly number[];
  valueAt(path: readonly PropertyKey[]): Position;
  keyAt(path: readonly PropertyKey[], key: string): Position;
}

type Kept = Pick<ReadFile, 'content' | 'lines'>;

export class FileReader {
  /** By the text. */
  #kept = new Map<string, Kept>();

  /** What each of the files says that has no mistake in its shape; the mistakes of the others are added. */
  read(files: readonly RuleFile[], problems: RuleProblem[]): ReadFile[] {
    const before = this.#kept;
    const now = new Map<string, Kept>();
    const read = files.flatMap((file): ReadFile[] => {
      const key = `${file.made ? 'made' : 'file'}:${file.text}`;
      const kept = before.get(key) ?? readOne(file, problems);
      if (!kept) return [];
      now.set(key, kept);
      return [{ name: file.name, made: file.made ?? false, ...kept, ...positionsIn(file) }];
    });
    // Where some are refused, the others may be asked for again.
    this.#kept = problems.length > 0 ? new Map([...before, ...now]) : now;
    return read;
  }
}

const yamlOf = ({ text, made }: RuleFile): YamlFile => (made ? readMadeRule(text) : readYaml(text));

function readOne(file: RuleFile, problems: RuleProblem[]): Kept | null {
  const { name } = file;
  const yaml = yamlOf(file);
  problems.push(...yaml.problems.map((problem) => ({ file: name, ...problem })));
  if (yaml.problems.length > 0 || yaml.data === null) return null;
  try {
    const result = rulesFile.safeParse(yaml.data);
    if (result.success) {
      const content = result.data;
      const lines = (content.rules ?? []).map((_, i) => yaml.valueAt(['rules', i, 'name']).line);
      return { content, lines };
    }
    for (const { path, key, message } of inWords(result.error.issues, yaml.data)) {
      const position = key === undefined ? yaml.valueAt(path) : yaml.keyAt(path, key);
      problems.push({ file: name, ...position, message });
    }
  } catch (error) {
    // Aliases can nest conditions deeper than the text shows, and the schema follows them.
    if (!(error instanceof RangeError)) throw error;
    problems.push({ file: name, line: 1, column: 1, message: 'is nested too deep' });
  }
  return null;
}

/** Read again when a place is asked for: only mistakes are asked for, and what has one is not kept. */
function positionsIn(file: RuleFile): Pick<ReadFile, 'valueAt' | 'keyAt'> {
  let yaml: YamlFile | undefined;
  const positions = (): YamlFile => {
    yaml ??= yamlOf(file);
    return yaml;
  };
  return {
    valueAt: (path) => positions().valueAt(path),
    keyAt: (path, key) => positions().keyAt(path, key),
  };
}
