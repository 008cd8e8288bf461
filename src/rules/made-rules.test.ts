import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { RuleProblem } from '../contracts/rule.ts';
import { systemClock } from '../kernel/clock.ts';
import type { PosternError } from '../kernel/errors.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import { MadeRules, madeSource } from './made-rules.ts';
import type { RuleSet } from './match.ts';
import { RulesSource } from './source.ts';
import { sampleMail } from './testing.ts';

const FILE = `
agents:
  writer: { run: { command: [node, agent.ts] } }
rules:
  - { name: of the file, when: { subject: quote }, then: [mark_seen] }
`;
const names = (set: RuleSet): string[] => set.rules.map(({ name }) => name);
const rule = (name: string, then = 'mark_seen'): string => `name: ${name}\nthen: [${then}]\n`;
const WAIT = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(10_000) });

interface House {
  folder: string;
  source: RulesSource;
  made: MadeRules;
}

/** One process: its rules in force and the door through which rules are made. */
async function processOn(t: TestContext, folder: string, withMade = true): Promise<House> {
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const source = new RulesSource({
    ...{ folder, log: silentLogger, ...(withMade ? { made: madeSource(store) } : {}) },
    ...{ debounceMs: 10, pollMs: 60_000, madePollMs: 20 },
  });
  t.after(() => {
    source.stop();
    return store.close();
  });
  await source.start();
  return { folder, source, made: new MadeRules({ store, clock: systemClock, source }) };
}

async function houseOf(t: TestContext): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-made-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'a.yaml'), FILE);
  return processOn(t, folder);
}

const create = (house: House, text: string, enabled = true) => house.made.create({ text, enabled }, 'anna');

it('a made rule is in force when the answer is there, behind the files and in the order of making', async (t) => {
  const house = await houseOf(t);
  await create(house, rule('zebra', 'spawn: writer'));
  await create(house, rule('ant'));
  assert.deepEqual(names(house.source.current()), ['of the file', 'zebra', 'ant']);
  assert.deepEqual(
    house.source
      .current()
      .match(sampleMail())
      .map((match) => match.rule),
    ['of the file', 'zebra', 'ant'],
  );
});

it('a rule may be given as an object, and is kept as YAML that says the same', async (t) => {
  const house = await houseOf(t);
  // biome-ignore lint/suspicious/noThenProperty: the language says then
  const given = { name: 'lists', when: { list_id: ['a.example', '!b.example'] }, then: ['stop'] };
  const row = await house.made.create({ rule: given, enabled: true }, 'anna');
  assert.match(row.text, /^name: lists\nwhen:\n {2}list_id:\n/);
  assert.deepEqual(house.source.current().rules.at(-1), given);
});

it('an object that is longer or deeper than a text may be is refused', async (t) => {
  const house = await houseOf(t);
  let deep: Record<string, unknown> = { subject: 'x' };
  for (let i = 0; i < 20_000; i++) deep = { not: deep };
  const long = { subject: 'x'.repeat(100_001) };
  for (const when of [deep, long])
    await assert.rejects(
      // biome-ignore lint/suspicious/noThenProperty: the language says then
      house.made.create({ rule: { name: 'x', when, then: ['stop'] }, enabled: true }, 'anna'),
      { code: 'invalid_input', message: /nested too deep|longer than 100000/ },
    );
});

it('a change makes a version with its author, a removal too; a later one is not overwritten', async (t) => {
  const house = await houseOf(t);
  const { id } = await create(house, rule('one'));
  await house.made.patch(id, { text: rule('two'), version: 1 }, 'bert');
  await assert.rejects(house.made.patch(id, { text: rule('three'), version: 1 }, 'anna'), {
    code: 'rule_changed',
  });
  await house.made.patch('two', { enabled: false }, 'anna');
  await house.made.patch('two', { enabled: false, text: rule('two') }, 'dora'); // is so already
  assert.deepEqual(names(house.source.current()), ['of the file']);
  await house.made.remove(id, 'carl');
  await assert.rejects(house.made.get(id), { code: 'not_found' });
  const versions = await house.made.versions(id, { limit: 10 });
  assert.deepEqual(
    versions.map(({ version, change, name, enabled, author }) => [version, change, name, enabled, author]),
    [
      [4, 'deleted', 'two', false, 'carl'],
      [3, 'updated', 'two', false, 'anna'],
      [2, 'updated', 'two', true, 'bert'],
      [1, 'created', 'one', true, 'anna'],
    ],
  );
  const [, second] = versions;
  const older = await house.made.versions(id, { limit: 1, before: second?.id ?? '' });
  assert.deepEqual(
    older.map(({ version }) => version),
    [2],
  );
});

