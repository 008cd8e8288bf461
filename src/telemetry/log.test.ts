// The log: one JSON object a line, with the fields of the part that speaks, and nothing that is secret.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

const LOG = new URL('./log.ts', import.meta.url).href;

/** What a process logs that runs `script` with `log` at `level`. */
function logged(level: string, script: string): Record<string, unknown>[] {
  const text = `import { createLog } from '${LOG}'; const log = createLog('${level}'); ${script}`;
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--no-warnings', '-e', text],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('writes a line with level, time, fields and message', () => {
    const [line] = logged('info', "log.info({ messages: 2 }, 'taken in');");
    assert.equal(line?.level, 'info');
    assert.equal(line?.msg, 'taken in');
    assert.equal(line?.messages, 2);
    assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT/);
  });

  it('gives each line the fields of its part, and of the parts that it belongs to', () => {
    const script =
      "log.child({ part: 'watch' }).child({ account: 'sales' }).warn({ wait: 5 }, 'interrupted');";
    const [line] = logged('info', script);
    assert.deepEqual(
      { part: line?.part, account: line?.account, wait: line?.wait, level: line?.level },
      { part: 'watch', account: 'sales', wait: 5, level: 'warn' },
    );
  });

  it('leaves out what is below its level', () => {
    const script = "for (const say of ['debug', 'info', 'warn', 'error']) log.child({ a: 1 })[say]({}, say);";
    const levels = (level: string) => logged(level, script).map(({ msg }) => msg);
    assert.deepEqual(levels('debug'), ['debug', 'info', 'warn', 'error']);
    assert.deepEqual(levels('warn'), ['warn', 'error']);
    assert.deepEqual(levels('silent'), []);
  });

  it('shows no secret, whether a part or a line has it', () => {
    const script =
      "log.child({ password: 'hidden-1' }).info({ token: 'hidden-2', auth: { pass: 'hidden-3' } }, 'signed in');";
    assert.doesNotMatch(JSON.stringify(logged('info', script)), /hidden/);
  });
});
