// Every connector operation against Dovecot and Cyrus, over REST: the same calls, and the same answers where the
// standard says so.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SearchCriteria } from '../../src/contracts/connector.ts';
import { DEFAULT_PASSWORD } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { type ImapClient, quoted } from '../support/imap-client.ts';
import { requireService } from '../support/services.ts';
import { mails } from './mails.ts';
import { accountOf, deliverMails, SERVERS, type Server, USER } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Json = Record<string, any>;

const answers: Record<string, Record<string, unknown>> = {};

for (const [name, start] of Object.entries(SERVERS)) {
  describe(`the connector on ${name}`, { skip: requireService(name as 'dovecot' | 'cyrus') }, () => {
    let server: Server;
    let client: ImapClient;
    let gateway: TestGateway;
    let uidValidity = 0;

    before(async () => {
      server = await start();
      client = await server.client(USER);
      await deliverMails(client);
      gateway = await startGateway();
      const { status, body } = await gateway.request(
        'POST',
        '/v1/accounts',
        accountOf(name, server.imapPort),
      );
      assert.equal(status, 201, JSON.stringify(body));
    });
    after(async () => {
      client?.close();
      await server?.stop();
      await gateway?.[Symbol.asyncDispose]();
    });

    async function call(operation: string, input: Json = {}, headers: Record<string, string> = {}) {
      return gateway.request<Json>('POST', `/v1/accounts/${name}/imap/${operation}`, input, headers);
    }

    async function ok(operation: string, input: Json = {}): Promise<Json> {
      const { status, body } = await call(operation, input);
      assert.equal(status, 200, `${operation}: ${JSON.stringify(body)}`);
      return body;
    }

    async function refused(code: string, operation: string, input: Json = {}): Promise<Json> {
      const { status, body } = await call(operation, input);
      assert.equal(body.code, code, `${operation}: ${status} ${JSON.stringify(body)}`);
      return { status, ...body };
    }

    /** Kept, and held against the other server's at the end. */
    function same(what: string, answer: unknown): void {
      answers[name] ??= {};
      (answers[name] as Json)[what] = answer;
    }

    const put = async (mailbox: string, subject: string, flags = ''): Promise<number> => {
      const raw = Buffer.from(`From: a@b.example\r\nSubject: ${subject}\r\n\r\nText\r\n`);
      const { tagged } = await client.command(`APPEND ${quoted(mailbox)} (${flags}) `, raw);
      return Number(/APPENDUID \d+ (\d+)/.exec(tagged)?.[1]);
    };

    const found = async (criteria: SearchCriteria): Promise<number[]> => {
      const { data } = await ok('search_messages', { criteria, limit: 100, order: 'oldest' });
      return data.map((row: Json) => row.uid);
    };

    it('validates', async () => {
      const check = await ok('validate');
      assert.equal(check.ok, true, JSON.stringify(check));
      assert.ok(check.capabilities.includes('UIDPLUS'));
    });

    it('lists mailboxes with counts, special use and subscription', async () => {
      const { mailboxes } = await ok('list_mailboxes');
      const inbox = mailboxes.find(({ path }: Json) => path === 'INBOX');
      assert.equal(inbox.messages, 5);
      assert.equal(inbox.unseen, 3);
      assert.equal(inbox.uid_next, 6);
      assert.equal(inbox.subscribed, true);
      assert.match(inbox.highest_modseq, /^\d+$/);
      uidValidity = inbox.uid_validity;
      assert.ok(uidValidity > 0);
      same(
        'mailboxes',
        mailboxes.map(({ path, name: last, delimiter, special_use, selectable }: Json) => ({
          path,
          last,
          delimiter,
          special_use,
          selectable,
        })),
      );
      const quick = await ok('list_mailboxes', { counts: false });
      assert.equal(quick.mailboxes[0].messages, null);
    });

    it('shows what a search found without its content', async () => {
      const page = await ok('search_messages', { criteria: { subject: 'invoice' } });
      assert.equal(page.matched, 1);
      const { uid_validity, ...row } = page.data[0];
      assert.equal(uid_validity, uidValidity);
      assert.deepEqual(row.from, { name: '', address: 'supplier@parts.example' });
      assert.equal(row.internal_date, '2026-03-03T10:00:00.000Z');
      assert.equal(row.date, '2026-02-15T08:00:00.000Z');
      assert.equal(row.attachments[0].filename, 'invoice.pdf');
      assert.equal(row.size, Buffer.byteLength(mails[2]?.raw ?? ''));
      same('row', row);
    });

    const SEARCHES: [string, SearchCriteria, number[]][] = [
      ['everything', {}, [1, 2, 3, 4, 5]],
      ['from', { from: 'anna@prospect' }, [1, 4]],
      ['to', { to: 'anna' }, [5]],
      ['cc', { cc: 'boss' }, [2]],
      ['subject', { subject: 'desks' }, [1, 4]],
      ['subject in another script', { subject: 'Stühle' }, [2]],
      ['subject with quotes', { subject: '"in quotes" \\ and' }, [5]],
      ['body', { body: 'attached' }, [3]],
      ['body in another script', { body: 'zwölf' }, [2]],
      ['text', { text: 'spring' }, [1]],
      ['message id', { message_id: '<4@prospect.example>' }, [4]],
      ['header', { header: [{ name: 'X-Campaign', value: 'spring' }] }, [1]],
      ['a header that is there', { header: [{ name: 'References' }] }, [4]],
      ['since', { since: '2026-03-03' }, [3, 4, 5]],
      ['before', { before: '2026-03-03' }, [1, 2]],
      ['on', { on: '2026-03-03' }, [3]],
      ['sent since', { sent_since: '2026-03-02' }, [2, 4, 5]],
      ['sent before', { sent_before: '2026-03-01' }, [3]],
      ['sent on', { sent_on: '2026-02-15' }, [3]],
      ['larger', { larger: 900 }, [3]],
      ['smaller', { smaller: 900 }, [1, 2, 4, 5]],
      ['seen', { seen: true }, [1, 4]],
      ['unseen', { seen: false }, [2, 3, 5]],
      ['answered', { answered: true }, [4]],
      ['flagged', { flagged: true }, [2]],
      ['draft', { draft: true }, [5]],
      ['deleted', { deleted: true }, []],
      ['keyword', { keyword: ['$Urgent'] }, [2]],
      ['no keyword', { unkeyword: ['$Urgent'] }, [1, 3, 4, 5]],
      ['uid ranges', { uid: '1:2,4' }, [1, 2, 4]],
      ['modseq', { modseq: 1 }, [1, 2, 3, 4, 5]],
      ['both', { from: 'anna', seen: true, since: '2026-03-02' }, [4]],
      [
        'any of three',
        { or: [{ subject: 'invoice' }, { flagged: true }, { draft: true, to: 'anna' }] },
        [2, 3, 5],
      ],
      ['neither', { not: { from: 'anna', seen: true } }, [2, 3, 5]],
      [
        'any and any',
        {
          and: [{ or: [{ seen: true }, { flagged: true }] }, { or: [{ from: 'anna' }, { from: 'nobody' }] }],
        },
        [1, 4],
      ],
      ['nothing', { from: 'nobody@nowhere.example' }, []],
    ];
    for (const [what, criteria, uids] of SEARCHES) {
      it(`searches by ${what}`, async () => assert.deepEqual(await found(criteria), uids));
    }

    it('gives pages by UID, newest first, as long as the account says', async () => {
      const first = await ok('search_messages', {});
      assert.deepEqual(
        first.data.map(({ uid }: Json) => uid),
        [5, 4, 3],
      );
      assert.equal(first.matched, 5);
      // A mail that comes between two pages shifts nothing.
      const uid = await put('INBOX', 'between');
      const second = await ok('search_messages', { page_token: first.next_page_token });
      assert.deepEqual(
        second.data.map((row: Json) => row.uid),
        [2, 1],
      );
      assert.equal(second.next_page_token, null);
      await ok('delete_message', { mailbox: 'INBOX', uid, expunge: true });
    });

    it('gives pages oldest first', async () => {
      const first = await ok('search_messages', { order: 'oldest', limit: 4 });
      const second = await ok('search_messages', {
        order: 'oldest',
        limit: 4,
        page_token: first.next_page_token,
      });
      assert.deepEqual(
        [...first.data, ...second.data].map(({ uid }: Json) => uid),
        [1, 2, 3, 4, 5],
      );
      await refused('invalid_input', 'search_messages', { page_token: first.next_page_token });
      await refused('invalid_input', 'search_messages', { page_token: 'nonsense' });
    });

    it('refuses what cannot be searched by, and searches that make no sense', async () => {
      await refused('search_unsupported', 'search_messages', { criteria: { gmail_raw: 'has:attachment' } });
      await refused('invalid_input', 'search_messages', { criteria: { fron: 'anna' } });
      await refused('invalid_input', 'search_messages', { criteria: { since: 'yesterday' } });
      await refused('invalid_input', 'search_messages', { criteria: { subject: 'a\r\nb LOGOUT' } });
      await refused('invalid_input', 'search_messages', { limit: 1001 });
      await refused('mailbox_missing', 'search_messages', { mailbox: 'No/Such' });
      const deep = `{"criteria":${'{"not":'.repeat(100_000)}{}${'}'.repeat(100_000)}}`;
      const response = await fetch(`${gateway.url}/v1/accounts/${name}/imap/search_messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        body: deep,
      });
      assert.equal(((await response.json()) as Json).code, 'invalid_input');
    });

    it('fetches metadata, text and bytes, and leaves the message unseen', async () => {
      const at = { mailbox: 'INBOX', uid: 3 };
      const metadata = await ok('fetch_message', { ...at, content: 'metadata' });
      assert.equal(metadata.text, null);
      assert.deepEqual(metadata.headers['message-id'], ['<3@parts.example>']);
      const body = await ok('fetch_message', at);
      assert.equal(body.text.trim(), 'The invoice is attached.');
      assert.equal(body.truncated, false);
      const raw = await ok('fetch_message', { ...at, content: 'raw' });
      assert.equal(Buffer.from(raw.raw_base64, 'base64').toString(), mails[2]?.raw);
      assert.equal(raw.truncated, false);
      const { uid_validity: _, ...rest } = body;
      same('fetched', rest);
      assert.deepEqual(await found({ seen: true }), [1, 4]);
    });

    it('streams the bytes of a message, or says why not', async () => {
      const download = (input: Json) =>
        fetch(`${gateway.url}/v1/accounts/${name}/imap/download_message`, {
          method: 'POST',
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify(input),
        });
      const large = Buffer.from(`Subject: large\r\n\r\n${'0123456789abcdef\r\n'.repeat(50_000)}`);
      await client.command('APPEND Junk ', large);
      const response = await download({ mailbox: 'Junk', uid: 1 });
      assert.equal(response.headers.get('content-type'), 'message/rfc822');
      assert.ok(large.equals(Buffer.from(await response.arrayBuffer())));
      const gone = await download({ mailbox: 'Junk', uid: 99 });
      assert.equal(gone.status, 410);
      await client.command(
        'APPEND Junk ',
        Buffer.from(`Subject: larger\r\n\r\n${'x'.repeat(1_000_000)}\r\n`),
      );
      const tooLarge = await download({ mailbox: 'Junk', uid: 2 });
      assert.deepEqual([tooLarge.status, ((await tooLarge.json()) as Json).code], [413, 'mail_too_large']);
      // Somebody who goes away in the middle holds up nobody who comes after.
      const abort = new AbortController();
      const left = await fetch(`${gateway.url}/v1/accounts/${name}/imap/download_message`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ mailbox: 'Junk', uid: 1 }),
        signal: abort.signal,
      });
      assert.equal(left.status, 200);
      abort.abort();
      assert.equal((await ok('fetch_message', { mailbox: 'INBOX', uid: 1 })).uid, 1);
      assert.doesNotMatch(gateway.log(), /"level":"error"/);
    });

    it('cuts at the byte limit and says so', async () => {
      const at = { mailbox: 'INBOX', uid: 3 };
      const raw = await ok('fetch_message', { ...at, content: 'raw', max_bytes: 100 });
      assert.equal(Buffer.from(raw.raw_base64, 'base64').toString(), mails[2]?.raw.slice(0, 100));
      assert.equal(raw.truncated, true);
      const body = await ok('fetch_message', { ...at, max_bytes: 5 });
      assert.equal(body.text, 'The i');
      assert.equal(body.truncated, true);
    });

    it('reads another script right', async () => {
      const { subject, from, text } = await ok('fetch_message', { mailbox: 'INBOX', uid: 2 });
      assert.equal(subject, 'Angebot für Stühle');
      assert.equal(from.name, 'Jürg');
      assert.equal(text.trim(), 'Bitte zwölf Stühle.');
    });

    it('knows a stale UIDVALIDITY, and a message that is not there', async () => {
      const stale = await refused('uid_validity_changed', 'fetch_message', {
        mailbox: 'INBOX',
        uid: 1,
        uid_validity: uidValidity - 1,
      });
      assert.equal(stale.status, 409);
      await ok('fetch_message', { mailbox: 'INBOX', uid: 1, uid_validity: uidValidity });
      for (const [operation, more] of [
        ['update_flags', { add: ['\\Seen'] }],
        ['delete_message', {}],
        ['move_message', { to: 'Archive' }],
      ] as const) {
        const at = { mailbox: 'INBOX', uid: 1, uid_validity: uidValidity - 1 };
        assert.equal((await refused('uid_validity_changed', operation, { ...at, ...more })).status, 409);
        await refused('message_gone', operation, { mailbox: 'INBOX', uid: 4_000_000, ...more });
      }
      assert.equal(
        (await refused('message_gone', 'fetch_message', { mailbox: 'INBOX', uid: 99 })).status,
        410,
      );
      await refused('not_found', 'fetch_message', { message: 'msg_nowhere' });
      await refused('invalid_input', 'fetch_message', { mailbox: 'INBOX' });
      await refused('invalid_input', 'fetch_message', { mailbox: 'INBOX', uid: 1, message: 'msg_1' });
    });

    it('adds and removes flags, and says which there are then', async () => {
      const at = { mailbox: 'INBOX', uid: 1, uid_validity: uidValidity };
      const added = await ok('update_flags', { ...at, add: ['\\Flagged', 'Project-X'], remove: ['\\Seen'] });
      assert.deepEqual(added.flags, ['Project-X', '\\Flagged']);
      const removed = await ok('update_flags', {
        ...at,
        add: ['\\Seen'],
        remove: ['\\Flagged', 'Project-X'],
      });
      assert.deepEqual(removed.flags, ['\\Seen']);
      await refused('flags_refused', 'update_flags', { ...at, add: ['\\Recent'] });
      await refused('invalid_input', 'update_flags', { ...at, add: ['two words'] });
      await refused('invalid_input', 'update_flags', at);
    });

    it('makes mailboxes, once', async () => {
      assert.deepEqual(await ok('create_mailbox', { mailbox: 'Work/Quotes & Söhne' }), {
        mailbox: 'Work/Quotes & Söhne',
        created: true,
      });
      assert.equal((await ok('create_mailbox', { mailbox: 'Work/Quotes & Söhne' })).created, false);
      const { mailboxes } = await ok('list_mailboxes');
      const made = mailboxes.find(({ path }: Json) => path === 'Work/Quotes & Söhne');
      assert.deepEqual([made.name, made.messages, made.subscribed], ['Quotes & Söhne', 0, true]);
    });

    it('appends a mail, from JSON and as bytes', async () => {
      const raw = 'From: a@b.example\nSubject: Appended\n\nLine one\nLine two\n';
      const appended = await ok('append_message', {
        mailbox: 'Work/Appended',
        create: true,
        raw_base64: Buffer.from(raw).toString('base64'),
        flags: ['\\Seen', 'Imported'],
        internal_date: '2026-01-02T03:04:05Z',
      });
      assert.equal(appended.mailbox, 'Work/Appended');
      const at = { mailbox: 'Work/Appended', uid: appended.uid, uid_validity: appended.uid_validity };
      const back = await ok('fetch_message', { ...at, content: 'raw' });
      assert.equal(Buffer.from(back.raw_base64, 'base64').toString(), raw.replaceAll('\n', '\r\n'));
      assert.deepEqual(back.flags, ['Imported', '\\Seen']);
      assert.equal(back.internal_date, '2026-01-02T03:04:05.000Z');

      const response = await fetch(
        `${gateway.url}/v1/accounts/${name}/imap/append_message?mailbox=Work%2FAppended&flags=%5CFlagged`,
        {
          method: 'POST',
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'message/rfc822' },
          body: raw,
        },
      );
      const second = (await response.json()) as Json;
      assert.equal(response.status, 200, JSON.stringify(second));
      assert.equal(second.uid, appended.uid + 1);
      const flagged = await ok('fetch_message', { mailbox: 'Work/Appended', uid: second.uid });
      assert.deepEqual(flagged.flags, ['\\Flagged']);
    });

    it('refuses to append what is no mail or too large', async () => {
      const raw = (text: string) => ({ mailbox: 'INBOX', raw_base64: Buffer.from(text).toString('base64') });
      await refused('invalid_input', 'append_message', raw('a\0b'));
      await refused('invalid_input', 'append_message', { mailbox: 'INBOX', raw_base64: '!!!' });
      await refused('invalid_input', 'append_message', { mailbox: 'INBOX' });
      assert.equal(
        (await refused('mail_too_large', 'append_message', raw('x'.repeat(1_000_001)))).status,
        413,
      );
      await refused('mailbox_missing', 'append_message', {
        ...raw('Subject: a\r\n\r\nb'),
        mailbox: 'No/Such',
      });
    });

    it('moves a message, and says where it lies then', async () => {
      const uid = await put('INBOX', 'to be moved', '\\Seen');
      const moved = await ok('move_message', { mailbox: 'INBOX', uid, to: 'Work/Moved', create: true });
      assert.equal(moved.mailbox, 'Work/Moved');
      const there = await ok('fetch_message', {
        mailbox: 'Work/Moved',
        uid: moved.uid,
        uid_validity: moved.uid_validity,
      });
      assert.deepEqual([there.subject, there.flags], ['to be moved', ['\\Seen']]);
      await refused('message_gone', 'fetch_message', { mailbox: 'INBOX', uid });
      await refused('mailbox_missing', 'move_message', { mailbox: 'INBOX', uid: 1, to: 'No/Such' });
    });

    it('marks as deleted, and expunges one message and no other', async () => {
      const [first, second, third] = [
        await put('Trash', 'a'),
        await put('Trash', 'b'),
        await put('Trash', 'c'),
      ];
      const marked = await ok('delete_message', { mailbox: 'Trash', uid: first });
      assert.deepEqual([marked.flags, marked.expunged], [['\\Deleted'], false]);
      const expunged = await ok('delete_message', { mailbox: 'Trash', uid: second, expunge: true });
      assert.equal(expunged.expunged, true);
      const left = await ok('search_messages', { mailbox: 'Trash', order: 'oldest' });
      assert.deepEqual(
        left.data.map(({ uid, flags }: Json) => [uid, flags]),
        [
          [first, ['\\Deleted']],
          [third, []],
        ],
      );
    });

    it('does a change with an idempotency key once', async () => {
      const input = {
        mailbox: 'Work/Appended',
        raw_base64: Buffer.from('Subject: once\r\n\r\n.').toString('base64'),
      };
      const key = { 'idempotency-key': 'append-once' };
      const first = await call('append_message', input, key);
      const again = await call('append_message', input, key);
      assert.equal(first.status, 200);
      assert.deepEqual(again.body, first.body);
      const { matched } = await ok('search_messages', {
        mailbox: 'Work/Appended',
        criteria: { subject: 'once' },
      });
      assert.equal(matched, 1);
    });

    it('understands a raw mail', async () => {
      const parsed = await ok('parse_message', {
        raw_base64: Buffer.from(mails[2]?.raw ?? '').toString('base64'),
      });
      assert.equal(parsed.metadata.subject, 'Invoice 7');
      assert.equal(parsed.content.text.trim(), 'The invoice is attached.');
      assert.equal(parsed.attachments[0].filename, 'invoice.pdf');
      assert.equal(parsed.attachments[0].part, '2');
      same('parsed', parsed);
    });

    it('keeps, tests and runs a stored query', async () => {
      const path = `/v1/accounts/${name}/queries`;
      const saved = await gateway.request<Json>('POST', path, {
        name: 'annas-mail',
        criteria: { from: 'anna' },
        order: 'oldest',
      });
      assert.equal(saved.status, 200, JSON.stringify(saved.body));
      const test = await gateway.request<Json>('POST', `${path}/annas-mail/test`, {});
      assert.deepEqual([test.body.ok, test.body.matched, test.body.rows.length], [true, 2, 2]);
      const run = await gateway.request<Json>('POST', `${path}/annas-mail/run`, { limit: 1 });
      assert.deepEqual([run.body.data[0].uid, run.body.matched], [1, 2]);
      assert.ok(run.body.next_page_token);
      const bad = await gateway.request<Json>('POST', path, { name: 'bad', criteria: { nonsense: 1 } });
      assert.equal(bad.status, 400);
      await gateway.request('POST', path, { name: 'lost', mailbox: 'No/Such' });
      const lost = await gateway.request<Json>('POST', `${path}/lost/test`, {});
      assert.deepEqual([lost.body.ok, lost.body.code], [false, 'mailbox_missing']);
      const list = await gateway.get<Json>(path);
      assert.deepEqual(
        list.data.map((query: Json) => query.name),
        ['annas-mail', 'lost'],
      );
      assert.equal((await gateway.request('DELETE', `${path}/lost`)).status, 204);
      assert.equal((await gateway.request('POST', `${path}/lost/run`, {})).status, 404);
    });

    it('has recorded who asked what, and no content', async () => {
      const { data } = await gateway.get<{ data: Json[] }>('/v1/audit?limit=1000');
      const of = (operation: string) => data.filter((entry) => entry.operation === operation);
      for (const operation of [
        ...[
          'validate',
          'list_mailboxes',
          'search_messages',
          'fetch_message',
          'update_flags',
          'delete_message',
        ],
        ...['parse_message', 'append_message', 'create_mailbox', 'move_message', 'download_message'],
      ])
        assert.ok(of(`imap.${operation}`).length > 0, operation);
      assert.ok(of('imap.search_messages').some((entry) => entry.code === 'mailbox_missing'));
      const change = of('imap.update_flags').find((entry) => entry.outcome === 'ok') as Json;
      assert.match(change.target, /^acc_\w+\/INBOX;uidvalidity=\d+;uid=1$/);
      const begun = data.find((entry) => entry.request_id === change.request_id && entry.outcome === 'begun');
      assert.ok(begun && begun.id < change.id);
      assert.equal(change.principal, 'key:admin');
      const text = JSON.stringify(data);
      for (const secret of ['desks', 'prospect', DEFAULT_PASSWORD, 'Stühle'])
        assert.ok(!text.includes(secret), secret);
    });
  });
}

it('both servers gave the same answers', (t) => {
  if (!answers.dovecot || !answers.cyrus) return t.skip('only one server is here');
  for (const what of Object.keys(answers.dovecot))
    assert.deepEqual(answers.cyrus[what], answers.dovecot[what], what);
});
