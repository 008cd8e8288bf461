// A report may be quicker than the ledger: it comes in while the server still thinks about the content of its mail.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { startWireRecorder } from '../outbound/wire-recorder.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { startGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';

const reportOn = (messageId: string) =>
  [
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.provider.example (Mail Delivery System)',
    'To: sales@company.example',
    'Subject: Undelivered Mail Returned to Sender',
    'Message-ID: <report@mx.provider.example>',
    'Date: Sat, 21 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    ...['', '--b', '', 'I could not deliver your message.'],
    ...['--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.provider.example', ''],
    ...['Final-Recipient: rfc822; bob@one.example', 'Action: failed', 'Status: 5.1.1'],
    'Diagnostic-Code: smtp; 550 5.1.1 User unknown',
    ...['', '--b', 'Content-Type: text/rfc822-headers', '', `Message-ID: ${messageId}`, 'Subject: Hello', ''],
    ...['--b--', ''],
  ].join('\r\n');

describe('a report on a mail that is still on its way', { skip: requireService('dovecot') }, () => {
  it('waits until the mail is concluded, and then counts', async () => {
    await using stack = new AsyncDisposableStack();
    const dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    stack.defer(() => dovecot.stop());
    let ledger: DatabaseSync | undefined;
    const beforeAnswer = async (): Promise<void> => {
      const [, id] = /^Message-ID: (<[^>]+>)/im.exec(smtp.bytes()) ?? [];
      await dovecot.deliver('sales', reportOn(id as string));
      await eventually(() => {
        const one = (query: string) => (ledger as DatabaseSync).prepare(query).get();
        return (
          one('select 1 from bounces') ??
          one(`select 1 from jobs where kind = 'report.read' and updated_at > created_at and state = 'ready'`)
        );
      });
    };
    const smtp = stack.use(await startWireRecorder({ beforeAnswer }));
    const gateway = stack.use(await startGateway({ rules: { 'rules.yaml': 'rules: []\n' } }));
    ledger = new DatabaseSync(join(gateway.folder, 'data', 'ledger.sqlite'));
    stack.defer(() => ledger?.close());
    await gateway.addAccount(salesAccount(dovecot, smtp as never));
    const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
      ...{ account: 'sales', to: ['bob@one.example'], subject: 'Hello', text: 'Hello.' },
    });
    assert.equal(status, 201, JSON.stringify(body));
    const submission = await eventually(async () => {
      const found = await gateway.submission(body.id);
      const { data } = await gateway.get<{ data: object[] }>(`/v1/bounces?submission=${body.id}`);
      return found.state !== 'sending' && found.state !== 'queued' && data.length === 1 && found;
    });
    const { state, recipients } = await gateway.submission(submission.id);
    assert.deepEqual(
      [state, recipients[0]?.state, recipients[0]?.response],
      ['bounced', 'bounced', '550 5.1.1 User unknown'],
    );
  });
});
