// Every connector operation from the command line, against Dovecot and Cyrus.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import { operations } from '../../src/api/operations.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import type { ImapClient } from '../support/imap-client.ts';
import { requireService } from '../support/services.ts';
import { mails } from './mails.ts';
import { accountOf, deliverMails, SERVERS, type Server, USER } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Json = Record<string, any>;

for (const [name, start] of Object.entries(SERVERS)) {
  describe(`the connector's commands on ${name}`, {
    skip: requireService(name as 'dovecot' | 'cyrus'),
  }, () => {
    let server: Server;
    let client: ImapClient;
    let gateway: TestGateway;
    const used = new Set<string>();

    before(async () => {
      server = await start();
      client = await server.client(USER);
      await deliverMails(client);
      gateway = await startGateway();
      const { status } = await gateway.request('POST', '/v1/accounts', accountOf(name, server.imapPort));
      assert.equal(status, 201);
      await writeFile(join(gateway.folder, 'mail.eml'), mails[2]?.raw ?? '');
    });
    after(async () => {
      client?.close();
      await gateway?.[Symbol.asyncDispose]();
      await server?.stop();
    });

    async function postern(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
      used.add(argv.slice(0, 2).join(' '));
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      stdin.end();
      const settings = { url: gateway.url, adminToken: ADMIN_TOKEN, tokenFile: '', rulesDir: '' };
      const code = await runCli(argv, { stdin, stdout, stderr, settings });
      await new Promise((resolve) => setImmediate(resolve));
      const text = (stream: PassThrough): string => String(stream.read() ?? '');
      return { code, out: text(stdout), err: text(stderr) };
    }

    async function json(...argv: string[]): Promise<Json> {
      const { code, out, err } = await postern(...argv, '--json');
      assert.equal(code, 0, err);
      return JSON.parse(out) as Json;
    }

    it('lists mailboxes as a table', async () => {
      const { out } = await postern('imap', 'list-mailboxes', name);
      assert.match(out, /^PATH +SPECIAL USE +MESSAGES +UNSEEN +SUBSCRIBED$/m);
      assert.match(out, /^INBOX +\\Inbox +5 +3 +yes$/m);
      assert.match(out, /^Sent +\\Sent +0 +0 +(yes|no)$/m);
    });

    it('validates', async () => assert.equal((await json('imap', 'validate', name)).ok, true));

    it('searches by flags and shows what it found', async () => {
      const { out, err } = await postern(
        'imap',
        'search-messages',
        name,
        '--from',
        'anna',
        '--seen',
        '--order',
        'oldest',
      );
      assert.equal(err, '');
      assert.deepEqual(out.match(/^\d+/gm)?.map(Number), [1, 4], out);
      const found = await json(
        'imap',
        'search-messages',
        name,
        '--keyword',
        '$Urgent',
        '--no-seen',
        '--uid',
        '1:3',
      );
      assert.deepEqual(
        found.data.map((row: Json) => row.uid),
        [2],
      );
      const { err: more } = await postern('imap', 'search_messages', name, '--limit', '2');
      assert.match(more, /add --page-token /);
      const wrong = await postern('imap', 'search-messages', name, '--since', 'yesterday');
      assert.equal(wrong.code, 2);
      assert.match(wrong.err, /--since: /);
    });

    it('fetches a message', async () => {
      const { out } = await postern('imap', 'fetch-message', name, '--mailbox', 'INBOX', '--uid', '3');
      assert.match(out, /The invoice is attached\./);
      const raw = await json(
        'imap',
        'fetch-message',
        name,
        '--mailbox',
        'INBOX',
        '--uid',
        '3',
        '--content',
        'raw',
      );
      assert.equal(Buffer.from(raw.raw_base64, 'base64').toString(), mails[2]?.raw);
    });

    it('gives the bytes of a message', async () => {
      const { out } = await postern('imap', 'download-message', name, '--mailbox', 'INBOX', '--uid', '3');
      assert.equal(out, mails[2]?.raw);
    });

    it('changes flags', async () => {
      const at = ['imap', 'update-flags', name, '--mailbox', 'INBOX', '--uid', '1'];
      assert.deepEqual((await json(...at, '--add', '\\Flagged', '--add', 'Later')).flags, [
        'Later',
        '\\Flagged',
        '\\Seen',
      ]);
      assert.deepEqual((await json(...at, '--remove', '\\Flagged', '--remove', 'Later')).flags, ['\\Seen']);
    });

    it('makes a mailbox, appends a file, moves and deletes the message', async () => {
      assert.equal((await json('imap', 'create-mailbox', name, 'Cli')).created, true);
      const file = join(gateway.folder, 'mail.eml');
      const { uid } = await json(
        'imap',
        'append-message',
        name,
        'Cli',
        '--raw',
        file,
        '--flags',
        '\\Seen',
        '--flags',
        'A',
      );
      const moved = await json(
        'imap',
        'move-message',
        name,
        'Moved',
        '--mailbox',
        'Cli',
        '--uid',
        String(uid),
        '--create',
      );
      assert.equal(moved.mailbox, 'Moved');
      const at = [
        '--mailbox',
        'Moved',
        '--uid',
        String(moved.uid),
        '--uid-validity',
        String(moved.uid_validity),
      ];
      const there = await json('imap', 'fetch-message', name, ...at);
      assert.deepEqual([there.subject, there.flags], ['Invoice 7', ['A', '\\Seen']]);
      assert.equal((await json('imap', 'delete-message', name, ...at, '--expunge')).expunged, true);
      const gone = await postern('imap', 'fetch-message', name, ...at);
      assert.equal(gone.code, 1);
      assert.match(gone.err, /message_gone/);
    });

    it('understands a file', async () => {
      const { metadata } = await json(
        'imap',
        'parse-message',
        name,
        '--raw',
        join(gateway.folder, 'mail.eml'),
      );
      assert.equal(metadata.subject, 'Invoice 7');
    });

    it('keeps, tests, runs and forgets a query', async () => {
      await json('query', 'save', name, 'annas', '--from', 'anna', '--mailbox', 'INBOX');
      assert.match((await postern('query', 'list', name)).out, /^annas +INBOX +newest/m);
      const { out } = await postern('query', 'test', name, 'annas');
      assert.match(out, /The query works: it finds 2 messages in INBOX\./);
      assert.equal((await json('query', 'run', name, 'annas', '--limit', '1')).data[0].uid, 4);
      assert.equal((await postern('query', 'remove', name, 'annas')).code, 0);
      assert.equal((await postern('query', 'run', name, 'annas')).code, 1);
    });

    it('shows the audit', async () => {
      const { out } = await postern('audit', 'list', '--operation', 'imap.delete_message');
      assert.match(out, /key:admin +imap\.delete_message +acc_\w+\/Moved;uidvalidity=\d+;uid=\d+ +ok/);
    });

    it('has a command for each operation', () => {
      for (const { name: operation, cli } of operations)
        if (/^(imap|query)\./.test(operation) && operation !== 'imap.mailbox_source')
          assert.ok(used.has(cli?.words.join(' ') ?? ''), operation);
    });
  });
}
