// `postern source …` and the same source from Dovecot and from Cyrus, with gaps in the numbering of UIDs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import type { SourceEvent } from '../../src/contracts/source.ts';
import { accountOf, SERVERS, type Server, USER } from '../connector/servers.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import type { ImapClient } from '../support/imap-client.ts';
import { requireService } from '../support/services.ts';
import { eventMails } from './event-mails.ts';

const OFFER_TEXT = 'The offer, für Sie.';

for (const [name, start] of Object.entries(SERVERS)) {
  describe(`the commands of a source, on ${name}`, {
    skip: requireService(name as 'dovecot' | 'cyrus'),
  }, () => {
    let server: Server;
    let client: ImapClient;
    let gateway: TestGateway;

    before(async () => {
      server = await start();
      client = await server.client(USER);
      for (const subject of ['one', 'two', 'three']) await put(subject);
      gateway = await startGateway();
      const { status } = await gateway.request('POST', '/v1/accounts', accountOf(name, server.imapPort));
      assert.equal(status, 201);
    });
    after(async () => {
      client?.close();
      await gateway?.[Symbol.asyncDispose]();
      await server?.stop();
    });

    const put = (subject: string): Promise<unknown> =>
      client.command(
        'APPEND INBOX () ',
        Buffer.from(
          `From: a@b.example\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@b.example>\r\n\r\nHello\r\n`,
        ),
      );

    async function postern(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      stdin.end();
      const settings = { url: gateway.url, adminToken: ADMIN_TOKEN, tokenFile: '', rulesDir: '' };
      const said = Promise.all([text(stdout), text(stderr)]);
      const code = await runCli(argv, { stdin, stdout, stderr, settings });
      stdout.end();
      stderr.end();
      const [out, err] = await said;
      return { code, out, err };
    }

    async function streamed(...argv: string[]): Promise<SourceEvent[]> {
      const { code, out, err } = await postern('source', 'stream', 'sink', '--no-follow', ...argv);
      assert.equal(code, 0, err);
      return out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as SourceEvent);
    }

    const subjects = (events: readonly SourceEvent[]): string[] =>
      events.flatMap((event) => (event.type === 'message' ? [event.message.subject] : []));

    it('opens a source and lists it', async () => {
      const opened = await postern('source', 'open', name, 'sink', '--mailboxes', 'INBOX');
      assert.equal(opened.code, 0, opened.err);
      const { out } = await postern('source', 'list');
      assert.match(out, /^src_\w+ +sink /m);
    });

    it('streams lines of JSON, again until they are acknowledged', async () => {
      assert.deepEqual(subjects(await streamed()), ['one', 'two', 'three']);
      assert.deepEqual(subjects(await streamed('--content', 'text', '--acknowledge')), [
        'one',
        'two',
        'three',
      ]);
      assert.deepEqual(subjects(await streamed()), []);
    });

    it('goes on behind a gap in the numbering', async () => {
      for (let at = 0; at < 5; at++) await put('passing');
      await client.command('SELECT INBOX');
      await client.command('UID STORE 1,4:8 +FLAGS (\\Deleted)');
      await client.command('EXPUNGE');
      await put('behind');
      assert.deepEqual(subjects(await streamed()), ['behind']);
    });

    it('streams events, and downloads what they refer to', async () => {
      const mail = [
        'Subject: event',
        'Content-Type: application/pdf; name="a.pdf"',
        'Content-Transfer-Encoding: base64',
        '',
        Buffer.from('%PDF-1.4').toString('base64'),
        '',
      ];
      await client.command('APPEND INBOX () ', Buffer.from(mail.join('\r\n')));
      const flags = ['--content', 'event', '--attachment-retention-days', '1', '--journal', '--acknowledge'];
      const event = (await streamed(...flags))
        .flatMap((one) => (one.type === 'event' ? [one.event] : []))
        .at(-1);
      assert.equal(event?.data.message.subject, 'event');
      const [part] = event?.data.message.parts ?? [];
      assert.equal(part?.hashes?.md5, createHash('md5').update('%PDF-1.4').digest('hex'));
      const { out } = await postern('artifact', 'download', String(part?.artifact?.id));
      assert.equal(out, '%PDF-1.4');
      const listed = await postern('artifact', 'list', '--event', String(event?.routing.event_id));
      assert.match(listed.out, /^obj_\w+ .* a\.pdf +application\/pdf +8 /m);
      assert.deepEqual(
        await streamed(...flags).then((events) => events.filter(({ type }) => type === 'event')),
        [],
      );
    });

    it('opens the reports of a journal', async () => {
      for (const inside of ['plain mail', 'mail with files'])
        await client.command('APPEND INBOX () ', eventMails.get(`journal of a ${inside}`) as Buffer);
      const events = (
        await streamed('--content', 'event', '--include-attachments', '--journal', '--acknowledge')
      ).flatMap((one) => (one.type === 'event' ? [one.event.data] : []));
      const shown = events.map(({ journal, message }) => [
        journal?.sender,
        message.subject,
        message.text.trim(),
        message.parts.map(({ path, size, body_text }) => [path, size, body_text?.trim() ?? null]),
      ]);
      assert.deepEqual(shown, [
        ['anna@prospect.example', 'Plain', 'Only text.', [['2.1', 12, 'Only text.']]],
        [
          'anna@prospect.example',
          'Offer',
          OFFER_TEXT,
          [
            ['2.1', 20, OFFER_TEXT],
            ['2.2', 300, null],
          ],
        ],
      ]);
      assert.deepEqual(events[1]?.message.parts[0]?.headers['x-inner'], ['1', '2']);
    });

    it('seeks, and removes', async () => {
      assert.equal((await postern('source', 'seek', 'sink', 'zero')).code, 0);
      assert.deepEqual(subjects(await streamed()), [
        'two',
        'three',
        'behind',
        'event',
        'The report',
        'The report',
      ]);
      assert.equal((await postern('source', 'seek', 'sink', 'now')).code, 0);
      assert.deepEqual(subjects(await streamed()), []);
      assert.equal((await postern('source', 'remove', 'sink')).code, 0);
      const gone = await postern('source', 'stream', 'sink');
      assert.equal(gone.code, 1);
      assert.match(gone.err, /not_found/);
    });
  });
}
