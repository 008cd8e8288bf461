// The README's way from the first start to the first approval, run line by line as it stands there. Only the names of
// the servers, the password and what a person reads off the screen are put in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text as readAll } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { FIRST_MAIL, writeAsCustomer } from '../../src/sandbox/customer.ts';
import { Follower } from '../../src/sandbox/follower.ts';
import { GatewayClient } from '../../src/sandbox/gateway-client.ts';
import type { Delivery, MailWorld } from '../../src/sandbox/mail-world.ts';
import { SALES, startMailWorld } from '../../src/sandbox/mail-world.ts';
import { commandsOf, PROJECT, wordsOf } from './blocks.ts';

describe('the README, followed from the first start to the first approval', () => {
  let world: MailWorld;
  let data: string;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let token: string;
  let follower: Follower;
  let client: GatewayClient;
  const deliveries: Delivery[] = [];

  before(async () => {
    world = await startMailWorld();
    world.onDelivery((delivery) => deliveries.push(delivery));
    data = await mkdtemp(join(tmpdir(), 'postern-readme-'));
    gateway = await startGateway(data);
    token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
    client = new GatewayClient(gateway.url, token);
    follower = new Follower(client, () => undefined, new AbortController().signal);
    await follower.start();
  });

  after(async () => {
    client?.close();
    await gateway?.stop();
    await world?.stop();
    await rm(data, { recursive: true, force: true, maxRetries: 10 });
  });

  it('adds a mailbox, tests its sign-in, and checks the rules', async () => {
    const [start, add, check, ...none] = linesOf('Your first mailbox');
    assert.equal(start, 'npm start');
    assert.deepEqual(none, []);
    const line = (add ?? '')
      .replace('imap.example.org:993', `${world.sales.host}:${world.sales.port}`)
      .replace('smtp.example.org:465', `${world.smtp.host}:${world.smtp.port}`)
      .replaceAll('sales@example.org', SALES.address)
      .replace('--security tls', '--security none --no-require-tls --password-stdin');
    await postern(line, SALES.password);
    const signedIn = await postern(check ?? '');
    assert.match(signedIn, /IMAP +ok.*SMTP +ok/s);

    const [rules] = linesOf('Your first rule');
    assert.match(await postern(rules ?? ''), /are valid: 1 rules, 1 agents/);
    await follower.until('a watched inbox', ({ accounts }) =>
      accounts.find(({ status }) => status.state === 'idle'),
    );
  });

  it('finds, shows and approves the draft of a mail on the command line', async () => {
    await writeAsCustomer(world, FIRST_MAIL);
    const draft = await follower.until('a draft', ({ drafts }) =>
      drafts.find(({ state }) => state === 'waiting'),
    );
    const [list, show, approve, submissions] = linesOf('Your first approval').map((line) =>
      line.replaceAll('DRAFT', draft.id).replaceAll('DIGEST', draft.digest),
    );
    assert.match(await postern(list ?? ''), new RegExp(draft.id));
    const shown = await postern(show ?? '');
    for (const part of [draft.digest, 'Re: Quote for our new office', '€9,347.50'])
      assert.ok(shown.includes(part), part);
    await postern(approve ?? '');
    await follower.until('the mail as sent', (now) => now.submissions.find(({ state }) => state === 'sent'));
    assert.match(await postern(submissions ?? ''), /sub_\w+ +sent/);
    assert.equal(deliveries.at(-1)?.to, 'customer@prospect.example');
  });

  it('does the same over REST, and is refused with 409 for another digest', async () => {
    await writeAsCustomer(world, { subject: 'Another quote', text: '2 lamps\n' });
    const draft = await follower.until('a draft', ({ drafts }) =>
      drafts.find(({ state }) => state === 'waiting'),
    );
    const [list = '', approve = ''] = linesOf('Your first approval').slice(4);
    const waiting = (await (await curl(list)).json()) as { data: { id: string }[] };
    assert.deepEqual(
      waiting.data.map(({ id }) => id),
      [draft.id],
    );
    const named = approve.replace('DRAFT', draft.id);
    const other = await curl(named.replace('DIGEST', `sha256:${'0'.repeat(64)}`));
    assert.equal(other.status, 409);
    const right = await curl(named.replace('DIGEST', draft.digest));
    assert.equal(right.status, 200);
    assert.match(JSON.stringify(await right.json()), /sub_/);
    assert.equal((await curl(`curl ${gateway.url}/v1/openapi.json`)).status, 200);
  });

  /** Runs `npm run postern -- …` without npm, which only starts the same file. */
  async function postern(line: string, stdin = ''): Promise<string> {
    const words = wordsOf(line);
    assert.deepEqual(words.slice(0, 4), ['npm', 'run', 'postern', '--']);
    const child = spawn(process.execPath, ['src/main.ts', ...words.slice(4)], {
      cwd: PROJECT,
      env: environment({ POSTERN_DATA: data, POSTERN_URL: gateway.url }),
    });
    child.stdin.end(stdin);
    const ended = new Promise((resolve) => child.once('close', resolve));
    const [printed, errors, code] = await Promise.all([readAll(child.stdout), readAll(child.stderr), ended]);
    assert.equal(code, 0, `${line}\n${printed}${errors}`);
    return printed;
  }

  function curl(line: string): Promise<Response> {
    const words = wordsOf(line.replace('$TOKEN', token).replace('http://127.0.0.1:3025', gateway.url));
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    let method = 'GET';
    let body: string | undefined;
    let url = '';
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (word === '-X') method = words.shift() ?? '';
      else if (word === '-d') body = words.shift();
      else if (word === '-H') {
        const [name = '', value = ''] = (words.shift() ?? '').split(/:\s*/);
        headers[name.toLowerCase()] = value;
      } else if (word !== 'curl') url = word;
    }
    return fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  }
});

const linesOf = (section: string): string[] =>
  commandsOf('README.md')
    .filter((command) => command.section === section)
    .map(({ line }) => line);

/** `npm start`, on a port that the system chooses. Resolves when it answers. */
async function startGateway(data: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, ['src/main.ts', 'start'], {
    cwd: PROJECT,
    env: environment({ POSTERN_DATA: data, POSTERN_PORT: '0' }),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const log: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      const found = /"url":"(http:[^"]+)"/.exec(line)?.[1];
      if (found) resolve(found);
    });
    void ended.then(() => reject(new Error(`the gateway ended:\n${log.join('\n')}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The environment of this process without settings of Postern, and with these. */
function environment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTERN_'));
  return { ...Object.fromEntries(others), ...settings };
}
