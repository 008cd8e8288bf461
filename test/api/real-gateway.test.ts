// The doors onto the real rooms, wired as in production, in this process and without a mail server.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { operations } from '../../src/api/operations.ts';
import { type App, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { DraftView, SubmissionView } from '../../src/contracts/draft.ts';
import type { Page, Problem } from '../../src/contracts/page.ts';
import { ADMIN_TOKEN, accountBody, RULES } from './support.ts';

let app: App;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-real-'));
  await writeFile(join(folder, 'rules.yaml'), RULES);
  const env = {
    POSTERN_DATA: join(folder, 'data'),
    POSTERN_RULES: folder,
    POSTERN_PORT: '0',
    POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
    POSTERN_LOG: 'silent',
  };
  app = await createApp(loadConfig(env), env);
  await app.start();
  const added = await api('/v1/accounts', { ...accountBody, watch: { mode: 'off' } });
  assert.equal(added.status, 201);
});
after(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

function api(path: string, json?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(app.url + path, {
    method: json === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json', ...headers },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

const json = async <T>(response: Response | Promise<Response>): Promise<T> =>
  (await (await response).json()) as T;

/** What a route cannot be asked without. */
const NEEDED: Record<string, string> = { '/v1/knowledge': '?query=offer' };

it('every route that reads without an id answers', async () => {
  const reads = operations.filter(({ http }) => http.method === 'GET' && !http.path.includes('{'));
  assert.ok(reads.length >= 8);
  for (const { http, tool } of reads) {
    const response = await api(http.path + (NEEDED[http.path] ?? ''));
    // What is about a session itself has nothing to say to a key.
    const expected = tool?.sessionOnly ? 403 : 200;
    assert.equal(response.status, expected, `${http.path}: ${await response.text()}`);
  }
});

it('every route that reads by id says 404 for what is not there', async () => {
  for (const { http } of operations.filter((o) => o.http.method === 'GET' && o.http.path.includes('{'))) {
    const response = await api(http.path.replace('{id}', 'xxx_nothing'));
    assert.equal(response.status, 404, http.path);
    assert.equal((await json<Problem>(response)).code, 'not_found');
  }
});

it("an operator's own mail is a draft that its writer approved, and can be followed", async () => {
  const mail = {
    account: 'sales',
    to: ['Anna <anna@prospect.example>'],
    bcc: ['board@company.example'],
    subject: 'Offer – 3',
    text: 'Grüße',
  };
  const key = { 'Idempotency-Key': 'offer-3' };
  const made = await api('/v1/submissions', mail, key);
  assert.equal(made.status, 201, await made.clone().text());
  const { id } = await json<{ id: string }>(made);
  assert.equal((await json<{ id: string }>(api('/v1/submissions', mail, key))).id, id);
  const listed = await json<Page<SubmissionView>>(api('/v1/submissions?account=sales'));
  assert.deepEqual(
    listed.data.map((submission) => submission.id),
    [id],
  );

  const submission = await json<SubmissionView>(api(`/v1/submissions/${id}`));
  assert.equal(submission.approved_by, 'admin');
  assert.deepEqual(
    submission.recipients.map(({ address }) => address),
    ['anna@prospect.example', 'board@company.example'],
  );
  const draft = await json<DraftView>(api(`/v1/drafts/${submission.draft_id}`));
  assert.equal(draft.state, 'approved');
  assert.equal(draft.digest, submission.digest);
  const raw = await (await api(`/v1/drafts/${draft.id}/raw`)).text();
  assert.match(raw, /^Subject: =\?UTF-8\?/m);
  assert.doesNotMatch(raw, /^(Bcc|Date):/m);

  const again = await api(`/v1/drafts/${draft.id}/approve`, { digest: draft.digest });
  assert.equal(again.status, 409);
  assert.equal((await json<Problem>(again)).code, 'draft_not_waiting');
  const settled = await api(`/v1/submissions/${id}/settle`, { outcome: 'sent' });
  assert.equal(settled.status, 409);
});

it('a mail for later says when it leaves, is found by whom it goes to, and can be taken back once', async () => {
  const sendAt = new Date(Date.now() + 3_600_000).toISOString();
  const mail = {
    account: 'sales',
    to: ['Later@prospect.example'],
    subject: 'Later',
    text: 'x',
    send_at: sendAt,
  };
  const { id } = await json<{ id: string }>(api('/v1/submissions', mail));
  const view = await json<SubmissionView>(api(`/v1/submissions/${id}`));
  assert.deepEqual(
    [view.state, view.send_at, view.priority, view.attempts, view.attempt_log],
    ['queued', Date.parse(sendAt), 'person', 0, []],
  );
  assert.match(view.waits_for ?? '', /^It leaves at its time/);
  const found = async (query: string) =>
    (await json<Page<SubmissionView>>(api(`/v1/submissions?${query}`))).data.map((one) => one.id);
  assert.deepEqual(await found('recipient=later@prospect.example'), [id]);
  assert.deepEqual(await found(`recipient=later@prospect.example&since=${sendAt}`), []);
  const cancelled = await api(`/v1/submissions/${id}/cancel`, { reopen: true });
  assert.equal(cancelled.status, 200, await cancelled.clone().text());
  const { reopened_draft_id: draftId } = await json<{ reopened_draft_id: string }>(cancelled);
  const draft = await json<DraftView>(api(`/v1/drafts/${draftId}`));
  assert.deepEqual([draft.state, draft.subject], ['waiting', 'Later']);
  assert.deepEqual(await found('state=cancelled'), [id]);
  const again = await api(`/v1/submissions/${id}/cancel`, {});
  assert.equal(again.status, 409);
  assert.equal((await json<Problem>(again)).code, 'submission_not_cancellable');
});

it("an operator's own mail carries its files", async () => {
  const attachments = [{ filename: 'a.txt', content_base64: Buffer.from('hello').toString('base64') }];
  const mail = {
    account: 'sales',
    to: ['anna@prospect.example'],
    subject: 'File',
    text: 'Here',
    attachments,
  };
  const made = await api('/v1/submissions', mail);
  assert.equal(made.status, 201, await made.clone().text());
  const { id } = await json<{ id: string }>(made);
  const { draft_id: draftId } = await json<SubmissionView>(api(`/v1/submissions/${id}`));
  const draft = await json<DraftView>(api(`/v1/drafts/${draftId}`));
  assert.deepEqual(
    draft.attachments.map(({ filename, size }) => [filename, size]),
    [['a.txt', 5]],
  );
});

it('a recipient that is none is refused with its reason', async () => {
  for (const to of ['a@b.example\r\nBcc: x@y.example', '<a@b.example>, c@d.example', 'nobody']) {
    const response = await api('/v1/submissions', { account: 'sales', to: [to], subject: 's', text: 't' });
    assert.equal(response.status, 400, to);
    assert.equal((await json<Problem>(response)).code, 'recipient_invalid', to);
  }
  const nowhere = await api('/v1/submissions', { account: 'other', to: ['a@b.example'], subject: 's' });
  assert.equal(nowhere.status, 404);
});
