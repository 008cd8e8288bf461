// Mail that is new to a gateway: its mailbox was empty when it was first watched, and was filled while nobody looked.
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PASSWORD, type Dovecot } from '../test/support/dovecot.ts';
import { startGateway, type TestGateway } from '../test/support/gateway.ts';
import type { FetchTask } from './baselines/imap.ts';
import { runBaseline } from './child.ts';
import { LedgerView, requireRealDisk } from './ledger-view.ts';
import { rawMail } from './mails.ts';
import { profilingEnv } from './profiling.ts';
import { rulesYaml } from './rule-set.ts';

const RULES = 1_000;
const APPEND_AT_ONCE = 100; // some 2 MB in one command
const OFF_LIMIT_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** A new user with an empty mailbox, and what a baseline needs to know of it. */
export async function newUser(dovecot: Dovecot, user: string): Promise<FetchTask> {
  await dovecot.addUser(user, DEFAULT_PASSWORD);
  return { port: dovecot.imapPort, user, password: DEFAULT_PASSWORD };
}

export async function fill(dovecot: Dovecot, { user }: FetchTask, mails: number): Promise<void> {
  for (let at = 0; at < mails; at += APPEND_AT_ONCE) {
    const batch = Array.from({ length: Math.min(APPEND_AT_ONCE, mails - at) }, (_, i) => rawMail(at + i));
    await dovecot.deliverMany(user, batch);
  }
}

/** A gateway of its own with all its parts running, that watches the empty mailbox. */
export async function startWatching(task: FetchTask): Promise<{ gateway: TestGateway; accountId: string }> {
  const gateway = await startGateway({ rules: { 'rules.yaml': rulesYaml(RULES) }, env: profilingEnv() });
  requireRealDisk(gateway.folder);
  const endpoint = { host: '127.0.0.1', port: task.port, security: 'none' };
  const { id } = await gateway.addAccount({
    label: 'bench',
    address: 'bench@receiver.example',
    imap: endpoint,
    smtp: endpoint,
    require_tls: false,
    auth: { type: 'basic', username: task.user, password: task.password },
  });
  return { gateway, accountId: id };
}

export async function switchAccount(gateway: TestGateway, id: string, active: boolean): Promise<void> {
  const { status, body } = await gateway.request('PATCH', `/v1/accounts/${id}`, { active });
  if (status !== 200) throw new Error(`the account was not switched: ${JSON.stringify(body)}`);
}

/** Waits until nothing watches the account any more. */
export async function untilOff(gateway: TestGateway, id: string): Promise<void> {
  const endsAt = performance.now() + OFF_LIMIT_MS;
  for (;;) {
    const { status } = await gateway.get<{ status: { state: string } }>(`/v1/accounts/${id}`);
    if (status.state === 'stopped') return;
    if (performance.now() > endsAt) throw new Error(`the account is still ${status.state}`);
    await delay(LOOK_EVERY_MS);
  }
}

/** When the last of the mails was committed, by performance.now(). @throws Error where rows are missing */
export async function untilTaken(gateway: TestGateway, mails: number): Promise<number> {
  const ledger = new LedgerView(gateway);
  try {
    const endedAt = await ledger.until('select last_uid from mailboxes', mails);
    const taken = ledger.value('select count(*) from messages');
    if (taken !== mails) throw new Error(`the ledger has ${String(taken)} messages, not ${mails}`);
    if (!ledger.value('select count(*) from decisions')) throw new Error('no rule matched any mail');
    return endedAt;
  } finally {
    ledger.close();
  }
}

/** How long a baseline takes for the mailbox. @throws Error where it got something else */
export async function baselineMs(name: string, task: FetchTask, mails: number): Promise<number> {
  const { ms, count } = await runBaseline(name, task);
  if (count !== mails) throw new Error(`${name} got ${count} mails, not ${mails}`);
  return ms;
}
