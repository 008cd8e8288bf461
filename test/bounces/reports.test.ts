// Reports that come back into a watched mailbox, from the mail that left to the state of its recipients and the
// suppression list; and reports that somebody made up.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import type { BounceView, SuppressionView } from '../../src/contracts/suppression.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';

const RULES = `
agents:
  writer:
    run: { command: [node, -e, "process.stdout.write('{}')"] }
    may: { reply: approve, recipients: thread }
rules:
  - name: everything
    account: sales
    when: { subject: "/./" }
    then: [{ spawn: writer }]
`;

interface Reported {
  address: string;
  status: string;
  said: string;
}

let number = 0;

/** As Postfix writes it. @param messageId of the mail that came back; without, nothing of it is given back */
function report(
  recipients: readonly Reported[],
  messageId: string | null,
  to = 'sales@company.example',
): string {
  const id = ++number;
  return [
    'Return-Path: <>',
    `Delivered-To: ${to}`,
    'From: MAILER-DAEMON@mx.provider.example (Mail Delivery System)',
    'To: sales@company.example',
    'Subject: Undelivered Mail Returned to Sender',
    `Message-ID: <report-${id}@mx.provider.example>`,
    `Date: Sat, 21 Nov 2026 10:00:${String(id).padStart(2, '0')} +0000`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    '',
    'I could not deliver your message.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.provider.example',
    ...recipients.flatMap(({ address, status, said }) => [
      '',
      `Final-Recipient: rfc822; ${address}`,
      'Action: failed',
      `Status: ${status}`,
      `Diagnostic-Code: smtp; ${said}`,
    ]),
    '',
    ...(messageId === null
      ? []
      : ['--b', 'Content-Type: text/rfc822-headers', '', `Message-ID: ${messageId}`, 'Subject: Hello', '']),
    '--b--',
    '',
  ].join('\r\n');
}

const UNKNOWN = { status: '5.1.1', said: '550 5.1.1 User unknown' };

