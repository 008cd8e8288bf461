// Who sent a mail is proved before what hangs on it is decided: signed mails through a real IMAP server, with their keys
// in a name server that also fails, hangs and comes back.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MessageView, Trust } from '../../src/contracts/mail.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { rsaKey, type SigningJob, signMails } from '../support/sign-mail.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const ANSWER = JSON.stringify({ actions: [{ type: 'reply', text: 'It is on its way.' }] });
const RULES = `
agents:
  writer:
    run: { command: [node, -e, ${JSON.stringify(`process.stdin.resume().on('end', () => console.log(${JSON.stringify(ANSWER)}))`)}] }
    may: { reply: auto, recipients: thread }
rules:
  - { name: all, then: [{ label: Seen }] }
  - { name: proved, when: { trust: verified }, then: [{ label: Proved }] }
  - { name: doubted, when: { not: { trust: verified } }, then: [{ label: Doubted }] }
  - { name: answered, when: { subject: /^answer/ }, then: [{ spawn: writer }] }
  - { name: warned, when: { trust: [lookalike, name-of-another] }, then: [{ label: Warned }] }
  - { name: proved and quiet, when: { trust: verified, text: psst }, then: [{ label: Quiet }] }
`;
const key = rsaKey();

describe('trust that is proved', { skip: requireService('dovecot', 'smtp-sink', 'dkimpy') }, () => {
  let dns: TestDns;
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;
  const mails = new Map<string, Buffer>();

  before(async () => {
    [dns, dovecot, sink] = await Promise.all([
      startDns(),
      startDovecot({ users: { sales: DEFAULT_PASSWORD } }),
      startSmtpSink(),
    ]);
    dns.txt('s1._domainkey.customer.example', key.record);
    dns.txt('hung._domainkey.customer.example', key.record);
    dns.trouble('hung._domainkey.customer.example', 'silent');
    gateway = await startGateway({
      rules: { 'rules.yaml': RULES },
      env: { POSTERN_DNS_SERVERS: dns.address },
    });
    await gateway.addAccount(salesAccount(dovecot, sink));
    const wanted: [subject: string, job: Partial<SigningJob>, body?: string][] = [
      ['right', {}],
      ['changed', {}],
      ['stranger', { domain: 'other.example' }],
      ['large', {}, 'A line of a large mail.\r\n'.repeat(80_000)],
      ['quiet', {}, 'psst\r\n'],
      ['hung', { selector: 'hung' }],
      ['answer', {}],
      ['answer, changed', {}],
    ];
    const signed = await signMails(
      wanted.map(([subject, job, body = 'Good morning.\r\n']) => ({
        ...{ domain: 'customer.example', selector: 's1', key },
        ...job,
        raw: mail(subject, body),
      })),
    );
    for (const [i, [subject]] of wanted.entries()) mails.set(subject, signed[i] as Buffer);
    mails.set('unsigned', Buffer.from(mail('unsigned', 'Good morning.\r\n')));
    for (const subject of ['changed', 'answer, changed'])
      mails.set(subject, replaced(mails.get(subject) as Buffer, 'Good morning', 'Good evening'));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await Promise.all([sink?.stop(), dovecot?.stop(), dns?.stop()]);
  });

  const deliver = async (subject: string): Promise<void> => {
    await dovecot.deliver('sales', mails.get(subject) as Buffer);
  };
  const messageOf = async (subject: string): Promise<MessageView | undefined> =>
    (await gateway.get<{ data: MessageView[] }>('/v1/messages')).data.find((one) => one.subject === subject);
  /** The message, once these rules have been decided, in any order. */
  const decided = (subject: string, ...rules: string[]): Promise<MessageView> =>
    gateway.until(async () => {
      const message = await messageOf(subject);
      const names = message?.decisions.map(({ rule }) => rule).sort();
      return names?.join() === [...rules].sort().join() ? message : undefined;
    });

  it('a rule that wants proof takes the signed mail alone', async () => {
    for (const subject of ['right', 'changed', 'stranger', 'unsigned', 'large', 'quiet'])
      await deliver(subject);
    const right = await decided('right', 'all', 'proved');
    assert.equal(right.trust.level, 'verified');
    assert.deepEqual([right.trust.dkim, right.trust.checked], ['pass', true]);
    assert.match(right.trust.reason, /a signature of customer\.example holds/);
    const asked = await gateway.request<Trust>('POST', `/v1/messages/${right.id}/verify`);
    assert.deepEqual([asked.status, asked.body.level], [200, 'verified']);
    const changed = await decided('changed', 'all', 'doubted');
    assert.match(changed.trust.reason, /body is not the one that customer\.example has signed/);
    assert.equal((await decided('stranger', 'all', 'doubted')).trust.level, 'unverified');
    assert.equal((await decided('unsigned', 'all', 'doubted')).trust.level, 'unverified');
    assert.equal((await decided('large', 'all', 'proved')).trust.level, 'verified');
    await decided('quiet', 'all', 'proved', 'proved and quiet');
    const flags = await gateway.until(async () => {
      const stored = (await dovecot.fetchAll('sales')).find(({ raw }) =>
        String(raw).includes('Subject: right'),
      );
      return stored?.flags.includes('Proved') ? stored.flags : undefined;
    });
    assert.ok(!flags.includes('Doubted'));
  });

  it('no message is fetched whole and no key asked for where no proof could come of it', async () => {
    assert.ok(!dns.asked.some((one) => one.includes('other.example')), dns.asked.join());
  });

  it('while a name server hangs, other mail is decided on; after a kill, the late decision is made once', async () => {
    await deliver('hung');
    await deliver('answer');
    await gateway.until(async () => dns.asked.includes('TXT hung._domainkey.customer.example'));
    await decided('answer', 'all', 'answered', 'proved');
    assert.deepEqual(
      (await messageOf('hung'))?.decisions.map(({ rule }) => rule),
      ['all'],
    );
    await gateway.kill();
    dns.trouble('hung._domainkey.customer.example', null);
    await gateway.start();
    const hung = await decided('hung', 'all', 'proved');
    assert.equal(hung.trust.level, 'verified');
    const labels = await gateway.until(async () => {
      const stored = (await dovecot.fetchAll('sales')).find(({ raw }) =>
        String(raw).includes('Subject: hung'),
      );
      return stored?.flags.includes('Proved') ? stored.flags : undefined;
    });
    assert.ok(!labels.includes('Doubted'));
  });

  it('an answer to a mail that is proved leaves by itself, and one to a changed mail waits for a person', async () => {
    await gateway.until(async () => (await sink.messages()).length === 1);
    await deliver('answer, changed');
    const [draft] = await gateway.until(async () => {
      const drafts = await gateway.drafts();
      return drafts.length > 0 ? drafts : undefined;
    });
    assert.match(draft?.reasons.join() ?? '', /not verified: the body is not the one/);
    assert.equal((await sink.messages()).length, 1);
  });

  it('who only looks like somebody to whom an answer went is warned of', async () => {
    const looks = (subject: string, from: string): string =>
      mail(subject, 'Please pay to another account.\r\n').replace(/^From: .*/, `From: ${from}`);
    await dovecot.deliver('sales', looks('digit', 'Somebody <carla@cust0mer.example>'));
    await dovecot.deliver('sales', looks('colleague', 'Dora <dora@customer.example>'));
    await dovecot.deliver('sales', looks('ourselves', 'Boss <boss@c0mpany.example>'));
    assert.deepEqual((await decided('digit', 'all', 'doubted', 'warned')).trust.flags, ['lookalike']);
    assert.deepEqual((await decided('ourselves', 'all', 'doubted', 'warned')).trust.flags, ['lookalike']);
    assert.deepEqual((await decided('colleague', 'all', 'doubted')).trust.flags, []);
  });
});

const mail = (subject: string, body: string): string =>
  [
    'From: Carla <carla@customer.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${subject.replaceAll(/\W/g, '-')}@customer.example>`,
    'Date: Sat, 21 Nov 2026 10:00:00 +0000',
    '',
    body,
  ].join('\r\n');

function replaced(raw: Buffer, from: string, to: string): Buffer {
  const text = raw.toString('latin1');
  assert.ok(text.includes(from));
  return Buffer.from(text.replace(from, to), 'latin1');
}
