// SQL over real parts: a gateway, its ledger and a Dovecot with two accounts. Every example of docs/sql.md runs here.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Problem } from '../../src/contracts/page.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';

interface Answer {
  columns: string[];
  rows: (string | number | null)[][];
}

const mail = (from: string, subject: string, id: string): string =>
  [
    `From: ${from}`,
    'To: Sales <sales@company.example>, "Käthe" <k@company.example>',
    `Subject: ${subject}`,
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    '',
    'Hello',
    '',
  ].join('\r\n');

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const page = await readFile(new URL('../../docs/sql.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```sql\n(.*?)```/gs)].map((match) => match[1] as string);

describe('SQL', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD, support: DEFAULT_PASSWORD } });
    gateway = await startGateway({ rules: { 'rules.yaml': 'rules: []\n' } });
    await dovecot.deliver('sales', mail('Ann <ann@prospect.example>', '=1+1', '1'));
    await dovecot.deliver('sales', mail('Bob <bob@prospect.example>', 'Desks', '2'));
    await dovecot.deliver('support', mail('Ann <ann@prospect.example>', '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=', '3'));
    for (const label of ['sales', 'support']) {
      await gateway.addAccount({
        label,
        address: `${label}@company.example`,
        imap: { host: '127.0.0.1', port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
        smtp: { host: '127.0.0.1', port: 1, security: 'none' },
        require_tls: false,
        auth: { type: 'basic', username: label, password: DEFAULT_PASSWORD },
        watch: { from_zero: true },
      });
    }
    await gateway.until(async () => (await read('select id from messages')).rows.length === 3);
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  async function read(query: string, params?: unknown): Promise<Answer> {
    const body = params === undefined ? { query } : { query, params };
    const answer = await gateway.request<Answer>('POST', '/v1/sql', body);
    assert.equal(answer.status, 200, `${query}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async function refused(query: string, params?: unknown): Promise<Problem> {
    const body = params === undefined ? { query } : { query, params };
    const answer = await gateway.request<Problem>('POST', '/v1/sql', body);
    assert.notEqual(answer.status, 200, query);
    return answer.body as Problem;
  }

  for (const [i, example] of examples.entries()) {
    it(`runs example ${i + 1} of its page: ${example.split('\n')[0]}`, async () => {
      const { columns } = await read(example);
      assert.ok(columns.length > 0);
    });
  }

  it('joins what two accounts have on their servers with what the ledger knows', async () => {
    const query = examples.find((text) => text.includes('with sales as')) ?? '';
    assert.deepEqual(await read(query), {
      columns: ['from_address', 'to_sales', 'to_support'],
      rows: [['ann@prospect.example', '=1+1', 'Grüße']],
    });
    const { rows } = await read(
      `select c.account, c.uid, m.subject, l.mailbox, c."to" ->> 1 ->> 'name'
       from connector_table('imap', 'search_messages', JSON '{"account": ["support", "sales"], "order": "oldest"}') c
       join messages m on m.id = c.id join locations l on l.message_id = m.id and l.uid = c.uid
       order by c.account, c.uid`,
    );
    assert.deepEqual(rows, [
      ['sales', 1, '=1+1', 'INBOX', 'Käthe'],
      ['sales', 2, 'Desks', 'INBOX', 'Käthe'],
      ['support', 1, 'Grüße', 'INBOX', 'Käthe'],
    ]);
  });

  it('asks every active account where none is named, and takes JSON from a parameter', async () => {
    const all = await read(
      "select account, ok from connector_table('imap', 'validate', JSON '{}') order by 1",
    );
    assert.deepEqual(all.rows, [
      ['sales', 1],
      ['support', 1],
    ]);
    const search = JSON.stringify({ account: 'sales', criteria: { subject: 'Desks' } });
    const found = await read("select subject, :x from connector_table('imap', 'search_messages', :s)", {
      s: search,
      x: true,
    });
    assert.deepEqual(found.rows, [['Desks', 1]]);
  });

  it('fetches and parses a message', async () => {
    const fetched = await read(
      `select from_name, text from connector_table('imap', 'fetch_message',
         JSON '{"account": "sales", "mailbox": "INBOX", "uid": 2, "content": "body"}')`,
    );
    assert.equal(fetched.rows[0]?.[0], 'Bob');
    assert.match(String(fetched.rows[0]?.[1]), /^Hello/);
    const raw = Buffer.from(mail('Eve <eve@x.example>', 'Hi', '9')).toString('base64');
    const parsed = await read(
      "select account, subject, from_address, text from connector_table('imap', 'parse_message', ?)",
      [JSON.stringify({ account: 'sales', raw_base64: raw })],
    );
    assert.deepEqual(parsed.rows, [['sales', 'Hi', 'eve@x.example', 'Hello']]);
  });

  it('takes what stands in the JSON for data, whatever it is', async () => {
    for (const name of ["'; drop table messages; --", 'sales") --', '../../etc/passwd', 'acc_x', '']) {
      const { code } = await refused("select * from connector_table('imap', 'list_mailboxes', ?)", [
        JSON.stringify({ account: name }),
      ]);
      assert.ok(code === 'not_found' || code === 'sql_invalid', `${name}: ${code}`);
    }
    for (const json of [
      '{"account": "sales", "mailbox": "INBOX\\r\\nA1 DELETE INBOX"}',
      '{"account": "sales", "criteria": {"subject": "x\\r\\nA1 LOGOUT"}}',
      '{"account": "sales", "__proto__": {"id": "x"}}',
      '{"account": "sales", "id": "x"}',
      '{"account": {"id": 1}}',
      '[]',
      'null',
      '{',
    ]) {
      const { code } = await refused("select * from connector_table('imap', 'search_messages', ?)", [json]);
      assert.equal(code, 'sql_invalid', json);
    }
    assert.equal((await read('select count(*) from messages')).rows[0]?.[0], 3);
  });

  it('calls nothing that changes something', async () => {
    for (const operation of [
      'delete_message',
      'update_flags',
      'append_message',
      'move_message',
      'validate2',
    ]) {
      const { code, detail } = await refused(
        `select * from connector_table('imap', '${operation}', JSON '{}')`,
      );
      assert.equal(code, 'sql_invalid');
      assert.match(detail, /SQL knows no operation/);
    }
  });

  it('says which account failed', async () => {
    const { detail, code } = await refused(
      `select * from connector_table('imap', 'search_messages', JSON '{"account": "sales", "mailbox": "Nowhere"}')`,
    );
    assert.equal(code, 'mailbox_missing');
    assert.match(detail, /^search_messages of sales: /);
  });

  it('has a bound on what it asks the servers', async () => {
    const one = "select account from connector_table('imap', 'validate', JSON '{}')";
    const { detail } = await refused(Array.from({ length: 11 }, () => one).join(' union all '));
    assert.match(detail, /20 times/);
  });

  it('ends a statement that would run for ever, and others go on meanwhile', async () => {
    const forEver = 'with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n';
    let hasEnded = false;
    const slow = refused(forEver).finally(() => {
      hasEnded = true;
    });
    for (let i = 0; i < 5; i++) await gateway.get('/v1/accounts');
    assert.equal(hasEnded, false);
    assert.equal((await slow).code, 'sql_time_limit');
  });

  it('is a command that shows a table, JSON or CSV', async () => {
    const query = 'select subject, size > 0 as has from messages where account = :a order by subject';
    const out = await command(['sql', query, '--param', 'a=sales']);
    assert.match(out, /^subject\s+has\n=1\+1\s+1\nDesks\s+1\n/);
    assert.deepEqual(JSON.parse(await command(['sql', query, '--param', 'a=sales', '--json'])), {
      columns: ['subject', 'has'],
      rows: [
        ['=1+1', 1],
        ['Desks', 1],
      ],
    });
    const csv = await command(['sql', query, '--params', '{"a":"sales"}', '--format', 'csv']);
    assert.equal(csv, "subject,has\r\n'=1+1,1\r\nDesks,1\r\n");
    const exact = await command(['sql', query, '--params', '{"a":"sales"}', '--format', 'csv', '--exact']);
    assert.equal(exact, 'subject,has\r\n=1+1,1\r\nDesks,1\r\n');
    assert.match(await command(['sql', '--schema']), /^accounts\n.*\n {2}id +text\n/);
  });

  async function command(words: string[]): Promise<string> {
    const env = { POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN };
    return (await promisify(execFile)(process.execPath, [MAIN, ...words], { env })).stdout;
  }
});
