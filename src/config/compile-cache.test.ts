// Each case in a process of its own: what is compiled can be kept in one place alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';

const root = mkdtempSync(join(tmpdir(), 'postern-compiled-'));
after(() => rmSync(root, { recursive: true, force: true }));

const program = new URL('compile-cache.ts', import.meta.url).href;
function kept(env: Record<string, string>): unknown {
  const code = `import('${program}').then(({ keepCompiled }) => console.log(JSON.stringify(keepCompiled(${JSON.stringify(env)}))))`;
  return JSON.parse(execFileSync(process.execPath, ['-e', code], { env: {} }).toString());
}

it("is kept in a folder of the user's own that nobody else can write to", () => {
  mkdirSync(join(root, 'home'));
  const folder = join(root, 'home', '.cache', 'postern');
  assert.equal(kept({ HOME: join(root, 'home') }), folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.ok(readdirSync(folder).length > 0);
});

it('is not kept where others can write, where there is no folder for it, or where that is no place', () => {
  const open = join(root, 'open', 'postern');
  mkdirSync(open, { recursive: true });
  chmodSync(open, 0o777);
  assert.equal(kept({ XDG_CACHE_HOME: join(root, 'open') }), null);
  assert.deepEqual(readdirSync(open), []);
  assert.equal(kept({}), null);
  assert.equal(kept({ HOME: '' }), null);
  assert.equal(kept({ XDG_CACHE_HOME: 'relative' }), null);
  assert.equal(kept({ HOME: join(root, 'nobody') }), null);
});
