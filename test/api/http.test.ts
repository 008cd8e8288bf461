// The REST door over real HTTP: shapes, errors, and what must never come out.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AccountCheck, AccountView } from '../../src/contracts/account.ts';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { Page, Problem } from '../../src/contracts/page.ts';
import { accountBody, draft, SESSION_TOKEN, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway.close());

async function problem(response: Response): Promise<Problem> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const body = (await response.json()) as Problem;
  assert.equal(body.status, response.status);
  return body;
}

/** fetch does not let the Host header be chosen. */
function statusWithHost(host: string): Promise<number> {
  const { port } = gateway.server.address();
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: '/healthz', headers: { host } }, (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('accounts over REST', () => {
  it('are added, shown, changed and removed, and never show a secret', async () => {
    const added = await gateway.api('/v1/accounts', { json: accountBody });
    assert.equal(added.status, 201);
    const account = (await added.json()) as AccountView;
    assert.match(account.id, /^acc_/);
    assert.equal(account.status.state, 'stopped');
    assert.deepEqual(account.auth, {
      type: 'basic',
      username: 'sales',
      has_password: true,
      password_secret_ref: null,
    });
    assert.equal(account.watch.mode, 'idle');

    const shown = (await (await gateway.api(`/v1/accounts/${account.id}`)).json()) as AccountView;
    assert.deepEqual(shown, account);
    const byLabel = (await (await gateway.api('/v1/accounts/sales')).json()) as AccountView;
    assert.equal(byLabel.id, account.id);

    const changed = await gateway.api('/v1/accounts/sales', {
      method: 'PATCH',
      json: { watch: { mode: 'poll' } },
    });
    assert.equal(((await changed.json()) as AccountView).watch.mode, 'poll');

    const wrong = await gateway.api('/v1/accounts/sales', { method: 'PATCH', json: { imap: { port: 'x' } } });
    assert.equal(wrong.status, 400);
    assert.deepEqual(
      (await problem(wrong)).errors?.map((error) => error.path),
      ['imap.port'],
    );

    const again = await gateway.api('/v1/accounts', { json: accountBody });
    assert.equal(again.status, 409);
    assert.equal((await problem(again)).code, 'account_label_taken');

    const listed = (await (await gateway.api('/v1/accounts')).json()) as Page<AccountView>;
    assert.equal(listed.data.length, 1);

    const check = (await (
      await gateway.api('/v1/accounts/sales/test', { method: 'POST' })
    ).json()) as AccountCheck;
    assert.equal(check.ok, false);
    assert.equal(check.imap.code, 'connection_refused');
    assert.equal(check.smtp.code, 'connection_refused');

    const gone = await gateway.api('/v1/accounts/sales', { method: 'DELETE' });
    assert.equal(gone.status, 204);
    assert.equal(await gone.text(), '');
    assert.equal((await gateway.api('/v1/accounts/sales')).status, 404);
  });

  it('whose password stands in a wrong request leave no trace of it in answers and logs', async () => {
    const secret = 'canary-91c2-password';
    const auth = { ...accountBody.auth, password: secret };
    const bodies = [
      { ...accountBody, auth, label: 'no good label!' },
      { ...accountBody, auth: { ...auth, password_secret_ref: 'env:X' } },
      { ...accountBody, auth, watch: { mailboxes: [] } },
      { ...accountBody, auth: { type: 'oauth', password: secret } },
      { ...accountBody, label: 'canary', auth },
    ];
    let answers = '';
    for (const json of bodies) {
      const response = await gateway.api('/v1/accounts', { json });
      answers += (await response.text()) + JSON.stringify([...response.headers]);
    }
    answers += await (await gateway.api('/v1/accounts/canary/test', { method: 'POST' })).text();
    answers += await (await gateway.api('/v1/accounts/canary')).text();
    assert.ok(!answers.includes(secret), 'a secret came out');
    assert.ok(!JSON.stringify(gateway.logged).includes(secret), 'a secret was logged');
    await gateway.api('/v1/accounts/canary', { method: 'DELETE' });
  });
});

describe('drafts over REST', () => {
  it('are approved with the digest that was shown, once', async () => {
    gateway.drafts.set('drf_2', draft('drf_2'));
    const old = await gateway.api('/v1/drafts/drf_2/approve', {
      json: { digest: `sha256:${'00'.repeat(32)}` },
    });
    assert.equal(old.status, 409);
    assert.equal((await problem(old)).code, 'draft_digest_mismatch');
    const approved = await gateway.api('/v1/drafts/drf_2/approve', { json: { digest: draft().digest } });
    assert.deepEqual(await approved.json(), { submission_id: 'sub_1' });
    const twice = await gateway.api('/v1/drafts/drf_2/approve', { json: { digest: draft().digest } });
    assert.equal((await problem(twice)).code, 'draft_not_waiting');
  });

  it('cannot be approved by a GET', async () => {
    const response = await gateway.api('/v1/drafts/drf_1/approve');
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'POST');
  });

  it('give their bytes as they are', async () => {
    const response = await gateway.api('/v1/drafts/drf_1/raw');
    assert.equal(response.headers.get('content-type'), 'message/rfc822');
    assert.equal(response.headers.get('content-disposition'), 'attachment');
    assert.equal(
      Buffer.from(await response.arrayBuffer())
        .toString('latin1')
        .includes('\xfc\xdf'),
      true,
    );
  });

  it('come in pages that lead through all of them', async () => {
    for (const n of [3, 4, 5]) gateway.drafts.set(`drf_${n}`, draft(`drf_${n}`));
    const seen: string[] = [];
    for (let token: string | null = ''; token !== null; ) {
      const response = await gateway.api(`/v1/drafts?limit=2${token ? `&page_token=${token}` : ''}`);
      const page = (await response.json()) as Page<DraftView>;
      assert.ok(page.data.length <= 2);
      seen.push(...page.data.map(({ id }) => id));
      token = page.next_page_token;
    }
    assert.deepEqual(seen, ['drf_5', 'drf_4', 'drf_3', 'drf_2', 'drf_1']);
    const forged = await gateway.api('/v1/drafts?page_token=%27%20or%201');
    assert.equal(forged.status, 400);
    assert.deepEqual((await problem(forged)).errors?.[0]?.path, 'page_token');
  });
});

