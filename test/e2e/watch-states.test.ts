// What a person sees over REST of how an account is watched: every state it enters, and why. And two processes that
// watch the same mailbox on the same ledger.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';

const RULES = `
agents:
  listener:
    run: { command: [node, -e, 'console.log(JSON.stringify({ actions: [{ type: "done", summary: "heard" }] }))'] }
    may: { reply: never }
    limits: { per_sender: 1000/1h, per_day: 1000 }
rules:
  - { name: all mail, mailbox: INBOX, then: [{ spawn: listener }] }
`;
const MAILS = 25;
const CANARY = 'canary-wrong-password';

const mail = (id: string): string =>
  [
    'From: Ann <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${id}`,
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    '',
    'Hello.',
    '',
  ].join('\r\n');

describe('a watched account over REST', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD, twins: DEFAULT_PASSWORD } });
    gateway = await startGateway({ rules: { 'rules.yaml': RULES } });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });
  const input = (username: string, more: object = {}) => ({
    label: username,
    address: `${username}@company.example`,
    imap: { host: '127.0.0.1', port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
    smtp: { host: '127.0.0.1', port: 1, security: 'tls' },
    auth: { type: 'basic', username, password: DEFAULT_PASSWORD },
    watch: { interval: '1h' },
    ...more,
  });
  const show = (): Promise<AccountView> => gateway.get<AccountView>('/v1/accounts/sales');
  const patch = async (change: object): Promise<void> => {
    const { status, body } = await gateway.request('PATCH', '/v1/accounts/sales', change);
    assert.equal(status, 200, JSON.stringify(body));
  };
  const enters = (state: string): Promise<AccountView> =>
    gateway.until(async () => {
      const account = await show();
      return account.status.state === state && account;
    });

  it('shows each state that it enters, since when, and why', async () => {
    const auth = { type: 'basic', username: 'sales', password: CANARY };
    const { status } = await gateway.request('POST', '/v1/accounts', input('sales', { auth }));
    assert.equal(status, 201);
    const rejected = await enters('needs-sign-in');
    assert.match(rejected.status.last_error ?? '', /refused the user name or the password/);
    assert.equal(rejected.mailboxes.INBOX?.state, 'needs-sign-in');

    await patch({ auth: { ...auth, password: DEFAULT_PASSWORD } });
    const idle = await enters('idle');
    assert.equal(idle.status.last_error, null);
    assert.ok((idle.status.last_alive_at ?? 0) >= rejected.status.since);
    assert.ok(idle.status.since >= rejected.status.since);

    await dovecot.kick('sales');
    const broken = await enters('backing-off');
    assert.match(broken.status.last_error ?? '', /./);
    assert.equal((await enters('idle')).status.reconnects, 1);

    await patch({ watch: { mailboxes: ['INBOX', 'Nowhere'] } });
    const partly = await gateway.until(async () => {
      const { mailboxes } = await show();
      return mailboxes.INBOX?.state === 'idle' && mailboxes.Nowhere?.state === 'backing-off' && mailboxes;
    });
    assert.match(partly.Nowhere?.last_error ?? '', /Nowhere.*postern imap mailboxes/);

    await patch({ watch: { mailboxes: ['INBOX'], mode: 'poll' } });
    await enters('polling');
    await patch({ active: false });
    const stopped = await enters('stopped');
    assert.deepEqual(stopped.mailboxes, {});
    assert.ok(!gateway.log().includes(CANARY));
  });

  it('that two processes watch starts one session for each mail', async () => {
    await gateway.addAccount(input('twins'));
    const twin = new TestGateway(gateway.folder, {});
    try {
      await twin.start();
      await twin.until(
        async () => (await twin.get<AccountView>('/v1/accounts/twins')).status.state === 'idle',
      );
      for (let at = 0; at < MAILS; at++) await dovecot.deliver('twins', mail(`twin-${at}`));
      const look = async () => {
        const found = await gateway.sessions();
        return found.length >= MAILS && found.every(({ state }) => state === 'done') && found;
      };
      // Live events tell of one's own process only: the last session ends in one of them.
      const sessions = await Promise.any([gateway.until(look), twin.until(look)]);
      assert.equal(sessions.length, MAILS);
      assert.deepEqual(
        sessions.map(({ turns }) => turns),
        Array(MAILS).fill(1),
      );
      const messages = await gateway.get<{ data: unknown[] }>('/v1/messages?limit=1000');
      assert.equal(messages.data.length, MAILS);
      const letters = await gateway.get<{ data: unknown[] }>('/v1/dead-letters');
      assert.deepEqual(letters.data, []);
    } finally {
      await twin.stop();
    }
  });
});
