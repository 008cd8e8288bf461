// Many accounts on one Dovecot, one watched mailbox each: ours as one gateway, the baseline as one process of bare
// ImapFlow connections. Both are started from nothing and are ready when the last mailbox is in IDLE.
import { fileURLToPath } from 'node:url';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../test/support/gateway.ts';
import { type ServerProcess, startProcess } from '../test/support/process.ts';
import type { IdleTask } from './baselines/idle.ts';

const READY_LIMIT_MS = 300_000;
const SIGN_IN_CONCURRENCY = 16; // of the baseline: more or fewer are slower here (docs/performance.md)
const SEED_CONCURRENCY = 8;

// One process of Dovecot serves many connections: a process for each would weigh more than what is measured.
const DOVECOT_EXTRA = 'service imap {\n  client_limit = 50\n  service_count = 0\n  vsz_limit = 1G\n}\n';

export const userOf = (index: number): string => `user${index}`;

/** Users 0 to `count` - 1, whose mailboxes are there already. */
export async function startCrowdedDovecot(count: number): Promise<Dovecot> {
  const users = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [userOf(index), DEFAULT_PASSWORD]),
  );
  return startDovecot({ users, extra: DOVECOT_EXTRA });
}

/** Something that holds mailboxes in IDLE, and is to be ended. */
export interface Idlers extends AsyncDisposable {
  readonly pid: number;
  /** From when the process has loaded its code, and ours listens, until the last is in IDLE. */
  readonly readyMs: number;
  /** The same from the start of the process on. */
  readonly sinceStartMs: number;
}

export interface Crowd {
  dovecot: Dovecot;
  accounts: number;
  tls: boolean;
}

/** A gateway's folder whose ledger holds the accounts; nothing of it runs. */
export async function seedGateway({ dovecot, accounts, tls }: Crowd): Promise<TestGateway> {
  const gateway = await prepareGateway({ env: { POSTERN_ROLES: 'api' } });
  await gateway.start();
  const endpoint = {
    host: '127.0.0.1',
    port: tls ? dovecot.imapsPort : dovecot.imapPort,
    security: tls ? 'tls' : 'none',
    ...(tls ? { ca: dovecot.ca } : {}),
  };
  const waiting = Array.from({ length: accounts }, (_, index) => index);
  const seed = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      const { status, body } = await gateway.request('POST', '/v1/accounts', {
        label: userOf(index),
        address: `${userOf(index)}@receiver.example`,
        imap: endpoint,
        smtp: endpoint,
        require_tls: tls,
        auth: { type: 'basic', username: userOf(index), password: DEFAULT_PASSWORD },
      });
      if (status !== 201) throw new Error(`an account was not added: ${JSON.stringify(body)}`);
    }
  };
  await Promise.all(Array.from({ length: SEED_CONCURRENCY }, seed));
  await gateway.stop();
  return gateway;
}

/** Starts the gateway of a seeded folder; ready when every account says that it is idle. It watches once it listens. */
export async function startOurs(
  seeded: TestGateway,
  accounts: number,
  env: Record<string, string>,
): Promise<Idlers> {
  const startedAt = performance.now();
  seeded.setEnv({ ...env, POSTERN_ROLES: 'watch,work,api' });
  await seeded.launch();
  let listensAt = startedAt;
  seeded.onOutput((text) => {
    if (text.includes('"url":')) listensAt = performance.now();
  });
  if (!(await seeded.ready())) throw new Error(`the gateway did not start:\n${seeded.log()}`);
  const idle = new Set<string>();
  const limit = AbortSignal.timeout(READY_LIMIT_MS);
  const hung = new AbortController();
  const events = seeded.events(AbortSignal.any([limit, hung.signal]));
  await events.next(); // from here on nothing is missed
  for (const id of await idleAccounts(seeded)) idle.add(id);
  while (idle.size < accounts) {
    const { value: event, done } = await events.next();
    if (done) throw new Error(`${idle.size} of ${accounts} are idle:\n${seeded.log().slice(-4_000)}`);
    if (event?.type !== 'watch.changed') continue;
    const { account_id: id, state } = event.data as { account_id: string; state: string };
    if (state === 'idle') idle.add(id);
    else idle.delete(id);
  }
  const now = performance.now();
  hung.abort();
  return {
    pid: seeded.pid,
    readyMs: now - listensAt,
    sinceStartMs: now - startedAt,
    [Symbol.asyncDispose]: () => seeded.kill(),
  };
}

async function idleAccounts(gateway: TestGateway): Promise<string[]> {
  const { data } = await gateway.get<{ data: { id: string; status: { state: string } }[] }>('/v1/accounts');
  return data.filter(({ status }) => status.state === 'idle').map(({ id }) => id);
}

/** The same mailboxes by bare ImapFlow, in a process of their own. */
export async function startBare(
  { dovecot, accounts, tls }: Crowd,
  env: Record<string, string>,
  concurrency = SIGN_IN_CONCURRENCY,
): Promise<Idlers> {
  const task: IdleTask = {
    port: tls ? dovecot.imapsPort : dovecot.imapPort,
    users: Array.from({ length: accounts }, (_, index) => userOf(index)),
    password: DEFAULT_PASSWORD,
    concurrency,
    ...(tls ? { ca: dovecot.ca } : {}),
  };
  const script = fileURLToPath(new URL('baselines/idle.ts', import.meta.url));
  const startedAt = performance.now();
  const child = await startProcess(process.execPath, [script, JSON.stringify(task)], {
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  const readyMs = await allIdle(child);
  return {
    pid: child.pid,
    readyMs,
    sinceStartMs: performance.now() - startedAt,
    [Symbol.asyncDispose]: () => child.stop(),
  };
}

/** How long the baseline took by its own clock. */
function allIdle(child: ServerProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the baseline ${why}:\n${child.output()}`));
    const timer = setTimeout(() => fail('is not ready'), READY_LIMIT_MS);
    void child.ended.then(() => fail('ended'));
    const look = (): void => {
      const ready = /\{"ready":\d+,"ms":([\d.]+)\}/.exec(child.output());
      if (!ready) return;
      clearTimeout(timer);
      resolve(Number(ready[1]));
    };
    child.onOutput(look);
    look();
  });
}