describe('rules over REST', () => {
  it('are shown, checked as texts, and tested with a mail', async () => {
    const shown = (await (await gateway.api('/v1/rules')).json()) as {
      data: { name: string }[];
      agents: object;
    };
    assert.deepEqual(
      shown.data.map(({ name }) => name),
      ['prospect quotes'],
    );
    assert.deepEqual(Object.keys(shown.agents), ['quote-writer']);

    const files = [{ name: 'a.yaml', text: 'rules:\n  - name: x\n    then: [{ spawn: nobody }]\n' }];
    const checked = (await (await gateway.api('/v1/rules/check', { json: { files } })).json()) as {
      ok: boolean;
      problems: { line: number }[];
    };
    assert.equal(checked.ok, false);
    assert.equal(checked.problems[0]?.line, 3);

    await gateway.api('/v1/accounts', { json: accountBody });
    const raw = 'From: anna@prospect.example\r\nSubject: Your quote\r\n\r\nHello\r\n';
    const asJson = await gateway.api('/v1/rules/test', {
      json: { raw_base64: Buffer.from(raw).toString('base64'), account: 'sales' },
    });
    const asMail = await gateway.api('/v1/rules/test?account=sales', {
      method: 'POST',
      body: raw,
      headers: { 'Content-Type': 'message/rfc822' },
    });
    const tested = (await asJson.json()) as { matches: unknown };
    assert.deepEqual(tested.matches, [{ rule: 'prospect quotes', actions: [{ spawn: 'quote-writer' }] }]);
    assert.deepEqual(await asMail.json(), tested);
    await gateway.api('/v1/accounts/sales', { method: 'DELETE' });
  });
});

