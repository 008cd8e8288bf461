// What a running gateway tells of its own health: over the command line, REST and metrics, and never a secret.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AccountWatch } from '../../src/api/operations/watch.ts';
import type { AccountView } from '../../src/contracts/account.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CANARY = 'canary-open-sesame';

describe('a gateway', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  before(async () => {
    dovecot = await startDovecot({ users: { sales: CANARY } });
    gateway = await startGateway();
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });
  const metrics = async (): Promise<string> => (await gateway.bytes('/metrics')).toString('utf8');
  const postern = async (argv: string[], stdin = '') => {
    const env = { PATH: process.env.PATH ?? '', POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN };
    const running = run(process.execPath, [MAIN, ...argv], { env, cwd: gateway.folder });
    running.child.stdin?.end(stdin);
    return (await running).stdout;
  };
  const input = {
    label: 'sales',
    address: 'private-address@company.example',
    get imap() {
      return { host: '127.0.0.1', port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca };
    },
    smtp: { host: '127.0.0.1', port: 1, security: 'tls' },
    auth: { type: 'basic', username: 'sales', password: CANARY },
    watch: { interval: '1h' },
  };

  it('says that it is alive and ready, and how each mailbox is, without a secret or an address', async () => {
    assert.deepEqual(await gateway.get('/healthz'), { status: 'ok' });
    assert.deepEqual(await gateway.get('/readyz'), { status: 'ready' });
    const { id } = await gateway.addAccount(input);
    await dovecot.deliver('sales', 'Subject: secret-subject\r\nMessage-ID: <1@x.example>\r\n\r\nHello.\r\n');
    await gateway.request('POST', `/v1/watch/${id}/sweep`, {}); // a busy machine's Dovecot is slow to tell
    await gateway.until(
      async () => (await gateway.get<AccountView>(`/v1/accounts/${id}`)).status.received === 1,
    );
    const text = await metrics();
    const place = '{account="sales",mailbox="INBOX"}';
    assert.ok(text.includes(`postern_watch_lag_seconds${place} 0\n`));
    assert.ok(text.includes(`postern_messages_received_total${place} 1\n`));
    assert.ok(text.includes('postern_watch_state{account="sales",mailbox="INBOX",state="idle"} 1\n'));
    assert.match(text, /^postern_event_loop_delay_seconds\{stat="p99"\} \d/m);
    for (const secret of [CANARY, ADMIN_TOKEN, 'private-address', 'secret-subject', 'prospect'])
      assert.ok(!text.includes(secret), `${secret} is in the metrics`);
    assert.equal((await fetch(`${gateway.url}/metrics`)).status, 401);
  });

  it('looks at once when it is asked to, and tells how that went', async () => {
    const { body } = await gateway.request<AccountWatch>('POST', '/v1/watch/sales/sweep', {});
    assert.equal(body.status.state, 'idle');
    assert.equal(body.status.waiting, 0);
    await dovecot.addUser('sales', 'another password');
    await dovecot.kick('sales');
    await gateway.until(async () => {
      const { status } = await gateway.get<AccountView>('/v1/accounts/sales');
      return status.state !== 'idle' && status.next_try_at !== null && status.next_try_at > Date.now();
    });
    const refused = await gateway.request<AccountWatch>('POST', '/v1/watch/sales/sweep', {});
    assert.equal(refused.body.status.state, 'needs-sign-in');
    assert.match(await metrics(), /state="needs-sign-in"\} 1/);
    const shown = await postern(['watch', 'status']);
    assert.match(shown, /^sales +INBOX +needs-sign-in .*refused the user name or the password/m);
  });

  it('tells at the end of the set-up whether the mailbox can be watched', async () => {
    const add = (label: string, password: string): Promise<string> =>
      postern(
        [
          ...['account', 'add', '--label', label, '--address', 'mia@company.example', '--username', 'mia'],
          ...['--imap', `127.0.0.1:${dovecot.imapsPort}`, '--imap-security', 'tls', '--ca', dovecot.caFile],
          ...['--smtp', '127.0.0.1:1', '--smtp-security', 'tls', '--password-stdin'],
        ],
        password,
      );
    await dovecot.addUser('mia', CANARY);
    assert.match(await add('mia', CANARY), /^INBOX: it is watched\.$/m);
    const refused = await add('mia-too', 'a wrong one');
    assert.match(refused, /^INBOX: it is not watched yet \(needs-sign-in\): .*refused the user name/m);
  });
});
