// A server that cannot be connected to, by way of a proxy before Dovecot: what is shown, and that it passes by itself.
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { after, before, describe, it, mock } from 'node:test';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { mostTriesWithin, setStage } from './fault-stage.ts';

const NAME = 'imap.company.example';

describe('an account is watched again by itself', {
  skip: requireService('dovecot'),
  concurrency: true,
}, () => {
  let dovecot: Dovecot;
  let expired: Dovecot;
  before(async () => {
    dovecot = await startDovecot();
    expired = await startDovecot({ certificate: 'expired' });
  });
  after(async () => {
    await dovecot?.stop();
    await expired?.stop();
  });

  it('after connections were refused', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.refuse();
    stage.proxy.strike('end');
    await stage.bring('while refused');
    await stage.suffers('backing-off', /refuses connections/);
    await stage.proxy.accept();
    await stage.recovers(2);
  });

  it('after new connections were reset, as by a full table of a firewall', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.fault = { at: 'connect', does: 'reset' };
    stage.proxy.strike('reset');
    await stage.bring('while reset');
    await stage.house.until(() => stage.status.reconnects >= 2);
    await stage.suffers('backing-off', /closed the connection/);
    stage.proxy.fault = undefined;
    await stage.recovers(2);
  });

  it('after the server accepted and then dropped, at once and behind the greeting', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.fault = { at: 'connect', does: 'end' };
    const struckAt = performance.now();
    stage.proxy.strike('end');
    await stage.bring('while dropped');
    await stage.house.until(() => stage.status.reconnects >= 2);
    await stage.suffers('backing-off', /connection/);
    stage.proxy.fault = { at: 'connect', afterBytes: 40, does: 'end' };
    await stage.house.until(() => stage.status.reconnects >= 3);
    await stage.suffers('backing-off', /connection/);
    const { accepted } = stage.proxy;
    const most = 1 + mostTriesWithin(performance.now() - struckAt);
    stage.proxy.fault = undefined;
    await stage.recovers(3);
    assert.ok(accepted <= most, `it connected ${accepted} times, where ${most} are the most`);
  });

  it('after the server dropped it behind each sign-in, without signing in many times', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.fault = { at: / (EXAMINE|SELECT) /, does: 'end' };
    stage.proxy.strike('end');
    await stage.bring('while dropped after the sign-in');
    await stage.house.until(() => stage.status.reconnects >= 3);
    await stage.suffers('backing-off', /broke|closed/);
    stage.proxy.fault = undefined;
    await stage.recovers(5);
  });

  for (const security of ['none', 'tls'] as const) {
    it(`after the server hung before ${security === 'tls' ? 'its part of the TLS handshake' : 'its greeting'}`, async () => {
      await using stage = await setStage(dovecot, {
        imap: { security, ca: dovecot.ca },
        throughTls: security === 'tls',
      });
      stage.proxy.fault = { at: 'connect', does: 'mute' };
      stage.proxy.strike('end');
      await stage.bring('while it hung');
      await stage.house.until(() => stage.status.reconnects >= 2);
      await stage.suffers('backing-off', /did not answer/);
      stage.proxy.fault = undefined;
      await stage.recovers(3);
    });
  }

  it('after the server hung in LOGIN', async () => {
    await using stage = await setStage(dovecot);
    stage.proxy.fault = { at: / (LOGIN|AUTHENTICATE) /, does: 'mute' };
    stage.proxy.strike('end');
    await stage.bring('while it hung in LOGIN');
    await stage.house.until(() => stage.status.reconnects >= 2);
    await stage.suffers('backing-off', /did not answer.*sign in/);
    stage.proxy.fault = undefined;
    await stage.recovers(4);
  });

  it('after its name had no address for a while', async () => {
    const { lookup } = dns;
    let known = true;
    const fails = Object.assign(new Error(`getaddrinfo EAI_AGAIN ${NAME}`), {
      code: 'EAI_AGAIN',
      syscall: 'getaddrinfo',
    });
    const mocked = mock.method(dns, 'lookup', (host: string, options: dns.LookupOptions, done: Answer) => {
      if (host !== NAME) return lookup(host, options, done as never);
      if (!known) return done(fails);
      const address = { address: '127.0.0.1', family: 4 };
      return options.all ? done(null, [address]) : done(null, address.address, address.family);
    });
    try {
      await using stage = await setStage(dovecot, { imap: { host: NAME } });
      known = false;
      stage.proxy.strike('end');
      await stage.bring('while it had no address');
      await stage.suffers('backing-off', /imap\.company\.example:\d+ .*(name|address)/);
      known = true;
      await stage.recovers(2);
    } finally {
      mocked.mock.restore();
    }
  });

  it('after its certificate had changed to one that is not to be trusted, and changed back', async () => {
    await using stage = await setStage(dovecot, {
      imap: { security: 'tls', ca: dovecot.ca },
      throughTls: true,
    });
    stage.proxy.backendPort = expired.imapsPort;
    stage.proxy.strike('end');
    await stage.bring('while it had expired');
    await stage.suffers('backing-off', /certificate that has expired/);
    stage.proxy.backendPort = dovecot.imapsPort;
    await stage.recovers(0); // none is seen inside TLS
  });
});

type Answer = (error: Error | null, address?: unknown, family?: number) => void;
