// What models are told lies in files beside the rules, and counts from the moment it changes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { silentLogger } from '../kernel/logger.ts';
import { compileRules } from './compile.ts';
import type { RuleSet } from './match.ts';
import { RulesSource } from './source.ts';

const MODEL =
  'agents: { a: { run: { model: { provider: anthropic, url: https://x.example/v1, name: m, instructions: { file: a.md } } } } }';

function told(set: RuleSet): unknown {
  const { run } = set.agents.get('a') ?? assert.fail();
  return 'model' in run ? run.model.instructions : assert.fail();
}

it('an agent is told what its file says; another text beside the rules makes no other set', () => {
  const rules = { name: 'rules.yaml', text: MODEL };
  const set = compileRules([rules, { name: 'a.md', text: 'You sell pumps.' }]);
  assert.equal(told(set), 'You sell pumps.');
  const readme = { name: 'README.md', text: 'agents: [' };
  assert.equal(compileRules([rules, { name: 'a.md', text: 'You sell pumps.' }, readme]).version, set.version);
  const changed = compileRules([rules, { name: 'a.md', text: 'You sell desks.' }]);
  assert.notEqual(changed.version, set.version);
  assert.throws(() => compileRules([rules, { name: 'a.md', text: ' \n' }]), /the file `a.md` says nothing/);
});

it('a change of the file is in force soon; while it is gone, what it said stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-instructions-'));
  await writeFile(join(folder, 'rules.yaml'), MODEL);
  await writeFile(join(folder, 'a.md'), 'You sell pumps.');
  const source = new RulesSource({ folder, log: silentLogger, debounceMs: 10, pollMs: 50 });
  await source.start();
  const soon = { signal: AbortSignal.timeout(10_000) };
  try {
    assert.equal(told(source.current()), 'You sell pumps.');
    const changed = once(source, 'changed', soon);
    await writeFile(join(folder, 'a.md'), 'You sell desks.');
    await changed;
    while (told(source.current()) !== 'You sell desks.') await once(source, 'changed', soon); // seen half written
    const refused = once(source, 'refused', soon);
    await rm(join(folder, 'a.md'));
    const [[problem]] = (await refused) as [{ message: string }[]];
    assert.match(problem?.message ?? '', /no text file `a.md`/);
    assert.equal(told(source.current()), 'You sell desks.');
  } finally {
    source.stop();
    await rm(folder, { recursive: true });
  }
});
