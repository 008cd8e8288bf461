// Agents that are programs, run for real: what they are given, what they may answer, and how each of them ends.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gone } from '../../test/support/pids.ts';
import type { SessionEvent } from '../contracts/session.ts';
import { silentLogger } from '../kernel/logger.ts';
import { type CommandOptions, commandRunner } from './command.ts';
import { ProcessGuard } from './guard.ts';
import type { RunContext, RunResult } from './runner.ts';

const CANARY = 'canary-of-the-gateways-environment';
const POSIX = { skip: process.platform === 'win32' ? 'process groups are POSIX' : false };

const event = {
  type: 'message.received',
  timestamp: '2026-11-20T15:00:00.000Z',
  data: {
    session: {
      id: 'ses_1',
      agent: 'writer',
      turn: 1,
      api: 'http://127.0.0.1/v1',
      mcp: 'http://127.0.0.1/mcp',
      token: 'pst_x',
    },
    message: { id: 'msg_1', text: 'ü'.repeat(500_000), attachments: [] },
  },
} as unknown as SessionEvent;

describe('an agent that is a program', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-command-'));
  });
  const guard = new ProcessGuard(silentLogger);
  after(() => guard.stop());
  after(() => rm(folder, { recursive: true, force: true }));

  const run = (
    command: string[],
    context: Partial<RunContext> = {},
    env: string[] = [],
    options: Partial<CommandOptions> = {},
  ): Promise<RunResult> =>
    commandRunner({
      command,
      env,
      environment: { ...process.env, POSTERN_MASTER_KEY: CANARY, SECRET_OF_MINE: CANARY, NAMED: 'passed on' },
      baseFolder: folder,
      output: 'actions',
      processes: null,
      memoryBytes: null,
      guard,
      ...options,
    }).run(event, {
      turnId: 'trn_1',
      attempt: 1,
      limitMs: 20_000,
      signal: new AbortController().signal,
      folder,
      ...context,
    });
  const js = (code: string): string[] => ['node', '-e', code];

  it('reads the whole event from its stdin and answers on its stdout', async () => {
    const { answer, log } = await run(
      js(`let s=''; process.stdin.on('data', (d) => s += d).on('end', () => {
        const { data } = JSON.parse(s);
        console.error('read it');
        console.log(JSON.stringify({ actions: [{ type: 'done', summary: String(data.message.text.length) }] }));
      })`),
    );
    assert.deepEqual(answer, { actions: [{ type: 'done', summary: '500000' }] });
    assert.equal(log, 'read it\n');
  });

  it('may end without an answer, and without reading the event', async () => {
    assert.deepEqual((await run(js(''))).answer, { actions: [] });
    const early = js(`process.stdout.write('{"actions":[]}'); process.stdin.destroy()`);
    assert.deepEqual((await run(early)).answer, { actions: [] });
  });

  it('has an environment of what it needs and what is named, and none of the secrets beside them', async () => {
    const show = js(
      `console.log(JSON.stringify({ actions: [{ type: 'done', summary: JSON.stringify(process.env) }] }))`,
    );
    const { answer } = await run(show, {}, ['NAMED']);
    const [action] = answer.actions;
    const env = JSON.parse((action?.type === 'done' && action.summary) || '{}') as Record<string, string>;
    assert.ok(!JSON.stringify(env).includes(CANARY));
    assert.equal(env.NAMED, 'passed on');
    assert.equal(env.POSTERN_TOKEN, 'pst_x');
    assert.equal(env.POSTERN_API, 'http://127.0.0.1/v1');
    assert.equal(env.POSTERN_MCP, 'http://127.0.0.1/mcp');
    assert.equal(env.POSTERN_FOLDER, folder);
    assert.equal(env.PATH, process.env.PATH);
  });

  it('runs in the folder of its session, and a file of the command is found below the base folder', async () => {
    await writeFile(join(folder, 'agent.cjs'), `require('node:fs').writeFileSync('here.txt', process.cwd())`);
    const work = await mkdtemp(join(folder, 'work-'));
    await run(['node', 'agent.cjs'], { folder: work });
    assert.equal(await readFile(join(work, 'here.txt'), 'utf8'), work);
  });

  it(
    'ends with its whole process group when its time is over, deaf grandchildren included',
    POSIX,
    async () => {
      const pids = join(folder, 'pids');
      const deaf = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6);`;
      const code = `${deaf}
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(deaf)}], { stdio: 'inherit' });
      child.on('spawn', () => require('node:fs').writeFileSync(${JSON.stringify(pids)}, process.pid + ' ' + child.pid));`;
      await assert.rejects(run(js(code), { limitMs: 1_000 }), {
        code: 'agent_timeout',
        retry: 'never',
        message: /after 1000 ms/,
      });
      for (const pid of (await readFile(pids, 'utf8')).split(' ')) await gone(Number(pid));
    },
  );

  it('is not waited for when a grandchild that left the group holds its output open', POSIX, async () => {
    const pid = join(folder, 'daemon');
    const code = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'inherit', detached: true });
      child.on('spawn', () => { require('node:fs').writeFileSync(${JSON.stringify(pid)}, String(child.pid));
        process.stdout.write('{"actions":[]}', () => process.exit(0)); });`;
    assert.deepEqual((await run(js(code))).answer, { actions: [] });
    await gone(Number(await readFile(pid, 'utf8'))); // the watchdog knows it by its environment
  });

  it('is ended when Postern stops, to be run again', async () => {
    const stop = new AbortController();
    const running = run(js('setInterval(() => {}, 1e6)'), { signal: stop.signal });
    stop.abort();
    await assert.rejects(running, { code: 'stopping', retry: 'later' });
  });

  it('may print 64 MB and no more', async () => {
    const endless = js(
      `const mb = 'x'.repeat(1 << 20); (function more() { process.stdout.write(mb, more) })()`,
    );
    await assert.rejects(run(endless), {
      code: 'answer_invalid',
      message: /printed more than 67108864 bytes/,
    });
  });

  it('is tried again later after exit code 75, and after 77 and 78 only once a person has looked', async () => {
    await assert.rejects(run(js('process.exit(75)')), { code: 'agent_busy', retry: 'later' });
    for (const code of [77, 78])
      await assert.rejects(run(js(`console.error('no key'); process.exit(${code})`)), {
        code: 'agent_needs_person',
        retry: 'never',
        message: `The agent says that a person has to look (exit code ${code}). Its last words: no key`,
      });
  });

  it('is tried three times where it fails in another way', async () => {
    const failing = js(`console.error('no price list'); process.exit(3)`);
    await assert.rejects(run(failing), { code: 'agent_failed', retry: { afterMs: 10_000 } });
    await assert.rejects(run(failing, { attempt: 2 }), { retry: { afterMs: 60_000 } });
    await assert.rejects(run(failing, { attempt: 3 }), {
      code: 'agent_failed',
      retry: 'never',
      message: /exit code 3\. Its last words: no price list$/,
      details: { log: 'no price list\n' },
    });
    await assert.rejects(run(js(`process.kill(process.pid, 'SIGKILL')`)), {
      code: 'agent_failed',
      message: /signal SIGKILL/,
    });
  });

  it('leaves the end of what it said beside its answer, and no more', async () => {
    const { log } = await run(js(`process.stderr.write('x'.repeat(1e6) + 'the end')`));
    assert.equal(log?.length, 64 * 1024);
    assert.match(log ?? '', /the end$/);
  });

  it('that is not there, or cannot be named, is not started and says so', async () => {
    await assert.rejects(run(['no-such-program-anywhere']), { code: 'agent_not_started', retry: 'never' });
    await assert.rejects(run(['node', 'a\0b']), { code: 'agent_not_started' });
  });

  const wrong: [what: string, printed: string, problem: RegExp][] = [
    ['plain words', 'I have answered.', /did not answer with JSON/],
    ['words before the JSON', 'thinking…\n{"actions":[]}', /did not answer with JSON/],
    ['a list', '[]', /does not fit/],
    ['no actions', '{}', /actions/],
    ['an unknown action', '{"actions":[{"type":"approve"}]}', /actions\[0\]\.type/],
    ['a field that is misspelt', '{"actions":[{"type":"reply","txt":"x"}]}', /"txt"[\s\S]*actions\[0\]/],
    [
      'a subject of two lines',
      '{"actions":[{"type":"send","to":["a@b.example"],"subject":"a\\nb"}]}',
      /actions\[0\]\.subject/,
    ],
    ['a wait for no time', '{"actions":[{"type":"wait","until":"soon"}]}', /actions\[0\]\.until/],
    [
      'an attachment of two kinds',
      '{"actions":[{"type":"reply","attachments":[{"path":"a","content_base64":"QQ=="}]}]}',
      /attachments\[0\]/,
    ],
  ];
  for (const [what, printed, problem] of wrong) {
    it(`cannot answer with ${what}: the error names what is wrong`, async () => {
      const print = js(`console.error('log'); process.stdout.write(${JSON.stringify(printed)})`);
      await assert.rejects(run(print), {
        code: 'answer_invalid',
        retry: 'never',
        message: problem,
        details: { log: 'log\n' },
      });
    });
  }

  it('cannot make an error of any length', async () => {
    const key = js(
      `process.stdout.write(JSON.stringify({ actions: [{ type: 'done', ['k'.repeat(1e6)]: 1 }] }))`,
    );
    await assert.rejects(run(key), (error: Error) => error.message.length < 3_000);
  });
});
