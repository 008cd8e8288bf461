import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { RuleProblem } from '../contracts/rule.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { loadRules } from './load.ts';
import type { RuleSet } from './match.ts';
import { RulesSource } from './source.ts';

const rule = (name: string): string => `rules:\n- { name: ${name}, then: [mark_seen] }\n`;
const names = (set: RuleSet): string[] => set.rules.map(({ name }) => name);
const WAIT = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(10_000) });

async function folderOf(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-rules-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function sourceOf(t: TestContext, folder: string, pollMs = 60_000): RulesSource {
  const source = new RulesSource({ folder, log: silentLogger, debounceMs: 10, pollMs });
  t.after(() => source.stop());
  return source;
}

it('reads *.yaml and *.yml by name, and nothing else', async (t) => {
  const folder = await folderOf(t, {
    'b.yml': rule('second'),
    'a.yaml': rule('first'),
    'C.YAML': rule('before'),
    '.hidden.yaml': 'not: [valid',
    'notes.txt': 'not: [valid',
  });
  assert.deepEqual(names(await loadRules(folder, silentLogger)), ['before', 'first', 'second']);
});

it('follows links, as a mounted configuration has them', async (t) => {
  const folder = await folderOf(t, { target: rule('linked') });
  await symlink(join(folder, 'target'), join(folder, 'a.yaml'));
  assert.deepEqual(names(await loadRules(folder, silentLogger)), ['linked']);
});

it('a folder that is not there is an empty set and a warning', async (t) => {
  const folder = join(await folderOf(t, {}), 'missing');
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
  assert.deepEqual(names(await loadRules(folder, log)), []);
  assert.match(warnings.join(), /no rules folder/);
});

it('a file that cannot be read as text is a problem of that file', async (t) => {
  const folder = await folderOf(t, { 'a.yaml': rule('a') });
  await writeFile(join(folder, 'b.yaml'), Buffer.from([0x72, 0xff, 0xfe]));
  await symlink(join(folder, 'nowhere'), join(folder, 'c.yaml'));
  await assert.rejects(loadRules(folder, silentLogger), (error: { details: { problems: RuleProblem[] } }) => {
    assert.deepEqual(
      error.details.problems.map(({ file, message }) => `${file} ${message}`),
      ['b.yaml cannot be read: it is not UTF-8', 'c.yaml cannot be read: ENOENT'],
    );
    return true;
  });
});

it('an invalid folder keeps the part from starting', async (t) => {
  const source = sourceOf(t, await folderOf(t, { 'a.yaml': 'rulez: []' }));
  await assert.rejects(source.start(), {
    code: 'rules_invalid',
    message: /a\.yaml:1:1 .*did you mean `rules`/,
  });
});

it('a change is in force at once; a bad file in between changes nothing and is told', async (t) => {
  const folder = await folderOf(t, { 'a.yaml': rule('one') });
  const source = sourceOf(t, folder);
  await source.start();
  const before = source.current();
  assert.deepEqual(names(before), ['one']);

  const refused = once(source, 'refused', WAIT());
  await writeFile(join(folder, 'b.yaml'), 'rules:\n- { nam: x }');
  const [problems] = (await refused) as [RuleProblem[]];
  assert.equal(problems[0]?.file, 'b.yaml');
  assert.equal(source.current(), before);
  assert.deepEqual(source.problems(), problems);

  const changed = once(source, 'changed', WAIT());
  await writeFile(join(folder, 'b.tmp'), rule('two'));
  await rename(join(folder, 'b.tmp'), join(folder, 'b.yaml'));
  const [set] = (await changed) as [RuleSet];
  assert.deepEqual(names(set), ['one', 'two']);
  assert.equal(source.current(), set);
  assert.deepEqual(source.problems(), []);
  assert.deepEqual(names(before), ['one']);
});

it('a file that was refused and is as it was again is told, although the set stays the same', async (t) => {
  const folder = await folderOf(t, { 'a.yaml': rule('one') });
  const source = sourceOf(t, folder);
  await source.start();
  const before = source.current();
  const refused = once(source, 'refused', WAIT());
  await writeFile(join(folder, 'b.yaml'), 'rules: 1');
  await refused;
  const changed = once(source, 'changed', WAIT());
  await rm(join(folder, 'b.yaml'));
  await changed;
  assert.equal(source.current(), before);
  assert.deepEqual(source.problems(), []);
});

it('a folder that appears after the start, or takes the place of another, is noticed by the poll', async (t) => {
  const parent = await folderOf(t, {});
  const folder = join(parent, 'rules');
  const source = sourceOf(t, folder, 20);
  await source.start();
  assert.deepEqual(names(source.current()), []);
  for (const name of ['one', 'two']) {
    const next = await folderOf(t, { 'a.yaml': rule(name) });
    const changed = new Promise<void>((resolve) => {
      source.on('changed', (set) => names(set).join() === name && resolve());
    });
    await rename(folder, join(parent, `old-${name}`)).catch(() => undefined);
    await rename(next, folder);
    await changed;
  }
});

it('reload reads now, tells nothing when nothing changed, and never throws', async (t) => {
  const folder = await folderOf(t, { 'a.yaml': rule('one') });
  const source = sourceOf(t, folder);
  await source.start();
  let changes = 0;
  source.on('changed', () => changes++);
  await Promise.all([source.reload(), source.reload()]);
  assert.equal(changes, 0);
  await writeFile(join(folder, 'a.yaml'), 'rules: 1');
  await source.reload();
  assert.equal(source.problems().length, 1);
  source.stop();
  await writeFile(join(folder, 'a.yaml'), rule('late'));
  await source.reload();
  assert.deepEqual(names(source.current()), ['one']);
});
