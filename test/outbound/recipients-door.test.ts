// Hostile recipients at the real doors, POST /v1/submissions and the edit of a draft: each is refused with a sentence, or
// what was approved and what RCPT TO says are equal byte for byte.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { REFUSED, TAKEN } from './hostile-addresses.ts';
import { startWireRecorder, type WireRecorder } from './wire-recorder.ts';

const RULES = `
rules:
  - name: pass on
    account: sales
    mailbox: INBOX
    when: { subject: order }
    then: [{ forward: { to: [boss@example.org], send: approve } }]
`;
const ORDER =
  'From: Ann <ann@prospect.example>\r\nTo: sales@company.example\r\nSubject: order\r\nMessage-ID: <o1@x>\r\n\r\nx\r\n';
const FIELDS = ['to', 'cc', 'bcc'] as const;
/** By the schema: what is no recipient at all, by its length alone. */
const isSaid = (text: string): boolean => text.length >= 3 && text.length <= 998;

describe('hostile recipients', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let wire: WireRecorder;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    wire = await startWireRecorder({ extensions: ['SMTPUTF8', '8BITMIME', 'SIZE 99999999'] });
    gateway = await startGateway({ rules: { 'rules.yaml': RULES } });
    await gateway.addAccount({
      label: 'sales',
      address: 'sales@company.example',
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
      smtp: { host: '127.0.0.1', port: wire.port, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
    });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await wire?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const refusedWith = (status: number, body: { code?: string; detail?: string }, text: string): void => {
    const at = `${JSON.stringify(text)}: ${status} ${JSON.stringify(body)}`;
    if (isSaid(text)) {
      assert.ok([400, 422].includes(status), at);
      assert.equal(body.code, 'recipient_invalid', at);
      assert.match(body.detail ?? '', /^The recipient .+\.$/, at);
    } else assert.equal(status, 400, at);
  };

  it('are refused when a mail is sent, in every field', async () => {
    for (const [index, text] of REFUSED.entries()) {
      const mail = { account: 'sales', to: ['anna@example.com'], subject: 'x', text: 'x' };
      const field = FIELDS[index % FIELDS.length] as string;
      const { status, body } = await gateway.request('POST', '/v1/submissions', { ...mail, [field]: [text] });
      refusedWith(status, body, text);
    }
    assert.equal((await gateway.get<{ data: unknown[] }>('/v1/submissions')).data.length, 0);
  });

  it('are said as they were approved, where they are taken', async () => {
    const taken: { text: string; address: string; id: string }[] = [];
    for (const [text, name, address] of TAKEN) {
      const { status, body } = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
        ...{ account: 'sales', to: [text], subject: 'x', text: 'x' },
      });
      assert.equal(status, 201, `${text}: ${JSON.stringify(body)}`);
      const { recipients, draft_id } = await gateway.submission(body.id);
      const draft = await gateway.get<DraftView>(`/v1/drafts/${draft_id}`);
      assert.deepEqual(draft.to, [{ name, address }]);
      assert.deepEqual(
        recipients.map((one) => one.address),
        [address],
      );
      taken.push({ text, address, id: body.id });
    }
    for (const { id } of taken)
      await gateway.until(async () => (await gateway.submission(id)).state === 'sent');
    const said = wire.commands().filter((line) => /^RCPT/i.test(line));
    assert.deepEqual(said.sort(), taken.map(({ address }) => `RCPT TO:<${address}>`).sort());
  });

  it('are refused when a draft is edited, and those that are taken leave as they were approved', async () => {
    await dovecot.deliver('sales', ORDER);
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    for (const [index, text] of REFUSED.entries()) {
      const field = FIELDS[index % FIELDS.length] as string;
      const { status, body } = await gateway.request('POST', `/v1/drafts/${draft.id}/edit`, {
        [field]: [text],
      });
      refusedWith(status, body, text);
    }
    const lists = {
      to: TAKEN.filter((_, index) => index % 3 === 0),
      cc: TAKEN.filter((_, index) => index % 3 === 1),
      bcc: TAKEN.filter((_, index) => index % 3 === 2),
    };
    const texts = Object.fromEntries(FIELDS.map((field) => [field, lists[field].map(([text]) => text)]));
    const { status, body: edited } = await gateway.request<DraftView>(
      'POST',
      `/v1/drafts/${draft.id}/edit`,
      texts,
    );
    assert.equal(status, 200, JSON.stringify(edited));
    for (const field of FIELDS)
      assert.deepEqual(
        edited[field],
        lists[field].map(([, name, address]) => ({ name, address })),
      );
    const before = wire.commands().length;
    const { body: approved } = await gateway.request<{ submission_id: string }>(
      'POST',
      `/v1/drafts/${draft.id}/approve`,
      {
        digest: edited.digest,
      },
    );
    await gateway.until(async () => (await gateway.submission(approved.submission_id)).state === 'sent');
    const said = wire
      .commands()
      .slice(before)
      .filter((line) => /^RCPT/i.test(line));
    const addresses = FIELDS.flatMap((field) => lists[field].map(([, , address]) => address));
    assert.deepEqual(
      said,
      [...new Set(addresses)].map((address) => `RCPT TO:<${address}>`),
    );
  });
});
