// Whoever is on the suppression list gets no mail, by whatever door somebody wants to send it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BroadcastView } from '../../src/contracts/broadcast.ts';
import type { MessageView } from '../../src/contracts/mail.ts';
import type { SuppressionView } from '../../src/contracts/suppression.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';

const ANSWER = `process.stdout.write(JSON.stringify({actions:[{type:'reply',text:'Hello.'}]}))`;
const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

const RULES = `
agents:
  writer:
    run: { command: [node, -e, "${ANSWER}"] }
    may: { reply: approve, recipients: thread }
rules:
  - { name: asked, account: sales, when: { subject: do ask }, then: [spawn: writer] }
  - name: forwarded
    account: sales
    when: { subject: do forward }
    then: [forward: { to: [boss@blocked.example], send: auto }]
  - name: answered
    account: sales
    when: { subject: do answer }
    then: [draft: { template: quoting, send: auto }]
`;
const TEMPLATES = {
  'quoting/text.hbs': 'You wrote:\n{{message.reply_text}}\n',
  'news/subject.hbs': 'News\n',
  'news/text.hbs': 'Hello {{recipient.address}}\n',
};

describe('a suppressed address', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let templates: string;
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;

  before(async () => {
    templates = await mkdtemp(join(tmpdir(), 'postern-templates-'));
    for (const [path, text] of Object.entries(TEMPLATES)) {
      await mkdir(join(templates, path, '..'), { recursive: true });
      await writeFile(join(templates, path), text);
    }
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    sink = await startSmtpSink();
    gateway = await startGateway({
      rules: { 'rules.yaml': RULES },
      env: { POSTERN_TEMPLATES: templates, POSTERN_PUBLIC_URL: 'https://mail.company.example' },
    });
    await gateway.addAccount({ ...salesAccount(dovecot, sink), authserv_id: 'mx.company.example' });
    await suppress('@blocked.example');
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
    if (templates) await rm(templates, { recursive: true, force: true });
  });

  const suppress = async (address: string, more: object = {}): Promise<SuppressionView> => {
    const { status, body } = await gateway.request<SuppressionView>('POST', '/v1/suppressions', {
      address,
      ...more,
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const deliver = (id: string, subject: string, from = `${id}@prospect.example`) =>
    dovecot.deliver(
      'sales',
      [
        ...[VOUCHED, `From: ${from}`, 'To: sales@company.example', `Subject: ${subject}`],
        ...[
          `Message-ID: <${id}@prospect.example>`,
          'Date: Fri, 20 Nov 2026 10:00:00 +0000',
          '',
          'Hello.',
          '',
        ],
      ].join('\r\n'),
    );
  const heldBack = (id: string): Promise<string> =>
    eventually(async () => {
      const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages?limit=100');
      return data.find((one) => one.message_id === `<${id}@prospect.example>`)?.decisions[0]?.suppressed;
    });
  const send = (fields: object) =>
    gateway.request<{ id: string }>('POST', '/v1/submissions', {
      ...{ account: 'sales', to: ['fine@ok.example'], subject: 'Hello', text: 'Hello.' },
      ...fields,
    });
  const ended = (id: string) =>
    eventually(async () => {
      const submission = await gateway.submission(id);
      return submission.state !== 'queued' && submission.state !== 'sending' && submission;
    });

  it("is refused in an operator's own mail, in every field and however it is written", async () => {
    for (const fields of [
      { to: ['x@blocked.example'] },
      { cc: ['X@BLOCKED.example'] },
      { bcc: ['Somebody <x@Blocked.Example>'] },
    ]) {
      const { status, body } = await send(fields);
      assert.deepEqual([status, body.code], [409, 'recipient_suppressed']);
      assert.match(String(body.detail), /on the suppression list/);
    }
  });

  it('is refused to an agent, who is told', async () => {
    await suppress('gone@prospect.example');
    await deliver('gone', 'do ask');
    const session = await gateway.until(async () =>
      (await gateway.sessions()).find(
        ({ state }) => state === 'done' || state === 'failed' || state.startsWith('waiting'),
      ),
    );
    const { data } = await gateway.get<{
      data: { kind: string; data: { rule?: string; reason?: string } }[];
    }>(`/v1/sessions/${session.id}/record?limit=100`);
    const refused = data.filter(({ kind }) => kind === 'refused');
    assert.ok(JSON.stringify(refused).includes('suppress'), JSON.stringify(data));
    assert.deepEqual(await gateway.drafts(), []);
  });

  it('is shown to whoever should approve, who can neither approve it nor add another', async () => {
    await deliver('late', 'do ask');
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    const entry = await suppress('late@prospect.example', { note: 'asked by phone' });
    const shown = (await gateway.drafts())[0];
    assert.ok(
      shown?.reasons.some((reason) =>
        /late@prospect\.example is on the suppression list: manual \(asked/.test(reason),
      ),
    );
    const approve = () => gateway.request('POST', `/v1/drafts/${draft.id}/approve`, { digest: draft.digest });
    const refused = await approve();
    assert.deepEqual([refused.status, refused.body.code], [409, 'recipient_suppressed']);
    const edited = await gateway.request('POST', `/v1/drafts/${draft.id}/edit`, {
      cc: ['y@blocked.example'],
    });
    assert.deepEqual([edited.status, edited.body.code], [409, 'recipient_suppressed']);
    await gateway.request('DELETE', `/v1/suppressions/${entry.id}`);
    assert.equal((await approve()).status, 200, 'once it is off the list');
    await eventually(async () => (await sentTo('late@prospect.example')).length === 1);
  });

  it('gets nothing from a rule that forwards or answers, and the decision says why', async () => {
    await deliver('fwd', 'do forward');
    assert.match(await heldBack('fwd'), /not forwarded: .*boss@blocked\.example is on the suppression list/);
    await suppress('auto@prospect.example');
    await deliver('auto', 'do answer');
    assert.match(await heldBack('auto'), /not answered: .*auto@prospect\.example is on the suppression list/);
  });

  it('gets nothing of a mail that waited in the outbox, and the others get theirs', async () => {
    const at = new Date(Date.now() + 4_000).toISOString();
    const both = await send({ to: ['zoe@later.example', 'fine@later.example'], send_at: at });
    const alone = await send({ to: ['zoe@later.example'], send_at: at });
    assert.deepEqual([both.status, alone.status], [201, 201], JSON.stringify(both.body));
    await suppress('Zoe@Later.example', { reason: 'complaint' });
    const first = await ended(both.body.id);
    assert.equal(first.state, 'sent');
    assert.deepEqual(
      first.recipients.map(({ address, state }) => [address, state]),
      [
        ['zoe@later.example', 'suppressed'],
        ['fine@later.example', 'sent'],
      ],
    );
    const second = await ended(alone.body.id);
    assert.deepEqual([second.state, second.recipients[0]?.state], ['failed', 'suppressed']);
    assert.match(String(second.recipients[0]?.response), /complaint/);
  });

  it('is passed over by a broadcast, whose report says so', async () => {
    await suppress('left@list.example', { list: 'launch', reason: 'unsubscribe' });
    const made = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', {
      ...{ name: 'launch', account: 'sales', template: 'news' },
      to: ['x@blocked.example', 'left@list.example', 'fine@list.example'].map((address) => ({ address })),
    });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { id, digest } = made.body;
    assert.equal((await gateway.request('POST', `/v1/broadcasts/${id}/approve`, { digest })).status, 200);
    const done = await eventually(async () => {
      const view = await gateway.get<BroadcastView>(`/v1/broadcasts/${id}`);
      return view.state === 'done' && view;
    });
    assert.deepEqual([done.counts.sent, done.counts.suppressed, done.counts.unsubscribed], [1, 1, 1]);
    // Who left a broadcast still gets an answer.
    assert.equal((await send({ to: ['left@list.example'] })).status, 201);
  });

  it('may be one who leaves a broadcast by mail, and nobody else can for him', async () => {
    const [mail] = await sentTo('fine@list.example');
    const headers = mail?.raw.toString('latin1').replace(/\r\n[ \t]+/g, ' ') ?? '';
    const subject = decodeURIComponent(
      /mailto:[^?>]+\?subject=([^>]+)>/.exec(headers.replaceAll('> <', '><'))?.[1] ?? '',
    );
    assert.match(subject, /^unsubscribe [\w-]+\.[\w-]{14}$/);
    await deliver(
      'forger',
      subject.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')),
      'forger@elsewhere.example',
    );
    await deliver('leaver', subject, 'fine@list.example');
    const entries = await eventually(async () => {
      const { data } = await gateway.get<{ data: SuppressionView[] }>(
        '/v1/suppressions?reason=unsubscribe&limit=10',
      );
      return data.length > 1 && data;
    });
    assert.deepEqual(
      entries.map(({ address, list }) => [address, list]),
      [
        ['fine@list.example', 'launch'],
        ['left@list.example', 'launch'],
      ],
    );
  });

  const sentTo = async (address: string) =>
    (await sink.messages()).filter(({ recipients }) =>
      recipients.some((recipient) => recipient.toLowerCase().endsWith(address)),
    );

  it('was never sent to', async () => {
    for (const address of [
      '@blocked.example',
      'gone@prospect.example',
      'auto@prospect.example',
      'zoe@later.example',
    ])
      assert.deepEqual(await sentTo(address), [], address);
  });
});
