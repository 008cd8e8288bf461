// The sandbox as a person meets it: the command is started, lines are typed, and what it prints is read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const REACHED_THE_CUSTOMER = 'A mail lies in the inbox of customer@prospect.example';

describe('npm run sandbox', { concurrency: 2 }, () => {
  it('ends, after approve, with the reply in the thread in the mailbox of the customer', async () => {
    const { code, printed, errors } = await sandbox('approve', 'quit');
    assert.equal(code, 0, errors + printed);
    assert.equal(errors, '');
    inOrder(printed, [
      'Paula Prospect writes "Quote for our new office"',
      'A mail from customer@prospect.example arrived in INBOX (UID 1)',
      'The rule "prospect quotes" holds: it wakes the agent quote-writer.',
      /Draft drf_\w+ waits/,
      'From:     Company Sales <sales@company.example>',
      'To:       Paula Prospect <customer@prospect.example>',
      'Subject:  Re: Quote for our new office',
      /Digest: {3}sha256:[0-9a-f]{64}/,
      '€9,347.50',
      /npm run postern -- draft approve drf_\w+ --digest sha256:/,
      /\/v1\/drafts\/drf_\w+\/approve/,
      '> approve',
      REACHED_THE_CUSTOMER,
      /In-Reply-To: <.+@.+>/,
      'Parts:       text/plain, text/html',
      'Dear Paula Prospect,',
      '20 pieces  Falcon desk',
      'The sandbox ends.',
    ]);
    assert.match(printed, /was approved by .+\n/);
    assert.match(printed, /It was sent over SMTP\. The server said: 250/);
    assert.equal(printed.split(REACHED_THE_CUSTOMER).length, 2, 'one reply, not two');
    const folder = /Its data: (.+) \(until the end\)/.exec(printed)?.[1];
    assert.ok(folder);
    assert.equal(existsSync(folder), false, 'nothing of it stays');
  });

  it('sends nothing after reject', async () => {
    const { code, printed } = await sandbox('reject too expensive', 'quit');
    assert.equal(code, 0, printed);
    assert.match(printed, /was rejected by .+: "too expensive"\. It is not sent\./);
    assert.doesNotMatch(printed, new RegExp(REACHED_THE_CUSTOMER));
    assert.doesNotMatch(printed, /Submission/);
  });

  it('sends nothing when the input ends before anybody approved', async () => {
    const { code, printed } = await sandbox();
    assert.equal(code, 0, printed);
    inOrder(printed, [/Draft drf_\w+ waits/, 'A draft waits: not sent.']);
    assert.doesNotMatch(printed, new RegExp(REACHED_THE_CUSTOMER));
  });

  it('lets the agent write again after feedback, and a person edit, and sends what was approved last', async () => {
    const { code, printed } = await sandbox(
      'reject give 5 % discount',
      'edit Kind regards => Warm regards',
      'show',
      'approve',
      'quit',
    );
    assert.equal(code, 0, printed);
    inOrder(printed, [
      '> reject give 5 % discount',
      'Discount 5 %',
      'in version 2',
      'Warm regards',
      '> approve',
    ]);
    const reply = printed.slice(printed.indexOf(REACHED_THE_CUSTOMER));
    inOrder(reply, ['Discount 5 %', '€8,880.12', 'Warm regards']);
    const digests = new Set(printed.match(/sha256:[0-9a-f]{64}/g));
    assert.equal(digests.size, 3, 'every version has a digest of its own');
  });

  it('shows the question of an agent, and takes the answer of a person', async () => {
    const { code, printed } = await sandbox(
      'approve',
      'write Do you sell sofas, and would you quote one?',
      'answer 2 Heron chairs',
      'approve',
      'quit',
    );
    assert.equal(code, 0, printed);
    inOrder(printed, [
      REACHED_THE_CUSTOMER,
      'The agent asks:',
      'sofas',
      REACHED_THE_CUSTOMER,
      '2 pieces  Heron chair',
    ]);
  });

  it('ends with status 1 when a command from a pipe cannot be done', async () => {
    const { code, printed, errors } = await sandbox('approve', 'approve', 'dance', 'quit');
    assert.equal(code, 1, printed);
    inOrder(printed, [REACHED_THE_CUSTOMER, 'The sandbox ends.']);
    assert.match(printed, /No draft waits/);
    assert.match(printed, /There is no command dance/);
    assert.match(errors, /2 could not be done/);
  });
});

async function sandbox(...lines: string[]) {
  const child = spawn(process.execPath, ['src/main.ts', 'sandbox'], {
    cwd: PROJECT,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [printed, errors, code] = await Promise.all([readAll(child.stdout), readAll(child.stderr), ended]);
  return { code, printed, errors };
}

function inOrder(text: string, parts: readonly (string | RegExp)[]): void {
  let rest = text;
  for (const part of parts) {
    const found = typeof part === 'string' ? rest.indexOf(part) : (part.exec(rest)?.index ?? -1);
    assert.ok(found >= 0, `${part} is missing, or out of order, in:\n${text}`);
    rest = rest.slice(found + 1);
  }
}
