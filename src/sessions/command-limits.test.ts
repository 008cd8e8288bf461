// What a program is held to, and in which forms it may answer: its processes and memory, what of it comes into the record,
// the places in its command, and what it prints.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gone } from '../../test/support/pids.ts';
import type { SessionEvent } from '../contracts/session.ts';
import { silentLogger } from '../kernel/logger.ts';
import { type CommandOptions, commandRunner } from './command.ts';
import { answerIn } from './command-output.ts';
import { ProcessGuard } from './guard.ts';
import type { RunContext, RunResult } from './runner.ts';

const LINUX = { skip: process.platform === 'linux' ? false : 'processes are counted on Linux' };
const MB = 1024 * 1024;
const TOKEN = 'pst_canary-of-the-token';
const KEY = 'canary-of-the-key';

const event = {
  type: 'message.received',
  timestamp: '2026-11-20T15:00:00.000Z',
  data: {
    session: { id: 'ses_1', agent: 'writer', turn: 1, api: 'http://a/v1', mcp: 'http://a/mcp', token: TOKEN },
    message: { id: 'msg_1', subject: '$(touch owned) {folder} `touch owned`', attachments: [] },
  },
} as unknown as SessionEvent;

describe('a program', () => {
  const guard = new ProcessGuard(silentLogger);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-limits-'));
  });
  after(async () => {
    await guard.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (
    command: string[],
    options: Partial<CommandOptions> = {},
    context: Partial<RunContext> = {},
  ): Promise<RunResult> =>
    commandRunner({
      command,
      env: ['KEY'],
      environment: { ...process.env, KEY },
      baseFolder: folder,
      output: 'actions',
      processes: null,
      memoryBytes: null,
      guard,
      ...options,
    }).run(event, {
      turnId: 'trn_1',
      attempt: 1,
      limitMs: 30_000,
      signal: new AbortController().signal,
      folder: await mkdtemp(join(folder, 'work-')),
      ...context,
    });
  const js = (code: string): string[] => ['node', '-e', code];

  it('is ended with all its processes when it has more of them than it may', LINUX, async () => {
    const pids = join(folder, 'pids');
    const many = js(`const { spawn } = require('node:child_process');
      const all = [process.pid];
      for (let i = 0; i < 6; i++) all.push(spawn('sleep', ['1000'], { detached: i % 2 === 0, stdio: 'ignore' }).pid);
      require('node:fs').writeFileSync(${JSON.stringify(pids)}, all.join(' '));
      setInterval(() => {}, 1e6);`);
    await assert.rejects(run(many, { processes: 5 }), {
      code: 'agent_too_large',
      retry: 'never',
      message: /more than 5 processes/,
    });
    for (const pid of (await readFile(pids, 'utf8')).split(' ')) await gone(Number(pid));
  });

  it('is ended when it takes more memory than it may, with what its children take', LINUX, async () => {
    const large = js(`const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', 'const held = Buffer.alloc(300e6, 1); setInterval(() => held, 1e6)']);
      setInterval(() => {}, 1e6);`);
    await assert.rejects(run(large, { memoryBytes: 250 * MB }), {
      code: 'agent_too_large',
      message: /more than 262144000 bytes of memory/,
    });
  });

  it('that stays within its limits is let be', LINUX, async () => {
    const small = js(`setTimeout(() => console.log('{"actions":[]}'), 700)`);
    assert.deepEqual((await run(small, { processes: 5, memoryBytes: 2_000 * MB })).answer, { actions: [] });
  });

  it('leaves no secret in its record that it was given, and no half of one at its beginning', async () => {
    const tells = js(
      `process.stderr.write('a'.repeat(64 * 1024 - 10) + process.env.KEY + process.env.POSTERN_TOKEN)`,
    );
    const { log } = await run(tells);
    assert.match(log ?? '', /a\[secret\]\[secret\]$/);
    const cut = js(`process.stderr.write(process.env.KEY + 'b'.repeat(64 * 1024 - 5))`);
    assert.doesNotMatch((await run(cut)).log ?? '', /canary|-key/);
    const failing = js(`console.error('refused for ' + process.env.KEY); process.exit(3)`);
    await assert.rejects(run(failing), { message: /Its last words: refused for \[secret\]$/ });
  });

  it('gets the places that its command names, whole, and nothing of the mail in its command', async () => {
    const show = js(`const [folder, file, other] = process.argv.slice(1);
      const read = JSON.parse(require('node:fs').readFileSync(file, 'utf8'));
      const summary = JSON.stringify([folder === process.cwd(), read.data.message.subject, other]);
      console.log(JSON.stringify({ actions: [{ type: 'done', summary }] }));`);
    const { answer } = await run([...show, '{folder}', '{event_file}', 'in {folder}: {{subject}}']);
    const [action] = answer.actions;
    assert.deepEqual(JSON.parse((action?.type === 'done' && action.summary) || '[]'), [
      true,
      '$(touch owned) {folder} `touch owned`',
      'in {folder}: {{subject}}',
    ]);
  });

  it('may answer with the words of a reply, also from a shell script', async () => {
    const script = ['sh', '-c', 'cat > /dev/null; echo; echo "It costs 5."; echo "{\\"actions\\":[]}"'];
    assert.deepEqual((await run(script, { output: 'text' })).answer, {
      actions: [{ type: 'reply', text: 'It costs 5.\n{"actions":[]}' }],
    });
    assert.deepEqual((await run(['sh', '-c', 'cat > /dev/null'], { output: 'text' })).answer, {
      actions: [],
    });
  });
});

describe('the result of a coding agent', () => {
  const said = (output: string) => answerIn(output, 'json-result').actions;
  const reply = [{ type: 'reply', text: 'It costs 5.' }];

  it('is the text of `result`, in one object, a list, or the last of several lines that has one', () => {
    assert.deepEqual(said('{"type":"result","is_error":false,"result":"It costs 5.\\n"}\n'), reply);
    assert.deepEqual(said('[{"type":"system"},{"type":"result","result":"It costs 5."}]'), reply);
    const lines = ['{"type":"system"}', '{"result":"draft"}', 'not JSON', '{"result":"It costs 5."}', ''];
    assert.deepEqual(said(lines.join('\n')), reply);
    assert.deepEqual(said('{"result":" "}'), []);
  });

  it('that says that it failed, or is none, is no reply', () => {
    assert.throws(() => said('{"is_error":true,"result":"no credit"}'), {
      code: 'agent_failed',
      message: /no credit/,
    });
    for (const output of ['', 'It costs 5.', '{"actions":[]}', '{"result":5}', 'null'])
      assert.throws(() => said(output), { code: 'answer_invalid', message: /no JSON object/ });
  });
});
