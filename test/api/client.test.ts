// The client that `npm run client` writes: it is strict TypeScript that knows every operation, and an agent works with it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { operations } from '../../src/api/operations.ts';
import { tryAgent } from '../../src/sandbox/agent-trial.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

const AGENT = `import { type AgentAnswer, clientFor, eventFrom, PosternRefusal } from './postern-client.ts';

const event = await eventFrom(process.stdin);
const { message } = event.data;
const postern = clientFor(event);
const thread = await postern.call('thread.get', { id: message.thread_id });
const outcome = await postern.call('message.reply', {
  id: message.id,
  text: \`Hello \${message.from?.name ?? ''}, this is mail \${thread.messages.length}.\`,
});
const refused = await postern
  .call('draft.approve', { id: outcome.draft_id ?? '', digest: 'sha256:x' })
  .then(() => 'nothing', (error) => (error instanceof PosternRefusal ? error.code : String(error)));
const answer: AgentAnswer = { actions: [{ type: 'done', summary: \`\${outcome.state}; \${refused}\` }] };
process.stdout.write(JSON.stringify(answer));
`;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-client-'));
  await run(process.execPath, ['scripts/client.ts', join(folder, 'postern-client.ts')], { cwd: PROJECT });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'agent.ts'), AGENT);
});
after(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

it('has every operation that is no stream', async () => {
  const text = await readFile(join(folder, 'postern-client.ts'), 'utf8');
  const missing = operations.filter(({ name }) => !text.includes(`"${name}": { input:`));
  assert.deepEqual(
    missing.map(({ http }) => http.rawBody !== undefined),
    missing.map(() => true),
    `${missing.map(({ name }) => name)}`,
  );
});

it('is strict TypeScript, and refuses what an operation does not take', async () => {
  const wrong = `import { Postern } from './postern-client.ts';
const postern = new Postern({ api: '', token: '' });
// @ts-expect-error: there is no such field
await postern.call('message.reply', { id: '', txt: '' });
// @ts-expect-error: there is no such operation
await postern.call('draft.aprove', { id: '' });
// @ts-expect-error: a draft has no such state
(await postern.call('draft.get', { id: '' })).state === 'lost';
`;
  await writeFile(join(folder, 'wrong.ts'), wrong);
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  const { compilerOptions } = JSON.parse(await readFile(join(PROJECT, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object;
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const { stdout } = await run(process.execPath, [
    join(PROJECT, 'node_modules/typescript/bin/tsc'),
    '-p',
    folder,
  ]).catch((error: { stdout: string }) => error);
  assert.equal(stdout, '');
});

it('is what an agent answers with, and approves nothing', async () => {
  const rules = { agents: { typed: { run: { command: ['node', join(folder, 'agent.ts')] } } } };
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify(rules));
  const mail = await readFile(join(PROJECT, 'examples/agents/mails/order.eml'));
  const { session, drafts, record } = await tryAgent(
    {
      ...{ agent: 'typed', mails: [mail], answers: [], feedback: [], rulesDir: folder, address: null },
      ...{ templatesDir: join(PROJECT, 'templates'), isAsserted: false, keep: false },
    },
    () => undefined,
    new AbortController().signal,
  );
  assert.match(drafts[0]?.text ?? JSON.stringify(record), /^Hello Ann Buyer, this is mail 1\./);
  assert.equal(drafts[0]?.state, 'waiting');
  assert.match(session?.summary ?? '', /^waiting; (?:forbidden|not_found)/);
});