describe('bad input gives a clear problem', () => {
  const cases: [string, () => Promise<Response>, number, string][] = [
    ['no token', () => gateway.api('/v1/drafts', { token: null }), 401, 'unauthorized'],
    ['a wrong token', () => gateway.api('/v1/drafts', { token: 'nope' }), 401, 'unauthorized'],
    ['an empty token', () => gateway.api('/v1/drafts', { token: '' }), 401, 'unauthorized'],
    ['a path that is not there', () => gateway.api('/v1/nothing'), 404, 'not_found'],
    [
      'a method that is not there',
      () => gateway.api('/v1/drafts', { method: 'PUT' }),
      405,
      'method_not_allowed',
    ],
    ['an unknown query field', () => gateway.api('/v1/drafts?stat=waiting'), 400, 'invalid_input'],
    ['a repeated query field', () => gateway.api('/v1/drafts?state=waiting&state=x'), 400, 'invalid_input'],
    ['a limit out of bounds', () => gateway.api('/v1/drafts?limit=100000'), 400, 'invalid_input'],
    ['broken percent-encoding', () => gateway.api('/v1/drafts/%E0%A4%A'), 400, 'body_invalid'],
    [
      'broken JSON',
      () =>
        gateway.api('/v1/accounts', {
          method: 'POST',
          body: '{',
          headers: { 'Content-Type': 'application/json' },
        }),
      400,
      'body_invalid',
    ],
    ['a list for a body', () => gateway.api('/v1/accounts', { json: [] }), 400, 'body_invalid'],
    ['null for a body', () => gateway.api('/v1/accounts', { json: null }), 400, 'body_invalid'],
    [
      'a form',
      () => gateway.api('/v1/accounts', { method: 'POST', body: new URLSearchParams({ a: 'b' }) }),
      415,
      'media_type_unsupported',
    ],
    [
      'a compressed body',
      () =>
        gateway.api('/v1/accounts', {
          method: 'POST',
          body: 'xx',
          headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
        }),
      415,
      'media_type_unsupported',
    ],
    [
      'a body past the limit',
      () => gateway.api('/v1/accounts', { json: { label: 'x'.repeat(1024 * 1024) } }),
      413,
      'body_too_large',
    ],
    [
      'another id in the body than in the path',
      () => gateway.api('/v1/drafts/drf_1/reject', { json: { id: 'drf_2' } }),
      400,
      'invalid_input',
    ],
    [
      'fields in the query of a POST',
      () => gateway.api('/v1/drafts/drf_1/reject?feedback=x', { method: 'POST' }),
      400,
      'invalid_input',
    ],
    [
      'half a digest',
      () => gateway.api('/v1/drafts/drf_1/approve', { json: { digest: 'sha256:ab' } }),
      400,
      'invalid_input',
    ],
    [
      'a prototype',
      () =>
        gateway.api('/v1/drafts/drf_1/reject', {
          method: 'POST',
          body: '{"__proto__":{"id":"x"}}',
          headers: { 'Content-Type': 'application/json' },
        }),
      400,
      'invalid_input',
    ],
    [
      'an attachment by path',
      () =>
        gateway.api('/v1/submissions', {
          json: { account: 'a', to: ['b@c.example'], subject: 's', attachments: [{ path: '/etc/passwd' }] },
        }),
      400,
      'invalid_input',
    ],
    [
      'an IMAP server that is away',
      async () => {
        await gateway.api('/v1/accounts', { json: { ...accountBody, label: 'away' } });
        return gateway.api('/v1/accounts/away/imap/list_mailboxes', { method: 'POST' });
      },
      502,
      'unreachable',
    ],
  ];
  for (const [name, send, status, code] of cases) {
    it(name, async () => {
      const response = await send();
      const body = await problem(response);
      assert.equal(body.status, status, JSON.stringify(body));
      assert.equal(body.code, code);
      if (status === 401) assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
    });
  }

  it('an error that nobody foresaw shows nothing of the inside and is logged with its request', async () => {
    const { rooms } = gateway;
    const original = rooms.drafts.get;
    rooms.drafts.get = () => Promise.reject(new Error('select * from secrets'));
    const response = await gateway.api('/v1/drafts/drf_1');
    rooms.drafts.get = original;
    const body = await problem(response);
    assert.equal(body.status, 500);
    assert.ok(!JSON.stringify(body).includes('secrets'));
    const id = response.headers.get('x-request-id') ?? '';
    assert.ok(body.hint?.includes(id));
    assert.equal(
      gateway.logged.filter((line) => JSON.stringify(line).includes('select * from secrets')).length,
      1,
    );
  });
});

describe('what a gateway on loopback answers to', () => {
  it('is its address, localhost, and no other name', async () => {
    const { port } = gateway.server.address();
    assert.equal(await statusWithHost(`127.0.0.1:${port}`), 200);
    assert.equal(await statusWithHost('localhost'), 200);
    assert.equal(await statusWithHost('[::1]:80'), 200);
    assert.equal(await statusWithHost('evil.example'), 421);
    assert.equal(await statusWithHost(`evil.example:${port}`), 421);
    assert.equal(await statusWithHost('localhost.evil.example'), 421);
    assert.equal(await statusWithHost('127.0.0.1.evil.example'), 421);
  });

  it('carries headers that keep browsers from using it', async () => {
    const response = await gateway.api('/');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal(response.headers.get('x-powered-by'), null);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    assert.match(response.headers.get('x-request-id') ?? '', /^req_/);
  });

  it('says that it is alive and ready without a token', async () => {
    assert.equal((await gateway.api('/healthz', { token: null })).status, 200);
    assert.deepEqual(await (await gateway.api('/readyz', { token: null })).json(), { status: 'ready' });
  });
});

describe("a session's token", () => {
  it('reads its own thread, and the rest is not there', async () => {
    const as = (path: string) => gateway.api(path, { token: SESSION_TOKEN });
    assert.equal((await as('/v1/messages/msg_1')).status, 200);
    assert.equal((await as('/v1/messages/msg_2')).status, 404);
    assert.equal((await as('/v1/threads/thr_1')).status, 200);
    assert.equal((await as('/v1/threads/thr_2')).status, 404);
    assert.equal((await as('/v1/messages?thread=thr_2')).status, 404);
    const listed = (await (await as('/v1/messages')).json()) as Page<{ id: string }>;
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      ['msg_1'],
    );
    assert.equal((await as('/v1/sessions/ses_1')).status, 200);
    assert.equal((await as('/v1/sessions/ses_2')).status, 404);
  });
});

describe('a server that stops', () => {
  it('ends although clients hold idle connections and half a request', async () => {
    const other = await startGateway();
    const { port } = other.server.address();
    const idle = connect(port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    await other.api('/healthz');
    const ended = new Promise((resolve) => idle.once('close', resolve));
    await other.close();
    await ended;
  });

  it('says so plainly when its port is taken', async () => {
    const { port } = gateway.server.address();
    await assert.rejects(startGateway({ port }), { code: 'port_taken' });
  });
});
