// SQL over HTTP, without a mail server: who may, what a mistake looks like, and that nobody's query outlives its request.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Problem } from '../../src/contracts/page.ts';
import type { SqlSandbox } from '../../src/store/sql-sandbox.ts';
import { accountBody, SESSION_TOKEN, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
  assert.equal((await gateway.api('/v1/accounts', { json: accountBody })).status, 201);
});
after(() => gateway.close());

async function problem(query: string, params: unknown = []): Promise<Problem> {
  const response = await gateway.api('/v1/sql', { json: { query, params } });
  return (await response.json()) as Problem;
}

it('answers columns and rows', async () => {
  const response = await gateway.api('/v1/sql', {
    json: { query: 'select label, active, ? as x from accounts', params: ['ü'] },
  });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { columns: ['label', 'active', 'x'], rows: [['sales', 1, 'ü']] });
});

it('is not for a session', async () => {
  for (const init of [{ json: { query: 'select 1' } }, {}]) {
    const path = 'json' in init ? '/v1/sql' : '/v1/sql/schema';
    assert.equal((await gateway.api(path, { ...init, token: SESSION_TOKEN })).status, 403);
  }
});

it('tells a mistake with its place, and what was probably meant', async () => {
  for (const [query, status, code, detail] of [
    [
      'select id\nfrom mesages',
      400,
      'sql_invalid',
      /^Line 2, column 6: No such table: mesages; did you mean `messages`\?$/,
    ],
    [
      'select acount from messages',
      400,
      'sql_invalid',
      /column 8: No such column: acount; did you mean `account`\?/,
    ],
    ['select id from messages frm where', 400, 'sql_invalid', /column 34: Incomplete input/],
    ['select id from from', 400, 'sql_invalid', /column 16: Near "from": syntax error/],
    [
      'select * from account_secrets',
      403,
      'sql_forbidden',
      /column 15: No such table: account_secrets; known/,
    ],
    [
      "select load_extension('x')",
      403,
      'sql_forbidden',
      /column 8: The function load_extension is not allowed/,
    ],
    ['delete from messages', 403, 'sql_forbidden', /column 1: delete is not allowed/],
  ] as const) {
    const found = await problem(query);
    assert.match(found.detail, detail, query);
    assert.deepEqual([found.status, found.code], [status, code], query);
  }
});

it('tells an account’s failure as the operation tells it', async () => {
  const found = await problem("select * from connector_table('imap', 'list_mailboxes', JSON '{}')");
  assert.deepEqual(
    [found.code, found.detail],
    ['unreachable', 'list_mailboxes of sales: The server is away.'],
  );
  const none = await problem(
    "select * from connector_table('imap', 'list_mailboxes', JSON '{\"account\": \"x\"}')",
  );
  assert.equal(none.code, 'not_found');
});

it('gives no secret out: not the password, not the token', async () => {
  const { tables } = (await (await gateway.api('/v1/sql/schema')).json()) as { tables: { name: string }[] };
  assert.ok(tables.length > 12);
  for (const { name } of tables.filter((table) => !table.name.includes('('))) {
    const response = await gateway.api('/v1/sql', { json: { query: `select * from ${name}` } });
    assert.equal(response.status, 200, name);
    assert.doesNotMatch(await response.text(), /canary|-of-this-test/);
  }
});

it('ends a query when whoever asked is gone', async () => {
  const sandbox = gateway.rooms.sql as SqlSandbox;
  const gone = new AbortController();
  const query = 'with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n';
  const asked = gateway.api('/v1/sql', { json: { query }, signal: gone.signal });
  const refused = assert.rejects(asked, { name: 'AbortError' });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while (sandbox.pids.length === 0) await turn();
  gone.abort();
  await refused;
  const started = performance.now();
  while (sandbox.pids.length > 0) await turn();
  assert.ok(performance.now() - started < sandbox.limits.timeMs - 1000, 'it ended by itself only');
});
