// Answers from templates on mail that went through real servers: each mail once, in the way of RFC 3834, and none without
// a person where the sender is not sure.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { MessageView } from '../../src/contracts/mail.ts';
import type { MailTest } from '../../src/contracts/rule-test.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';
import { type Mail, rawMail } from './mails.ts';

const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

const RULES = `rules:
  - { name: receipt, when: { subject: do receipt }, then: [draft: received] }
  - name: auto
    when: { subject: do auto }
    then: [draft: { template: quoting, send: auto, per_sender: 2/1d }]
  - name: limited
    when: { subject: do limited }
    then: [draft: { template: quoting, send: auto, limit: 1/1h }]
  - { name: broken, when: { subject: do broken }, then: [draft: broken] }
  - { name: nowhere, when: { subject: do nowhere }, then: [draft: nowhere] }
  - { name: kill, when: { subject: do kill }, then: [draft: { template: quoting, send: auto, per_sender: 100/1d, limit: 100/1h }] }
`;

const TEMPLATES = {
  'received/subject.hbs': 'We have your mail: {{message.subject}}\n',
  'received/text.hbs': 'Hello {{message.from.name}}, thank you for writing to {{account.address}}.\n',
  'received/html.hbs': '<p>Hello {{message.from.name}}</p>',
  'quoting/text.hbs': 'You wrote:\n{{message.reply_text}}\n',
  'broken/text.hbs': 'Hello\n {{message.nam}}',
};