it('a rule that does not compile is refused with its place, and nothing changes', async (t) => {
  const house = await houseOf(t);
  await create(house, rule('good'));
  const before = house.source.current();
  const refused: [string, RegExp, number, number][] = [
    ['name: x\nwhen: { subjct: a }\nthen: [stop]', /unknown key `subjct`.*`subject`/, 2, 9],
    ['name: x\nthen: [{ spawn: writr }]', /no agent `writr`.*`writer`/, 2, 17],
    ['when: {}\nthen: [stop]', /`name`/, 1, 1],
    ['name: of the file\nthen: [stop]', /already defined in a\.yaml:5/, 1, 7],
    ['rules:\n  - { name: x, then: [stop] }', /one rule by itself/, 1, 1],
    ['agents: {}', /file of the operator's/, 1, 1],
    ['- a', /one rule by itself/, 1, 1],
    ['name: x\nthen: [{ post: { url: "https://x.example/" } }]', /a destination of the files/, 2, 16],
    ['name: x\nwhen: { subject: "/(/" }\nthen: [stop]', /not a regular expression/, 2, 18],
  ];
  for (const [text, message, line, column] of refused) {
    await assert.rejects(
      create(house, text),
      (error: { code: string; details: { problems: RuleProblem[] } }) => {
        const [problem] = error.details.problems;
        assert.equal(error.code, 'rules_invalid');
        assert.match(problem?.message ?? '', message);
        assert.deepEqual([problem?.file, problem?.line, problem?.column], ['rule', line, column], text);
        return true;
      },
    );
  }
  await assert.rejects(create(house, rule('good')), { code: 'rule_name_taken' });
  await assert.rejects(house.made.create({ enabled: true }, 'anna'), { code: 'invalid_input' });
  assert.equal(house.source.current(), before);
  assert.equal((await house.made.list()).length, 1);
  assert.deepEqual(house.source.problems(), []);
});

it('another process on the same ledger has a change soon', async (t) => {
  const house = await houseOf(t);
  const other = await processOn(t, house.folder);
  const changed = once(other.source, 'changed', WAIT());
  await create(house, rule('from here'));
  await changed;
  assert.deepEqual(names(other.source.current()), ['of the file', 'from here']);
  assert.equal(house.source.current().version, other.source.current().version);
});

it('a change of a rule that is switched off is told too, although the set stays the same', async (t) => {
  const house = await houseOf(t);
  const told = once(house.source, 'changed', WAIT());
  await create(house, rule('off'), false);
  await told;
  assert.deepEqual(names(house.source.current()), ['of the file']);
});

it('a file that takes the name of a made rule is refused with both places, until one of them gives way', async (t) => {
  const house = await houseOf(t);
  const { id } = await create(house, rule('lists'));
  const before = house.source.current();
  const refused = once(house.source, 'refused', WAIT());
  await writeFile(join(house.folder, 'b.yaml'), 'rules:\n  - { name: lists, then: [stop] }\n');
  await refused;
  assert.equal(house.source.current(), before);
  const [problem] = house.source.problems();
  assert.equal(problem?.file, id);
  assert.match(problem?.message ?? '', /`lists` is already defined in b\.yaml:2/);

  await create(house, rule('made meanwhile'));
  assert.deepEqual(names(house.source.current()), ['of the file', 'lists', 'made meanwhile']);
  assert.equal(house.source.problems().length, 1, 'the file is still refused');

  await house.made.remove('lists', 'anna');
  assert.deepEqual(house.source.problems(), []);
  assert.deepEqual(names(house.source.current()), ['of the file', 'lists', 'made meanwhile']);
  assert.equal(house.source.current().places[1]?.file, 'b.yaml');
});

it('a rule that is tried takes the place of the one it changes, and nothing is in force of it', async (t) => {
  const house = await houseOf(t);
  await create(house, rule('one'));
  await create(house, rule('two'));
  const before = house.source.current();
  const trial = await house.made.trial({ text: rule('one', 'stop') });
  assert.deepEqual(names(trial), ['of the file', 'one', 'two']);
  assert.deepEqual(
    trial.match(sampleMail()).map((match) => match.rule),
    ['of the file', 'one'],
  );
  assert.deepEqual(names(await house.made.trial({ text: rule('new') })), [
    'of the file',
    'one',
    'two',
    'new',
  ]);
  const { id } = await house.made.get('one');
  assert.deepEqual(names(await house.made.trial({ id, text: rule('renamed') })), [
    'of the file',
    'renamed',
    'two',
  ]);
  assert.equal(house.source.current(), before);
});

it('a start with files that a made rule does not go with is refused, and says how to mend it', async (t) => {
  const house = await houseOf(t);
  const { id } = await create(house, rule('waking', 'spawn: writer'));
  await writeFile(join(house.folder, 'a.yaml'), 'rules: []\n');
  await assert.rejects(processOn(t, house.folder), (error: PosternError) => {
    assert.equal(error.code, 'rules_invalid');
    assert.match(error.message, new RegExp(`${id}:2:\\d+ there is no agent `));
    assert.match(error.hint ?? '', /POSTERN_MADE_RULES=off/);
    return true;
  });
  await writeFile(join(house.folder, 'a.yaml'), 'rulez: []\n');
  await assert.rejects(processOn(t, house.folder), { message: /a\.yaml:1:1 .*`rules`/ });
  await writeFile(join(house.folder, 'a.yaml'), 'rules: []\n');

  const without = await processOn(t, house.folder, false);
  assert.deepEqual(names(without.source.current()), []);
  await without.made.patch(id, { enabled: false }, 'operator');
  assert.deepEqual(names((await processOn(t, house.folder)).source.current()), []);
});
