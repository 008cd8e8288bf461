// Two processes that make rules on one ledger at once: no change is lost, a name is given once, and both have all rules.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { codeOf } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { MadeRules, madeSource } from '../../src/rules/made-rules.ts';
import { RulesSource } from '../../src/rules/source.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

const SOURCE = new URL('../../src/', import.meta.url).href;
const RULES_EACH = 10;
const LIMIT_MS = 60_000; // two processes of a loaded machine

const rule = (name: string): string => `name: ${name}\nthen: [mark_seen]\n`;

/** Makes rules as soon as it is told to, says what became of each, and the names in force when all are. */
const script = (folder: string): string => `
  const { openSqlite } = await import('${SOURCE}store/sqlite.ts');
  const { MadeRules, madeSource } = await import('${SOURCE}rules/made-rules.ts');
  const { RulesSource } = await import('${SOURCE}rules/source.ts');
  const { systemClock } = await import('${SOURCE}kernel/clock.ts');
  const { silentLogger } = await import('${SOURCE}kernel/logger.ts');
  const folder = ${JSON.stringify(folder)};
  const store = await openSqlite(folder + '/ledger.sqlite');
  const source = new RulesSource({ folder, made: madeSource(store), log: silentLogger });
  await source.start();
  const made = new MadeRules({ store, clock: systemClock, source });
  console.log('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  for (const name of [...Array.from({ length: ${RULES_EACH} }, (_, i) => 'child ' + i), 'same']) {
    const text = 'name: ' + name + '\\nthen: [mark_seen]\\n';
    console.log(await made.create({ text, enabled: true }, 'child').then(() => 'made', (error) => error.code));
  }
  const names = () => source.current().rules.length;
  while (names() < ${2 * RULES_EACH + 1}) await new Promise((resolve) => source.once('changed', resolve));
  console.log(source.current().version);
  source.stop();
  await store.close();
  process.stdin.destroy();`;

it('two processes make rules at once: none is lost, and of one name there is one', {
  timeout: LIMIT_MS,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-makers-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'a.yaml'), 'rules: []\n');
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const source = new RulesSource({ folder, made: madeSource(store), log: silentLogger, madePollMs: 50 });
  await source.start();
  t.after(() => {
    source.stop();
    return store.close();
  });
  const made = new MadeRules({ store, clock: systemClock, source });
  const child = startChild(script(folder));
  t.after(() => ended(child));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const said = async (): Promise<string> => String((await lines.next()).value);

  assert.equal(await said(), 'ready');
  child.stdin?.write('go\n');
  const mine: string[] = [];
  for (const name of [...Array.from({ length: RULES_EACH }, (_, i) => `parent ${i}`), 'same']) {
    mine.push(await made.create({ text: rule(name), enabled: true }, 'parent').then(() => 'made', codeOf));
  }
  const theirs: string[] = [];
  for (let i = 0; i <= RULES_EACH; i++) theirs.push(await said());

  assert.deepEqual([mine.at(-1), theirs.at(-1)].sort(), ['made', 'rule_name_taken']);
  assert.ok([...mine.slice(0, -1), ...theirs.slice(0, -1)].every((outcome) => outcome === 'made'));
  while (source.current().rules.length < 2 * RULES_EACH + 1) await once(source, 'changed');
  assert.equal(await said(), source.current().version);
  const numbers = await store.db
    .selectFrom('made_rule_versions')
    .select('number')
    .orderBy('number')
    .execute();
  assert.deepEqual(
    numbers.map(({ number }) => number),
    Array.from({ length: 2 * RULES_EACH + 1 }, (_, i) => i + 1),
  );
});

function startChild(code: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
