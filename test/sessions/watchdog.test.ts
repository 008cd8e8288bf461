// The watchdog beside a real gateway: what the gateway started does not outlive it, however it ends.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { gone, isRunning } from '../support/pids.ts';
import { watchedAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';

/** Deaf to a gentle end, and with two children: one in its group, one that left it and its session. */
const PROGRAM = `
process.on('SIGTERM', () => {});
const { spawn } = require('node:child_process');
const { renameSync, writeFileSync } = require('node:fs');
const inside = spawn('sleep', ['1000'], { stdio: 'ignore' });
const outside = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
const file = __dirname + '/run-' + process.pid;
writeFileSync(file + '.new', [process.pid, inside.pid, outside.pid].join(' '));
renameSync(file + '.new', file);
setInterval(() => {}, 1e6);
`;

const LINUX = process.platform === 'linux' ? false : 'processes that leave their group are known on Linux';

describe('the programs of agents', { skip: LINUX || requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    gateway = await prepareGateway();
    const program = join(gateway.folder, 'agent.cjs');
    await writeFile(program, PROGRAM);
    await gateway.rules(
      'rules.yaml',
      `agents: { deaf: { run: { command: [node, "${program}"] }, limits: { time: 10m } } }
rules: [{ name: all mail, then: [{ spawn: deaf }] }]
`,
    );
    await gateway.start();
    await gateway.addAccount(watchedAccount(dovecot));
    await dovecot.deliver('sales', 'From: ann@prospect.example\r\nSubject: A question\r\n\r\nWhat?\r\n');
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  /** The processes of the run that came after `earlier` ones. */
  async function run(earlier: readonly string[]): Promise<{ name: string; pids: number[] }> {
    let found: { name: string; pids: number[] } | undefined;
    await eventually(async () => {
      const names = await readdir(gateway.folder);
      const name = names.find((one) => /^run-\d+$/.test(one) && !earlier.includes(one));
      if (name === undefined) return false;
      const text = await readFile(join(gateway.folder, name), 'utf8');
      found = { name, pids: text.split(' ').map(Number) };
      return true;
    });
    return found as { name: string; pids: number[] };
  }

  it('end with a gateway that is killed, and the turn runs again with the next one', async () => {
    const first = await run([]);
    assert.equal(first.pids.length, 3);
    for (const pid of first.pids) assert.ok(isRunning(pid), 'it runs before the kill');
    await gateway.kill();
    for (const pid of first.pids) await gone(pid);
    await gateway.start();
    const second = await run([first.name]);
    await gateway.stop();
    for (const pid of second.pids) await gone(pid);
  });
});
