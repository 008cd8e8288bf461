// docs/agents.md, followed from the empty folder to a working agent, and held against the contracts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { operations } from '../../src/api/operations.ts';
import { agentAction, sessionEvent } from '../../src/contracts/session.ts';
import { blocksOf, commandsOf, PROJECT, pageText, wordsOf } from './blocks.ts';

const PAGE = 'docs/agents.md';
const page = pageText(PAGE);

describe('docs/agents.md, followed', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-agents-'));
    await mkdir(join(folder, 'my-agents'));
    const [agent = '', rules = '', mail = ''] = blocksOf(PAGE)
      .filter(({ section, language }) => section === 'Ten minutes' && language !== 'sh')
      .map(({ text }) => text);
    await write('hello.mjs', agent);
    await write('rules.yaml', rules);
    await write('mail.eml', mail);
    await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(folder, 'my-agents', name), text);
  const line = (at: number): string => commandsOf(PAGE)[at]?.line ?? '';

  it('tries the agent: the reply waits for a person, and the other mail is refused', async () => {
    const shown = await run(line(0));
    assert.match(shown, /Hello Ann,\n\nyou wrote about “Hello there”\./);
    assert.match(shown, /It would wait for a person:/);
    assert.match(shown, /refused .*does not allow boss@example\.org as a recipient/);
    assert.match(shown, /Nothing has left this machine\.\n$/);
  });

  it('gives the agent a second turn with the feedback', async () => {
    const shown = await run(line(1));
    assert.match(shown, /Hello Ann,\n\nSay that we are closed until Monday\./);
    assert.match(shown, /It was rejected: Say that we are closed until Monday\./);
  });

  it('lets it answer by itself where its policy says so and a server vouches for the sender', async () => {
    const [rules = ''] = blocksOf(PAGE)
      .filter(({ language }) => language === 'yaml')
      .map(({ text }) => text);
    const auto = /`(may: \{ reply: auto[^`]*)`/.exec(page)?.[1] ?? '';
    await write('rules.yaml', rules.replace('may: { reply: approve, recipients: thread }', auto));
    assert.match(await run(line(2)), /It would leave by itself: its policy lets it go\./);
    assert.match(await run(line(2).replace(' --asserted', '')), /It would wait for a person:/);
  });

  it('checks the rules', async () => {
    assert.match(await run(line(3)), /are valid: 1 rules, 1 agents/);
  });

  it('writes a client, and an agent with it', async () => {
    await run(line(5));
    const [typed = ''] = blocksOf(PAGE)
      .filter(({ language }) => language === 'ts')
      .map(({ text }) => text);
    await write('typed.mts', typed);
    await write('rules.yaml', 'agents: { hello: { run: { command: [node, my-agents/typed.mts] } } }\n');
    const shown = await run(line(0));
    assert.match(shown, /Thank you\.\n/);
    assert.match(shown, /The reply is waiting\./);
  });

  /** Runs `npm run SCRIPT -- …` without npm, which only starts the same file, and in this folder. */
  async function run(command: string): Promise<string> {
    const words = wordsOf(command);
    const scripts: Record<string, string> = { postern: 'src/main.ts', client: 'scripts/client.ts' };
    const script = scripts[words[2] ?? ''];
    assert.ok(script, command);
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTERN_'));
    const child = spawn(process.execPath, [join(PROJECT, script), ...words.slice(4)], {
      cwd: folder,
      env: { ...Object.fromEntries(others), POSTERN_DATA: join(folder, 'data') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const [printed, errors, code] = await Promise.all([readAll(child.stdout), readAll(child.stderr), ended]);
    assert.equal(code, 0, `${command}\n${printed}${errors}`);
    return printed;
  }
});

describe('docs/agents.md, held against the contracts', () => {
  it('names every type of event, and every field of its data that it does not always have', () => {
    for (const type of sessionEvent.shape.type.options) assert.ok(page.includes(`| \`${type}\` |`), type);
    for (const field of ['feedback', 'question']) assert.ok(page.includes(`\`data.${field}\``), field);
  });

  it('names every action, with all its fields', () => {
    for (const { shape } of agentAction.options) {
      const { type, ...fields } = shape;
      const row = page.split('\n').find((one) => one.startsWith(`| \`${type.value}\` |`));
      assert.ok(row, type.value);
      for (const field of Object.keys(fields))
        assert.ok(row.includes(`\`${field}\``), `${type.value}.${field}`);
    }
  });

  it('names every tool, and no other', () => {
    const tools = operations.flatMap(({ tool }) => tool?.name ?? []);
    const [, table = ''] = /^\| tools \|[^\n]*\n\| --- \| --- \|\n((?:\|.*\n)+)/m.exec(page) ?? [];
    const named = table.split('\n').flatMap((row) => {
      const [, cell = ''] = row.split('|');
      return [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    });
    assert.deepEqual(named.sort(), tools.sort());
  });
});
