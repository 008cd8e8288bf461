// The machine sleeps: the whole gateway stands still for a while, and hears nothing of what befalls its connections.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import type { MessageView } from '../../src/contracts/mail.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway } from '../support/gateway.ts';
import { type Failure, startProxy } from '../support/proxy.ts';
import { requireService } from '../support/services.ts';
import { mail } from './house.ts';

const ASLEEP_MS = 1_500;

describe('a gateway that slept', { skip: requireService('dovecot'), concurrency: true }, () => {
  let dovecot: Dovecot;
  let count = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  const meanwhile: [string, Failure | null][] = [
    ['and whose connection is still there', null],
    ['and whose server hung up meanwhile', 'end'],
    ['and whose connection was reset meanwhile', 'reset'],
    ['and whose connection was forgotten by a firewall meanwhile', 'half-open'],
  ];
  for (const [words, failure] of meanwhile) {
    it(`${words} takes in what came, once`, async () => {
      const user = `user${++count}`;
      await dovecot.addUser(user);
      await using proxy = await startProxy(dovecot.imapPort);
      await using gateway = await startGateway();
      const account = await gateway.addAccount({
        label: user,
        address: `${user}@company.example`,
        imap: { host: '127.0.0.1', port: proxy.port, security: 'none' },
        smtp: { host: '127.0.0.1', port: 1, security: 'none' },
        require_tls: false,
        timeout_ms: 2_000,
        auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
        watch: { interval: '1s' },
      });
      const subjects = async (): Promise<string[]> =>
        (await gateway.get<{ data: MessageView[] }>('/v1/messages')).data
          .map(({ subject }) => subject)
          .sort();
      await dovecot.deliver(user, mail('a, before'));
      await gateway.until(async () => (await subjects()).includes('a, before'));

      process.kill(gateway.pid, 'SIGSTOP');
      if (failure) proxy.strike(failure);
      await dovecot.deliver(user, mail('b, asleep'));
      await new Promise((resolve) => setTimeout(resolve, ASLEEP_MS)); // nobody tells that nothing happens
      process.kill(gateway.pid, 'SIGCONT');

      await gateway.until(async () => (await subjects()).includes('b, asleep'));
      await dovecot.deliver(user, mail('c, awake'));
      await gateway.until(async () => (await subjects()).includes('c, awake'));
      assert.deepEqual(await subjects(), ['a, before', 'b, asleep', 'c, awake']);
      const { status } = await gateway.get<AccountView>(`/v1/accounts/${account.id}`);
      assert.deepEqual([status.state, status.last_error], ['idle', null]);
      assert.equal(status.reconnects, failure === null ? 0 : 1);
    });
  }
});
