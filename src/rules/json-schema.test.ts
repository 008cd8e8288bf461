// The schema for editors, held against the files that people read. UPDATE_GOLDEN=1 writes rules/schema.json anew; biome
// then brings it into form.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { z } from 'zod';
import { actionWords } from '../contracts/rule.ts';
import { conditionWords } from '../contracts/rule-condition.ts';
import { rulesSchema } from './json-schema.ts';
import { readYaml } from './rules-yaml.ts';

const root = new URL('../../', import.meta.url);
const golden = new URL('rules/schema.json', root);

it('rules/schema.json, which the example refers to, is the schema of the language', async () => {
  if (process.env.UPDATE_GOLDEN) await writeFile(golden, rulesSchema());
  const kept = JSON.parse(await readFile(golden, 'utf8'));
  assert.deepEqual(kept, JSON.parse(rulesSchema()), 'UPDATE_GOLDEN=1 writes it anew');
  const example = await readFile(new URL('rules/example.yaml', root), 'utf8');
  assert.match(example, /^# yaml-language-server: \$schema=schema\.json$/m);
});

it('describes every word of the language', () => {
  const schema = JSON.parse(rulesSchema());
  const { properties } = schema.definitions.condition;
  assert.deepEqual(Object.keys(properties).sort(), [...conditionWords].sort());
  const text = JSON.stringify(schema.properties.rules);
  for (const word of actionWords) assert.ok(text.includes(`"${word}"`), word);
  for (const [word, { description }] of Object.entries<{ description?: string }>(properties))
    assert.ok(description, `${word} is described`);
});

it('takes the examples of the reference, and no typo', async () => {
  const schema = z.fromJSONSchema(JSON.parse(rulesSchema()));
  const page = await readFile(new URL('docs/rules.md', root), 'utf8');
  const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => readYaml(text).data);
  assert.ok(examples.length > 0);
  for (const example of examples) assert.ok(schema.safeParse(example).success, JSON.stringify(example));
  const isTaken = (when: string): boolean =>
    schema.safeParse(readYaml(`rules: [{ name: a, when: ${when}, then: [stop] }]`).data).success;
  assert.ok(isTaken('{ any: [{ not: { trust: verified } }] }'));
  assert.ok(!isTaken('{ any: [{ not: { trust: verifed } }] }'));
  assert.ok(!isTaken('{ subjct: x }'));
});
