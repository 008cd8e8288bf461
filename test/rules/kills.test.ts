// What rules decide is done once, also when the gateway is killed again and again in between: here mail that is decided on
// only once its text was read, and then forwarded by itself.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as passes } from 'node:timers/promises';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { rawMail } from './mails.ts';

const MAILS = 24; // more than are read with their text on the way in
const KILLS = 4;
const SENDS_AT_ONCE = 5; // of one account
const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

const RULES = `rules:
  - name: forward
    when: { text: needle }
    then: [forward: { to: anna@company.example, send: auto, limit: 1000/1h }, move: Forwarded]
`;

describe('rules over kills', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    await dovecot.deliver('sales', rawMail('old'), 'Forwarded');
    sink = await startSmtpSink();
    gateway = await startGateway({ rules: { 'rules.yaml': RULES } });
    await gateway.addAccount({ ...salesAccount(dovecot, sink), authserv_id: 'mx.company.example' });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
  });

  it('forward and move each mail once', async () => {
    await gateway.kill();
    const ids = Array.from({ length: MAILS }, (_, at) => `mail-${at}`);
    const mail = { headers: [VOUCHED], text: 'hay needle hay' };
    await dovecot.deliverMany(
      'sales',
      ids.map((id) => rawMail(id, { ...mail, subject: id })),
    );
    for (let kill = 1; kill <= KILLS; kill++) {
      await gateway.start();
      await passes(150 * kill); // wherever it is then
      await gateway.kill();
    }
    await gateway.start();
    const ended = await gateway.until(async () => {
      const { data } = await gateway.get<{ data: SubmissionView[] }>('/v1/submissions?limit=1000');
      const all = data.filter(({ state }) => ['sent', 'unknown'].includes(state));
      return all.length === MAILS && all;
    });
    // A kill in the midst of DATA leaves it unknown whether the mail arrived: it waits for a person, and is not sent again.
    const inDoubt = ended.filter(({ state }) => state === 'unknown').length;
    await gateway.until(async () => (await dovecot.list('sales', 'Forwarded')).length === MAILS + 1);
    assert.deepEqual(await dovecot.list('sales'), []);
    const sent = (await sink.messages()).map(
      ({ raw }) => /^Subject: Fwd: (.*?)\r$/m.exec(raw.toString())?.[1] ?? '',
    );
    assert.equal(new Set(sent).size, sent.length, 'none came twice');
    assert.ok(sent.every((subject) => ids.includes(subject)));
    assert.ok(inDoubt <= KILLS * SENDS_AT_ONCE, `${inDoubt} are in doubt`);
    assert.ok(sent.length >= MAILS - inDoubt, `${sent.length} arrived, ${inDoubt} are in doubt`);
  });
});
