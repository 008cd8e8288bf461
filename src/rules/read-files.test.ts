import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RuleProblem } from '../contracts/rule.ts';
import { compileRules } from './compile.ts';
import { FileReader, type RuleFile } from './read-files.ts';

const file = (name: string, text: string): RuleFile => ({ name, text });
const made = (name: string, text: string): RuleFile => ({ name, text, made: true });
const AGENT = 'agents:\n  writer: { run: { command: [node] } }\n';
const FILE = 'rules:\n  - name: one\n    then: [stop]\n';

const contentsOf = (reader: FileReader, ...files: RuleFile[]): unknown[] =>
  reader.read(files, []).map(({ content }) => content);

it('a text is read once, under whatever name, and forgotten when no file has it', () => {
  const reader = new FileReader();
  const [first] = contentsOf(reader, file('a.yaml', FILE));
  assert.equal(contentsOf(reader, file('b.yaml', FILE), file('a.yaml', AGENT))[0], first);
  assert.notEqual(contentsOf(reader, file('b.yaml', `${FILE}# other\n`))[0], first);
  assert.notEqual(contentsOf(reader, file('a.yaml', FILE))[0], first);
});

it('a file that is refused does not make the others be read again', () => {
  const reader = new FileReader();
  const [first] = contentsOf(reader, file('a.yaml', FILE));
  const problems: RuleProblem[] = [];
  assert.equal(reader.read([file('b.yaml', 'rulez: []')], problems).length, 0);
  assert.equal(problems.length, 1);
  assert.equal(contentsOf(reader, file('a.yaml', FILE))[0], first);
});

it('the text of a made rule is never taken for that of a file', () => {
  const reader = new FileReader();
  const text = 'name: one\nthen: [stop]\n';
  assert.equal(contentsOf(reader, made('rul_1', text)).length, 1);
  assert.throws(() => compileRules([file('a.yaml', text)], reader), {
    message: /a\.yaml:1:1 unknown key `name`/,
  });
});

it('a mistake in a text that was read before has its place all the same', () => {
  const reader = new FileReader();
  const files = [file('a.yaml', AGENT), file('b.yaml', FILE)];
  const waking = made('rul_1', '# a comment\nname: two\nthen:\n  - spawn: writer\n');
  assert.equal(compileRules([...files, waking], reader).rules.length, 2);
  const refused: [RuleFile[], RegExp][] = [
    [[file('b.yaml', FILE), waking], /^The rules are invalid: rul_1:4:12 there is no agent `writer`/],
    [
      [...files, file('c.yaml', FILE), waking],
      / c\.yaml:2:11 the rule `one` is already defined in b\.yaml:2\./,
    ],
    [
      [...files, file('c.yaml', `\n${AGENT}`)],
      / c\.yaml:3:3 the agent `writer` is already defined in a\.yaml:2\./,
    ],
    [
      [...files, waking, made('rul_2', 'then: [stop]\nname: two\n')],
      / rul_2:2:7 .* the rule rul_1, made over REST\./,
    ],
  ];
  for (const [given, message] of refused) assert.throws(() => compileRules(given, reader), { message });
});