describe('reports that come back', { skip: requireService('dovecot', 'smtp-sink') }, () => {
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

  const send = async (...to: string[]) => {
    const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
      ...{ account: 'sales', to, subject: 'Hello', text: 'Hello.' },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return gateway.until(async () => {
      const submission = await gateway.submission(body.id);
      return submission.state === 'sent' && submission;
    });
  };
  const bounces = async (query = '') =>
    (await gateway.get<{ data: BounceView[] }>(`/v1/bounces?limit=100${query}`)).data;
  /** Delivers a report and waits until it was read. */
  const comesBack = async (text: string) => {
    const known = (await bounces()).length;
    await dovecot.deliver('sales', text);
    await eventually(async () => (await bounces()).length > known); // nobody is told of what is about no mail
  };
  const suppressed = async () =>
    (await gateway.get<{ data: SuppressionView[] }>('/v1/suppressions?limit=100')).data.map(
      (one) => one.address,
    );
  const statesOf = async (id: string) => {
    const { state, recipients } = await gateway.submission(id);
    return [state, ...recipients.map((one) => one.state)];
  };

  it('sets the state of the recipient, with the words of the server, and of the mail once nobody has it', async () => {
    const sent = await send('bob@one.example', 'carol@one.example');
    await comesBack(report([{ address: 'BOB@one.example', ...UNKNOWN }], sent.message_id));
    assert.deepEqual(await statesOf(sent.id), ['sent', 'bounced', 'sent']);
    assert.equal((await gateway.submission(sent.id)).recipients[0]?.response, '550 5.1.1 User unknown');
    assert.deepEqual(await suppressed(), ['bob@one.example']);

    await comesBack(
      report(
        [{ address: 'carol@one.example', status: '5.2.2', said: '552 5.2.2 mailbox full' }],
        sent.message_id,
      ),
    );
    assert.deepEqual(await statesOf(sent.id), ['bounced', 'bounced', 'bounced']);
    assert.deepEqual(await suppressed(), ['bob@one.example'], 'a full mailbox is not given up at once');
    const [full] = await bounces(`&submission=${sent.id}`);
    assert.deepEqual([full?.kind, full?.reason, full?.matched_by], ['soft', 'mailbox full', 'message-id']);
  });

  it('suppresses nobody for a report that names another recipient, or no mail of ours', async () => {
    const before = await suppressed();
    const sent = await send('dave@two.example');
    await comesBack(report([{ address: 'victim@two.example', ...UNKNOWN }], sent.message_id));
    await comesBack(
      report([{ address: 'dave@two.example', ...UNKNOWN }], `<${'0'.repeat(32)}@company.example>`),
    );
    await comesBack(report([{ address: 'dave@two.example', ...UNKNOWN }], null));
    assert.deepEqual(await statesOf(sent.id), ['sent', 'sent']);
    assert.deepEqual(await suppressed(), before);
    assert.ok((await bounces()).slice(0, 3).every((one) => one.submission_id === null));
  });

  it('knows a mail by the token in its return path alone, and no token that was changed', async () => {
    const patched = await gateway.request('PATCH', `/v1/accounts/${account.id}`, {
      bounce_address: 'sales+{token}@company.example',
    });
    assert.equal(patched.status, 200, JSON.stringify(patched.body));
    const sent = await send('erin@three.example');
    const mail = (await sink.messages()).find(({ recipients }) => recipients.includes('erin@three.example'));
    const path = mail?.envelopeFrom ?? '';
    assert.match(path, /^sales\+[a-z2-7]{42}@company\.example$/);
    const forged = path.replace(/.@/, (end) => (end === 'a@' ? 'e@' : 'a@'));
    const changed = path.replace(/\+./, (start) => (start === '+a' ? '+b' : '+a'));
    for (const wrong of [changed, forged])
      await comesBack(report([{ address: 'erin@three.example', ...UNKNOWN }], null, wrong));
    assert.deepEqual(await statesOf(sent.id), ['sent', 'sent']);
    // Servers on the way may have changed the case of its letters.
    await comesBack(report([{ address: 'erin@three.example', ...UNKNOWN }], null, path.toUpperCase()));
    assert.deepEqual(await statesOf(sent.id), ['bounced', 'bounced']);
    assert.equal((await bounces(`&submission=${sent.id}`))[0]?.matched_by, 'return-path');
  });

  it('counts the same report once, and starts no session', async () => {
    const sent = await send('fred@four.example');
    const text = report([{ address: 'fred@four.example', ...UNKNOWN }], sent.message_id);
    await comesBack(text);
    await dovecot.deliver('sales', text); // the same mail at a second place
    await comesBack(report([{ address: 'nobody@four.example', ...UNKNOWN }], null));
    assert.equal((await bounces(`&submission=${sent.id}`)).length, 1);
    assert.deepEqual(await gateway.sessions(), []);
  });

  it('takes a complaint as one, whatever the provider hides of who complained', async () => {
    const sent = await send('gina@five.example');
    const arf = [
      'From: fbl@provider.example',
      'To: sales@company.example',
      'Subject: complaint about message',
      'Message-ID: <arf@provider.example>',
      'Date: Sat, 21 Nov 2026 11:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
      '',
      '--b',
      '',
      'A complaint.',
      '--b',
      'Content-Type: message/feedback-report',
      '',
      'Feedback-Type: abuse',
      'Original-Rcpt-To: redacted-1@provider.example',
      '',
      '--b',
      'Content-Type: message/rfc822',
      '',
      `Message-ID: ${sent.message_id}`,
      'To: redacted@provider.example',
      '',
      'Hello.',
      '--b--',
      '',
    ].join('\r\n');
    await comesBack(arf);
    assert.deepEqual(await statesOf(sent.id), ['complained', 'complained']);
    assert.ok((await suppressed()).includes('gina@five.example'));
  });
});
