// docs/policy.md lists every rule that there is, with its effect and its words, and its example is in force as it says.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { askWords, mayWords } from '../contracts/agent-policy.ts';
import { compileRules } from '../rules/compile.ts';
import { policyRules } from './rules.ts';

const path = new URL('../../docs/policy.md', import.meta.url);
const START = '<!-- the table is held';
const table = [
  '| rule | effect | when |',
  '| --- | --- | --- |',
  ...policyRules.map(({ rule, effect, about }) => `| \`${rule}\` | ${effect} | ${about} |`),
].join('\n');

it('docs/policy.md has the table of all rules', async () => {
  const page = await readFile(path, 'utf8');
  const at = page.indexOf('\n', page.indexOf(START)) + 1;
  const end = page.indexOf('\n## ', at);
  if (process.env.UPDATE_GOLDEN) await writeFile(path, `${page.slice(0, at)}\n${table}\n${page.slice(end)}`);
  else assert.equal(page.slice(at, end).trim(), table, 'UPDATE_GOLDEN=1 writes it anew');
});

it('docs/policy.md names every word of `may` and every reason to ask', async () => {
  const page = await readFile(path, 'utf8');
  for (const word of [...mayWords, ...askWords]) assert.ok(page.includes(`\`${word}`), word);
});

it('the example of docs/policy.md compiles', async () => {
  const page = await readFile(path, 'utf8');
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const agent = compileRules([{ name: 'docs.yaml', text }]).agents.get('quote-writer');
  assert.equal(agent?.may.needs_approval_when.length, 5);
  assert.equal(agent?.limits.burst, '10/1m');
});
