// `postern sandbox`: the whole way of a mail on one screen, with no account anywhere. A customer writes, an agent drafts,
// a person approves, the reply leaves.
import { parseArgs } from 'node:util';
import type { AccountCheck, AccountInput, AccountView } from '../contracts/account.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { runCommands, turnOfThePerson } from './commands.ts';
import { FIRST_MAIL, writeAsCustomer } from './customer.ts';
import { showDeliveries } from './customer-inbox.ts';
import { Follower } from './follower.ts';
import { startGateway } from './gateway.ts';
import { GatewayClient } from './gateway-client.ts';
import type { MailWorld } from './mail-world.ts';
import { CUSTOMER, SALES, startMailWorld } from './mail-world.ts';
import { narrate, showDraft } from './narration.ts';
import { Terminal } from './terminal.ts';
import { waysToDecide } from './ways-to-decide.ts';

/**
 * Runs until the person types `quit` or the input ends. Commands are read from the terminal or from a pipe.
 * @param args what stands after `postern sandbox`: `--keep` leaves the data folder behind
 * @throws PosternError `usage`; `command_refused` when a command from a pipe was; or what went wrong
 */
export async function runSandbox(args: readonly string[]): Promise<void> {
  const keep = keepsData(args);
  const terminal = new Terminal(process.stdin, process.stdout);
  const interrupt = (): void => terminal.interrupt();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    await play(terminal, keep);
  } catch (error) {
    if (!terminal.interrupted.aborted) throw error;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    terminal.end();
  }
}

async function play(terminal: Terminal, keep: boolean): Promise<void> {
  await using stack = new AsyncDisposableStack();
  terminal.print('Postern sandbox', 'bold');
  terminal.print('A small world of mail inside this process. Nothing in it reaches another machine.\n');

  const world = await startMailWorld();
  stack.defer(() => world.stop());
  terminal.step(
    'mail',
    `${SALES.address} is the mailbox that Postern watches (IMAP, port ${world.sales.port}).`,
  );
  terminal.step(
    'mail',
    `${CUSTOMER.address} is the mailbox of the customer (IMAP, port ${world.customer.port}).`,
  );
  terminal.step('mail', `Both send over one SMTP server (port ${world.smtp.port}).`);

  const { app, folder, stop } = await startGateway(keep);
  stack.defer(stop);
  terminal.step(
    'postern',
    `The gateway listens at ${app.url}. Its data: ${folder}${keep ? '' : ' (until the end)'}`,
  );
  const client = new GatewayClient(app.url, app.adminToken);
  stack.defer(() => client.close());

  let waysShown = false;
  const follower = new Follower(
    client,
    (before, after) => {
      for (const step of narrate(before, after)) {
        terminal.step(step.part, step.text, step.bad ? 'red' : 'cyan');
        if (!step.waiting) continue;
        terminal.print(`\n${showDraft(step.waiting)}\n`);
        if (!waysShown) terminal.print(waysToDecide(step.waiting, app.url, app.adminToken));
        waysShown = true;
      }
    },
    terminal.interrupted,
  );
  await follower.start();
  const inbox = showDeliveries(world, follower, terminal);
  stack.defer(() => inbox.stop());

  await addAccount(client, follower, terminal, world);
  terminal.step(
    'customer',
    `${CUSTOMER.name} writes "${FIRST_MAIL.subject}":\n${FIRST_MAIL.text.trimEnd()}`,
    'green',
  );
  await writeAsCustomer(world, FIRST_MAIL);

  const stage = { terminal, client, follower, world, inbox };
  const refused = await runCommands(stage);
  if (!terminal.interactive) await turnOfThePerson(stage);
  await inbox.shown();
  const waiting = follower.now.drafts.filter((draft) => draft.state === 'waiting').length;
  if (waiting > 0)
    terminal.step('drafts', `${waiting === 1 ? 'A draft waits' : `${waiting} drafts wait`}: not sent.`);
  terminal.print('\nThe sandbox ends.');
  if (refused > 0 && !terminal.interactive) {
    throw new PosternError('command_refused', `Of the commands from the pipe, ${refused} could not be done.`);
  }
}

/** Adds the sales mailbox over REST, has the sign-in tested, and waits until its inbox is watched. */
async function addAccount(
  client: GatewayClient,
  follower: Follower,
  terminal: Terminal,
  world: MailWorld,
): Promise<void> {
  const { owner, host, port } = world.sales;
  const input = {
    label: 'sales',
    address: owner.address,
    from: `${owner.name} <${owner.address}>`,
    imap: { host, port, security: 'none' },
    smtp: { ...world.smtp, security: 'none' },
    require_tls: false, // loopback, in one process
    auth: { type: 'basic', username: owner.address, password: owner.password },
  } satisfies Partial<AccountInput>;
  const account = await client.post<AccountView>('/v1/accounts', input);
  terminal.step(
    'accounts',
    `POST /v1/accounts: ${account.label} is ${account.id}; its password lies in the vault.`,
  );
  const check = await client.post<AccountCheck>(`/v1/accounts/${account.id}/test`, {});
  terminal.step('accounts', `Sign-in tested. IMAP: ${check.imap.message} SMTP: ${check.smtp.message}`);
  await follower.until('a watched inbox', (now) =>
    now.accounts.find(({ id, status }) => id === account.id && status.state === 'idle'),
  );
}

/** @throws PosternError `usage` */
function keepsData(args: readonly string[]): boolean {
  try {
    const { values } = parseArgs({ args: [...args], options: { keep: { type: 'boolean', default: false } } });
    return values.keep;
  } catch (error) {
    throw new PosternError('usage', explain(error), { hint: 'Write: postern sandbox [--keep]' });
  }
}
