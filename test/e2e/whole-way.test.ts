// The main job against real servers: a mail arrives at Dovecot, an agent drafts, a person approves, the reply leaves.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';

const RULES = `
agents:
  quote-writer:
    run: { command: [node, examples/agents/quote-writer.ts] }
    may: { reply: approve, recipients: thread }
    limits: { time: 1m, per_sender: 50/1h, per_day: 500 }
rules:
  - name: prospect quotes
    account: sales
    mailbox: INBOX
    when: { subject: "/\\\\bquote\\\\b/i" }
    then: [{ spawn: quote-writer }, { label: Agent/Quotes }]
`;

const question = (id: string, subject = 'A quote, please'): string =>
  [
    'From: Ann Buyer <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    '',
    'Hello,',
    'we need 20 Falcon desks and 5 chairs. What do they cost?',
    'Ann',
    '',
  ].join('\r\n');

describe('the way of a message', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;
  let account: AccountView;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    sink = await startSmtpSink();
    gateway = await startGateway({ rules: { 'rules.yaml': RULES } });
    account = await gateway.addAccount(salesAccount(dovecot, sink));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
  });

  it('ends with the approved bytes at the sink, threaded, and leaves nothing unapproved across a restart', async () => {
    await dovecot.deliver('sales', question('first'));
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    assert.equal(draft.subject, 'Re: A quote, please');
    assert.deepEqual(
      draft.to.map(({ address }) => address),
      ['ann@prospect.example'],
    );
    assert.equal(draft.in_reply_to, '<first@prospect.example>');
    assert.match(draft.text, /Falcon/);
    assert.match(draft.text, /^> we need 20 Falcon desks/m);
    assert.ok(draft.reasons.length > 0);
    assert.equal((await gateway.sessions())[0]?.state, 'waiting-for-approval');

    await gateway.stop();
    await gateway.start();
    await gateway.kill();
    await gateway.start();
    assert.equal((await sink.messages()).length, 0);

    const edited = await gateway.request<{ digest: string }>('POST', `/v1/drafts/${draft.id}/edit`, {
      subject: 'Re: A quote, please (no 1)',
    });
    assert.equal(edited.status, 200);
    assert.notEqual(edited.body.digest, draft.digest);
    const stale = await gateway.request('POST', `/v1/drafts/${draft.id}/approve`, { digest: draft.digest });
    assert.equal(stale.status, 409);
    assert.equal(stale.body.code, 'draft_digest_mismatch');
    assert.equal((await sink.messages()).length, 0);

    const raw = await gateway.bytes(`/v1/drafts/${draft.id}/raw`);
    const { status, body } = await gateway.request<{ submission_id: string }>(
      'POST',
      `/v1/drafts/${draft.id}/approve`,
      { digest: edited.body.digest },
    );
    assert.equal(status, 200);
    const [mail] = await sink.waitFor(1);
    assert.ok(mail);
    assert.deepEqual(mail.recipients, ['ann@prospect.example']);
    assert.equal(mail.envelopeFrom, 'sales@company.example');
    const endOfDate = mail.raw.indexOf('\r\n') + 2;
    assert.match(mail.raw.subarray(0, endOfDate).toString('latin1'), /^Date: [^\r\n]+\r\n$/);
    assert.deepEqual(mail.raw.subarray(endOfDate), raw);
    assert.match(mail.raw.toString('latin1'), /^In-Reply-To: <first@prospect\.example>\r$/m);
    assert.match(mail.raw.toString('latin1'), /^References: <first@prospect\.example>\r$/m);

    const sent = await gateway.until(async () => {
      const submission = await gateway.submission(body.submission_id);
      return submission.state === 'sent' && submission;
    });
    assert.deepEqual(
      sent.recipients.map(({ address, state }) => [address, state]),
      [['ann@prospect.example', 'sent']],
    );
    const again = await gateway.request('POST', `/v1/drafts/${draft.id}/approve`, {
      digest: edited.body.digest,
    });
    assert.equal(again.status, 409);
    assert.equal(again.body.code, 'draft_not_waiting');
  });

  it('files a copy in Sent, labels the mail and marks it as answered', async () => {
    const [inSent, flags] = await eventually(async () => {
      const sentCopies = await dovecot.fetchAll('sales', 'Sent');
      const [mail] = await dovecot.list('sales');
      return sentCopies.length > 0 &&
        mail?.flags.includes('\\Answered') &&
        mail.flags.includes('Agent/Quotes')
        ? ([sentCopies, mail.flags] as const)
        : null;
    });
    assert.equal(inSent.length, 1);
    assert.deepEqual(inSent[0]?.raw, (await sink.messages())[0]?.raw);
    assert.ok(flags.includes('Agent/Quotes'));
  });

  it('resumes the session when the customer answers in the thread', async () => {
    const [reply] = await sink.messages();
    const messageId = /^Message-ID: (<[^>]+>)/im.exec(reply?.raw.toString('latin1') ?? '')?.[1];
    const answer = question('second', 'Re: A quote, please (no 1)').replace(
      'Date:',
      `In-Reply-To: ${messageId}\r\nDate:`,
    );
    await dovecot.deliver('sales', answer);
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    const sessions = await gateway.sessions();
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.turns, 2);
    assert.equal(draft.session_id, sessions[0]?.id);
  });

  it('gives the agent a new turn when the draft is rejected with feedback', async () => {
    const [draft] = await gateway.drafts();
    assert.ok(draft);
    const { status } = await gateway.request('POST', `/v1/drafts/${draft.id}/reject`, {
      feedback: 'give 10 % discount',
    });
    assert.equal(status, 200);
    const better = await gateway.until(async () =>
      (await gateway.drafts()).find(({ id }) => id !== draft.id),
    );
    assert.match(better.text, /10 ?%/);
    assert.equal((await sink.messages()).length, 1);
  });

  it('shows the account without its password, anywhere', async () => {
    const shown = JSON.stringify([
      await gateway.get(`/v1/accounts/${account.id}`),
      await gateway.get('/v1/accounts'),
    ]);
    assert.ok(!shown.includes(DEFAULT_PASSWORD));
    assert.match(shown, /"has_password":true/);
    assert.ok(!gateway.log().includes(DEFAULT_PASSWORD));
  });
});
