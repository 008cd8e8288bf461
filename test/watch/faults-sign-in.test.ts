// A server that does not let an account in for a while, though its password is right: a throttled sign-in, and a full
// limit of connections. Whoever is told to come back later does not knock, and says so.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ImapClient } from '../support/imap-client.ts';
import { requireService } from '../support/services.ts';
import { setStage } from './fault-stage.ts';

const LIMIT = 3;
const SHORTEST_REST_MS = 45_000; // a minute, less a fifth of jitter and what has passed since

describe('an account that is not let in', { skip: requireService('dovecot'), concurrency: true }, () => {
  let dovecot: Dovecot;
  let narrow: Dovecot;
  before(async () => {
    dovecot = await startDovecot();
    narrow = await startDovecot({ extra: `mail_max_userip_connections = ${LIMIT}` });
  });
  after(async () => {
    await dovecot?.stop();
    await narrow?.stop();
  });

  const throttled = [
    'TAG NO [UNAVAILABLE] Server Unavailable. 15',
    'TAG NO [LIMIT] Too many simultaneous connections. (Failure)',
    'TAG NO [OVERQUOTA] Account exceeded command or bandwidth limits.',
    'TAG BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds',
  ];
  for (const says of throttled) {
    it(`because of “${says.slice(4)}” waits a minute, and its password is not doubted`, async () => {
      await using stage = await setStage(dovecot);
      stage.proxy.fault = { at: / (LOGIN|AUTHENTICATE) /, does: { says } };
      stage.proxy.strike('end');
      await stage.bring('while it was throttled');
      const { next_try_at: next } = await stage.suffers('backing-off', /asks to come back later/);
      assert.ok((next ?? 0) - Date.now() > SHORTEST_REST_MS, 'it comes back soon');
      assert.equal(stage.proxy.signIns, 2);
      stage.proxy.fault = undefined;
      stage.house.watchers.sweep(stage.struck.id); // in place of the minute
      await stage.recovers(3);
    });
  }

  it('because all its connections are taken waits a minute, says so, and is let in when one is free', async () => {
    await using stage = await setStage(narrow);
    stage.proxy.refuse();
    stage.proxy.strike('end');
    await stage.bring('while all were taken'); // over a connection that counts too
    const others: ImapClient[] = [];
    while (others.length < LIMIT - 1)
      others.push(await ImapClient.open(narrow.imapPort, stage.user, DEFAULT_PASSWORD));
    await stage.proxy.accept();
    const full = /asks to come back later.*Maximum number of connections/;
    const { next_try_at: next } = await stage.suffers('backing-off', full);
    assert.ok((next ?? 0) - Date.now() > SHORTEST_REST_MS, 'it comes back soon');
    assert.equal(stage.proxy.signIns, 2);
    for (const other of others) other.close();
    stage.house.watchers.sweep(stage.struck.id); // in place of the minute
    await stage.recovers(3);
  });
});
