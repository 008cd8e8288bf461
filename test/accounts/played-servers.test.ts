// Tests of servers that no real one plays: their STARTTLS was cut out, they never stop talking, they know who is a stranger.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { imap, names, PASSWORD, smtp, stepOf, type Where } from './checks.ts';

describe('with require_tls nothing secret is said in the clear', () => {
  /** Speaks `lines` in turn, one at each command, and keeps what it hears. */
  async function recorder(lines: readonly string[]) {
    let heard = '';
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      const left = [...lines];
      const say = () => {
        const next = left.shift();
        if (next !== undefined) socket.write(next);
      };
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
        say();
      });
      say();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      heard: () => heard,
      connections: () => connections,
      [Symbol.dispose]: () => void server.close(),
    };
  }
  const secret = new RegExp(
    `${PASSWORD}|${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}|LOGIN|AUTH`,
  );

  it('an IMAP server whose STARTTLS was cut out hears no password', async () => {
    using server = await recorder(['* OK [CAPABILITY IMAP4rev1] ready\r\n', 'p1 BAD unknown\r\n']);
    const check = await imap({ port: server.port, security: 'starttls' }, { timeout_ms: 1_000 });
    assert.equal(check.code, 'tls_refused');
    assert.doesNotMatch(server.heard(), secret);
  });

  it('an SMTP server whose STARTTLS was cut out hears no password', async () => {
    using server = await recorder(['220 mx ESMTP\r\n', '250-mx\r\n250 AUTH PLAIN\r\n']);
    const check = await smtp({ port: server.port, security: 'starttls' }, { timeout_ms: 1_000 });
    assert.equal(check.code, 'tls_refused');
    assert.doesNotMatch(server.heard(), secret);
  });

  it('an answer that comes before the encryption is refused', async () => {
    using server = await recorder(['* OK ready\r\n', 'p1 OK begin\r\n* CAPABILITY AUTH=PLAIN\r\n']);
    const check = await imap({ port: server.port, security: 'starttls' }, { timeout_ms: 1_000 });
    assert.equal(check.code, 'tls_refused');
    assert.match(check.message, /before the encryption began/);
  });

  it('an endpoint without encryption is not even connected to', async () => {
    using server = await recorder(['* OK ready\r\n']);
    for (const test of [imap, smtp]) {
      const check = await test({ port: server.port, security: 'none' });
      assert.deepEqual([check.code, names(check)], ['tls_refused', ['settings']]);
    }
    assert.equal(server.connections(), 0);
  });

  it('a server that never stops talking is cut off', async () => {
    using server = await recorder([`* OK ${'x'.repeat(200_000)}`]);
    const check = await imap(
      { port: server.port, security: 'none' },
      { require_tls: false, timeout_ms: 2_000 },
    );
    assert.equal(check.code, 'connection_lost');
    assert.match(check.message, /more than a mail server does/);
  });

  it('a server that says nothing is waited for as long as the account says', async () => {
    using server = await recorder([]);
    const check = await imap(
      { port: server.port, security: 'none' },
      { require_tls: false, timeout_ms: 1_000 },
    );
    assert.deepEqual([check.code, names(check).at(-1)], ['timeout', 'greeting']);
  });
});

describe('a server that refuses mailboxes to clients it does not know', () => {
  /** As NetEase: LOGIN works for everybody, SELECT only after ID, which it does not announce. */
  async function unsafe() {
    const server = createServer((socket) => {
      let knows = false;
      socket.on('error', () => undefined);
      socket.write('* OK Coremail\r\n');
      let rest = '';
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString('latin1')).split('\r\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [tag = '', command = ''] = line.split(' ');
          const verb = command.toUpperCase();
          if (verb === 'CAPABILITY') socket.write('* CAPABILITY IMAP4rev1 UIDPLUS\r\n');
          if (verb === 'LIST') socket.write('* LIST () "/" INBOX\r\n');
          if (verb === 'ID') knows = /"?Postern"?/.test(line);
          if ((verb === 'SELECT' || verb === 'EXAMINE') && !knows) {
            socket.write(`${tag} NO ${verb} Unsafe Login. Please contact support\r\n`);
            continue;
          }
          if (verb === 'SELECT' || verb === 'EXAMINE')
            socket.write('* 0 EXISTS\r\n* FLAGS ()\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 1] ok\r\n');
          socket.write(`${tag} OK done\r\n`);
          if (verb === 'LOGOUT') socket.end();
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
  }

  it('is told by its hint, and works with the preset', async () => {
    using server = await unsafe();
    const where: Where = { port: server.port, security: 'none' };
    const unknown = await imap(where, { require_tls: false });
    assert.deepEqual([unknown.ok, unknown.code], [false, 'client_refused'], JSON.stringify(unknown));
    assert.match(unknown.hint ?? '', /provider to netease/);
    const known = await imap(where, { require_tls: false, provider: 'netease' });
    assert.equal(known.ok, true, JSON.stringify(known));
    assert.match(stepOf(known, 'mailboxes').hint ?? '', /no Sent mailbox/);
  });
});
