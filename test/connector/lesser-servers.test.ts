// Servers that offer less than they could, and servers that answer wrongly: what is missing is made up for or refused,
// and half an answer is never taken for a whole one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { accountOf, deliverMails, USER } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Json = Record<string, any>;

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.[Symbol.asyncDispose]());

const addAccount = (label: string, port: number) =>
  gateway.request('POST', '/v1/accounts', { ...accountOf(label, port), timeout_ms: 3000 });
const call = (label: string, operation: string, input: Json = {}) =>
  gateway.request<Json>('POST', `/v1/accounts/${label}/imap/${operation}`, input);

describe('a server with nothing but the basics', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot({ bareCapabilities: true, users: { [USER]: DEFAULT_PASSWORD } });
    await deliverMails(await dovecot.client(USER));
    await addAccount('bare', dovecot.imapPort);
  });
  after(() => dovecot?.stop());

  it('is listed with its counts all the same', async () => {
    const { body } = await call('bare', 'list_mailboxes');
    const inbox = body.mailboxes.find(({ path }: Json) => path === 'INBOX');
    assert.deepEqual([inbox.messages, inbox.unseen, inbox.highest_modseq], [5, 3, null]);
  });

  it('is searched, but not by what it does not know', async () => {
    const { body } = await call('bare', 'search_messages', {
      criteria: { or: [{ seen: true }, { subject: 'Stühle' }] },
    });
    assert.equal(body.matched, 3);
    const unknown = await call('bare', 'search_messages', { criteria: { modseq: 1 } });
    assert.deepEqual([unknown.status, unknown.body.code], [422, 'search_unsupported']);
  });

  it('says under which UID an appended mail lies', async () => {
    const raw_base64 = Buffer.from('Subject: new\r\n\r\n.').toString('base64');
    const { body } = await call('bare', 'append_message', { mailbox: 'Archive', raw_base64 });
    const { body: back } = await call('bare', 'fetch_message', { mailbox: 'Archive', uid: body.uid });
    assert.equal(back.subject, 'new');
  });

  it('expunges only when nothing else would go too', async () => {
    await dovecot.setFlags(USER, 1, '+FLAGS', ['\\Deleted']);
    for (const [operation, more] of [
      ['delete_message', { expunge: true }],
      ['move_message', { to: 'Archive' }],
    ] as const) {
      const { status, body } = await call('bare', operation, { mailbox: 'INBOX', uid: 2, ...more });
      assert.deepEqual([status, body.code], [409, 'expunge_unsafe'], operation);
    }
    const kept = await dovecot.list(USER);
    assert.deepEqual(
      kept.map(({ uid, flags }) => [uid, flags.includes('\\Deleted')]),
      [
        [1, true],
        [2, false],
        [3, false],
        [4, false],
        [5, false],
      ],
    );
    await dovecot.setFlags(USER, 1, '-FLAGS', ['\\Deleted']);
    const { status } = await call('bare', 'delete_message', { mailbox: 'INBOX', uid: 2, expunge: true });
    assert.equal(status, 200);
    const moved = await call('bare', 'move_message', { mailbox: 'INBOX', uid: 3, to: 'Archive' });
    assert.equal(moved.status, 200, JSON.stringify(moved.body));
    assert.deepEqual(
      (await dovecot.list(USER)).map(({ uid }) => uid),
      [1, 4, 5],
    );
  });
});

describe('a search that is not answered whole', () => {
  const servers: Server[] = [];
  let connections = 0;
  after(() => {
    for (const server of servers) server.close();
  });

  /** An IMAP server that takes every sign-in and answers a search with the given lines. */
  async function saying(label: string, capabilities: string, answer: (tag: string, socket: Socket) => void) {
    const server = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      socket.write(`* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ${capabilities}] ready\r\n`);
      let input = '';
      socket.on('data', (chunk) => {
        input += chunk.toString('latin1');
        for (let end = input.indexOf('\r\n'); end >= 0; end = input.indexOf('\r\n')) {
          const line = input.slice(0, end);
          input = input.slice(end + 2);
          const tag = line.split(' ')[0] ?? '';
          if (/ LIST /i.test(line)) socket.write('* LIST () "/" INBOX\r\n');
          if (/ CAPABILITY/i.test(line)) socket.write(`* CAPABILITY IMAP4rev1 ${capabilities}\r\n`);
          if (/ EXAMINE /i.test(line))
            socket.write('* 5 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 6] .\r\n');
          if (/ SEARCH /i.test(line)) answer(tag, socket);
          else socket.write(`${tag} OK done\r\n`);
        }
      });
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { status } = await addAccount(label, (server.address() as AddressInfo).port);
    assert.equal(status, 201);
    return call(label, 'search_messages', {});
  }

  it('is an error where the server counts more than it names', async () => {
    const { status, body } = await saying('short', 'ESEARCH', (tag, socket) =>
      socket.write(`* ESEARCH (TAG "${tag}") UID COUNT 5 ALL 1:3\r\n${tag} OK done\r\n`),
    );
    assert.deepEqual([status, body.code], [502, 'search_incomplete']);
  });

  it('is an error where it names more than there can be, and fills no memory', async () => {
    const { body } = await saying('endless', 'ESEARCH', (tag, socket) =>
      socket.write(`* ESEARCH (TAG "${tag}") UID ALL 1:4294967295\r\n${tag} OK done\r\n`),
    );
    assert.equal(body.code, 'search_incomplete');
  });

  it('is an error where the connection breaks after the first of two answers', async () => {
    const { body } = await saying('broken', '', (_tag, socket) => {
      socket.write('* SEARCH 1 2\r\n', () => socket.destroy());
    });
    assert.equal(body.code, 'connection_lost');
  });

  it('is an error where the server says no, in its own words, and the connection stays', async () => {
    connections = 0;
    const { status, body } = await saying('unwilling', '', (tag, socket) =>
      socket.write(`${tag} NO [LIMIT] Too much work\r\n`),
    );
    assert.deepEqual([status, body.code], [502, 'search_refused']);
    assert.match(body.detail ?? '', /Too much work/);
    assert.equal((await call('unwilling', 'search_messages', {})).body.code, 'search_refused');
    assert.equal(connections, 1);
  });

  it('ends at the time limit of the account where no answer comes', async () => {
    const { status, body } = await saying('silent', '', () => undefined);
    assert.deepEqual([status, body.code], [504, 'timeout']);
  });
});
