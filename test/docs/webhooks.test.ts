// docs/webhooks.md and docs/commands.md against the program: every key with its default, and the receivers run for real.
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { z } from 'zod';
import { agent, commandWords, webhookWords } from '../../src/contracts/rule.ts';
import { hookAgent, openWebhookHouse, SECRET } from '../sessions/webhook-house.ts';
import { freePorts } from '../support/ports.ts';
import { startProcess } from '../support/process.ts';
import { findProgram, requireService } from '../support/services.ts';
import { blocksOf, PROJECT, pageText } from './blocks.ts';

/** Each key stands in a table of the page, with what it is by itself. */
function hasKeys(page: string, words: readonly string[], run: z.input<typeof agent>['run']): void {
  const parsed = agent.parse({ run }).run as Record<string, unknown>;
  const defaults = ('webhook' in parsed ? parsed.webhook : parsed) as Record<string, unknown>;
  for (const word of words) {
    const [, shown] = new RegExp(`^\\| \`${word}\` \\|([^|]*)\\|`, 'm').exec(pageText(page)) ?? [];
    assert.ok(shown !== undefined, `the key ${word} is not there`);
    if (['url', 'secret_ref', 'command'].includes(word)) continue;
    assert.equal(shown.trim(), defaults[word] === undefined ? 'none' : `\`${defaults[word]}\``, word);
  }
}

it('docs/webhooks.md has every key of a webhook, with its default', () => {
  const webhook = { url: 'https://hooks.example', secret_ref: 'env:X' };
  hasKeys('docs/webhooks.md', webhookWords, { webhook });
});

it('docs/commands.md has every key of a command, with its default', () => {
  hasKeys('docs/commands.md', commandWords, { command: ['node'] });
});

const PROGRAMS = {
  ts: { file: 'receiver.ts', program: process.execPath, skip: false as const },
  python: { file: 'receiver.py', program: 'python3', skip: requireService('python3') },
};

for (const [language, { file, program, skip }] of Object.entries(PROGRAMS)) {
  it(`the receiver of docs/webhooks.md in ${language} verifies, answers once, and takes a test`, {
    skip,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-receiver-'));
    await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
    const [block] = blocksOf('docs/webhooks.md').filter((one) => one.language === language);
    await writeFile(join(folder, file), block?.text ?? '');
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const [port = 0] = await freePorts(1);
    const receiver = await startProcess(findProgram(program) ?? program, [join(folder, file)], {
      env: { PATH: process.env.PATH ?? '', PORT: String(port), TRIAGE_SECRET: SECRET },
      readyPort: port,
    });
    const url = `http://127.0.0.1:${port}/mail`;
    try {
      const { house, endpoints } = await openWebhookHouse(`
agents:
${hookAgent('triage', url)}
rules:
  - { name: all mail, then: [{ spawn: triage }] }
`);
      await using _ = house;
      const tested = await endpoints.test('triage', new AbortController().signal);
      assert.deepEqual([tested.ok, tested.status, tested.problem], [true, 204, null]);
      await house.arrive({ id: 'first', subject: 'A question' });
      await house.rests('waiting-for-approval');
      const [draft] = await house.drafts.list({ limit: 10 });
      assert.match(draft?.text ?? '', /^We look into "A question"\./);
      const forged = await fetch(url, {
        method: 'POST',
        headers: {
          'webhook-id': 'trn_1',
          'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
          'webhook-signature': 'v1,AAAA',
        },
        body: '{"type":"message.received"}',
      });
      assert.equal(forged.status, 401);
    } finally {
      await receiver.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