describe('answers from templates', { skip: requireService('dovecot', 'smtp-sink') }, () => {
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
    gateway = await startGateway({ rules: { 'rules.yaml': RULES }, env: { POSTERN_TEMPLATES: templates } });
    await gateway.addAccount({ ...salesAccount(dovecot, sink), authserv_id: 'mx.company.example' });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
    if (templates) await rm(templates, { recursive: true, force: true });
  });

  const deliver = (id: string, mail: Mail): Promise<unknown> =>
    dovecot.deliver('sales', rawMail(id, { from: `Ann <${id}@prospect.example>`, ...mail }));
  const draftFor = (id: string): Promise<DraftView> =>
    gateway.until(async () =>
      (await gateway.drafts()).find(({ to }) => to[0]?.address === `${id}@prospect.example`),
    );
  const suppressed = (id: string): Promise<string> =>
    eventually(async () => {
      const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages?limit=100');
      return data.find((one) => one.message_id === `<${id}@prospect.example>`)?.decisions[0]?.suppressed;
    });
  const sentTo = async (id: string): Promise<string[]> =>
    (await sink.messages())
      .filter(({ recipients }) => recipients.includes(`${id}@prospect.example`))
      .map(({ raw }) => raw.toString());
  const deadLetters = async (): Promise<{ kind: string; error: string }[]> =>
    (await gateway.get<{ data: { kind: string; error: string }[] }>('/v1/dead-letters')).data;

  it('waits for a person, and arrives in the thread of the mail when one has approved it', async () => {
    await deliver('first', {
      subject: 'Re: do receipt\t\u00e9',
      headers: ['References: <old@prospect.example>', 'In-Reply-To: <old@prospect.example>'],
    });
    const draft = await draftFor('first');
    assert.equal(draft.subject, 'We have your mail: Re: do receipt \u00e9');
    assert.match(draft.text, /^Hello Ann, thank you for writing to sales@company\.example\./);
    assert.match(draft.html ?? '', /<p>Hello Ann<\/p>/);
    assert.deepEqual(draft.reasons.slice(0, 1), ['The rule wants a person to approve what it answers.']);
    assert.equal((await sink.messages()).length, 0);
    const { status } = await gateway.request('POST', `/v1/drafts/${draft.id}/approve`, {
      digest: draft.digest,
    });
    assert.equal(status, 200);
    await sink.waitFor(1);
    const [raw = ''] = await sentTo('first');
    assert.match(raw, /^In-Reply-To: <first@prospect\.example>\r$/m);
    assert.match(raw, /^References: <old@prospect\.example>\s+<first@prospect\.example>\r$/m);
    assert.match(raw, /^Auto-Submitted: auto-replied\r$/m);
    assert.match(raw, /^X-Auto-Response-Suppress: All\r$/m);
    assert.match(raw, /^From: Sales <sales@company\.example>\r$/m);
  });

  it('leaves by itself where the rule says so and the sender is sure, and says what the mail said', async () => {
    const before = (await sink.messages()).length;
    await deliver('sure', {
      subject: 'do auto',
      text: 'Three pumps, {{account.label}}.',
      headers: [VOUCHED],
    });
    await sink.waitFor(before + 1);
    const [raw = ''] = await sentTo('sure');
    assert.match(raw, /^Subject: Re: do auto\r$/m);
    assert.match(raw, /You wrote:\r\nThree pumps, \{\{account\.label\}\}\./);
    await deliver('unsure', { subject: 'do auto' });
    assert.match((await draftFor('unsure')).reasons.join(), /sender of the mail is not verified/);
    const flags = (await dovecot.fetchAll('sales')).flatMap((mail) => mail.flags);
    assert.ok(!flags.includes('\\Answered'), 'a receipt is no answer of a person');
  });

  it('asks where the answer would go to another domain, or would tell of a blind copy', async () => {
    await deliver('elsewhere', {
      subject: 'do auto',
      headers: [VOUCHED, 'Reply-To: victim@third.example'],
    });
    const draft = await gateway.until(async () =>
      (await gateway.drafts()).find(({ to }) => to[0]?.address === 'victim@third.example'),
    );
    assert.match(draft.reasons.join(), /Only a Reply-To says that the answer goes to victim@third\.example/);
    await deliver('blind', { subject: 'do auto', to: 'somebody@else.example', headers: [VOUCHED] });
    assert.match((await draftFor('blind')).reasons.join(), /names no address of this mailbox/);
  });

  const unanswered: [what: string, id: string, mail: Mail, says: RegExp][] = [
    [
      'a vacation note',
      'vacation',
      { headers: ['Auto-Submitted: auto-replied'] },
      /Auto-Submitted: auto-replied/,
    ],
    ['what a machine sends', 'machine', { headers: ['Auto-Submitted: auto-generated'] }, /auto-generated/],
    ['a mailing list', 'list', { headers: ['List-Id: <l.lists.example>'] }, /list-id/],
    ['a newsletter', 'bulk', { headers: ['Precedence: bulk'] }, /Precedence: bulk/],
    ['an empty Return-Path', 'bounce', { headers: ['Return-Path: <>'] }, /Return-Path/],
    [
      'who wants no answer',
      'exchange',
      { headers: ['X-Auto-Response-Suppress: OOF, AutoReply'] },
      /X-Auto-Response-Suppress: OOF/,
    ],
    ['itself', 'itself', { from: 'sales@company.example' }, /address of this account/],
    ['a mailbox that nobody reads', 'noreply', { from: 'no-reply@prospect.example' }, /address of a machine/],
  ];
  for (const [what, id, mail, says] of unanswered)
    it(`never answers ${what}, and says so with the decision`, async () => {
      const headers = [...(mail.headers ?? []), VOUCHED];
      await deliver(id, { subject: 'do auto', ...mail, headers });
      const reason = await suppressed(id);
      assert.match(reason, /^not answered: /);
      assert.match(reason, says);
      assert.deepEqual(await sentTo(id), []);
    });

  it('answers one sender so often and no more, and never a mail that answers its own', async () => {
    const from = 'Eve <eve@prospect.example>';
    const before = (await sink.messages()).length;
    await deliver('eve-1', { subject: 'do auto 1', from, headers: [VOUCHED] });
    await deliver('eve-2', { subject: 'do auto 2', from, headers: [VOUCHED] });
    await deliver('eve-3', { subject: 'do auto 3', from, headers: [VOUCHED] });
    assert.match(await suppressed('eve-3'), /eve@prospect\.example has got as many .* \(2\/1d\)/);
    await sink.waitFor(before + 2);
    const [raw = ''] = await sentTo('eve');
    const messageId = /^Message-ID: (<[^>]+>)/im.exec(raw)?.[1];
    await deliver('circle', { subject: 'do auto', headers: [VOUCHED, `In-Reply-To: ${messageId}`] });
    assert.equal(await suppressed('circle'), 'not answered: it answers a mail that this rule wrote');
    await deliver('limited-1', { subject: 'do limited', headers: [VOUCHED] });
    await sink.waitFor(before + 3);
    await deliver('limited-2', { subject: 'do limited', headers: [VOUCHED] });
    assert.match(await suppressed('limited-2'), /answered as many mails as it may \(1\/1h\)/);
    assert.equal((await sink.messages()).length, before + 3);
  });

  it('is shown by a dry run as it would be written, or with what is wrong, and nothing is written', async () => {
    const tried = async (subject: string): Promise<MailTest['would'][number] | undefined> => {
      const raw_base64 = Buffer.from(rawMail('tried', { subject })).toString('base64');
      const { body } = await gateway.request<MailTest>('POST', '/v1/rules/test', {
        raw_base64,
        account: 'sales',
      });
      return body.would[0];
    };
    const before = (await gateway.drafts()).length;
    assert.deepEqual((await tried('do receipt'))?.draft, {
      to: ['ann@prospect.example'],
      subject: 'We have your mail: do receipt',
      text: 'Hello Ann Buyer, thank you for writing to sales@company.example.\n',
    });
    assert.match((await tried('do broken'))?.held ?? '', /broken\/text\.hbs:2:4 there is no field `nam`/);
    assert.match((await tried('do nowhere'))?.held ?? '', /There is no template "nowhere"/);
    assert.equal((await gateway.drafts()).length, before);
    assert.match(gateway.log(), /The rule .{1,4}nowhere.{1,4} There is no template/, 'told at the start');
  });

  it('is a dead letter that names the mistake where the template has one, and is written once that was mended', async () => {
    await deliver('broken', { subject: 'do broken' });
    await deliver('nowhere', { subject: 'do nowhere' });
    const errors = await eventually(async () => {
      const letters = await deadLetters();
      return letters.length === 2 ? letters.map(({ error }) => error).sort() : null;
    });
    assert.match(errors[0] ?? '', /broken\/text\.hbs:2:4 there is no field `nam` in the data/);
    assert.match(errors[1] ?? '', /There is no template "nowhere"/);
    await writeFile(join(templates, 'broken/text.hbs'), 'Hello {{message.from.name}}.');
    const { data } = await gateway.get<{ data: { id: string; error: string }[] }>('/v1/dead-letters');
    for (const { id } of data) await gateway.request('POST', `/v1/dead-letters/${id}/retry`);
    assert.equal((await draftFor('broken')).text.trim(), 'Hello Ann.');
  });

  it('answers each mail once, whatever is killed in between', async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `kill-${at}`);
    const before = (await sink.messages()).length;
    await gateway.kill();
    for (const id of ids) await deliver(id, { subject: `do kill ${id}`, headers: [VOUCHED] });
    for (let kill = 1; kill <= 3; kill++) {
      await gateway.launch();
      await new Promise((resolve) => setTimeout(resolve, 400 + 150 * kill)); // wherever it is then
      await gateway.kill();
    }
    await gateway.start();
    const ended = await gateway.until(async () => {
      const { data } = await gateway.get<{ data: { state: string; subject: string }[] }>(
        '/v1/submissions?limit=1000',
      );
      const all = data.filter(
        ({ state, subject }) => subject.includes('do kill') && ['sent', 'unknown'].includes(state),
      );
      return all.length === ids.length && all;
    });
    const inDoubt = ended.filter(({ state }) => state === 'unknown').length;
    const sent = (await sink.messages())
      .slice(before)
      .map(({ raw }) => /^Subject: Re: do kill (.*?)\r$/m.exec(raw.toString())?.[1] ?? '');
    assert.equal(new Set(sent).size, sent.length, 'none came twice');
    assert.ok(sent.length >= ids.length - inDoubt, `${sent.length} arrived, ${inDoubt} are in doubt`);
  });
});
