// Every action of a rule on mail that went through real servers: done once, and safe where the mail has gone meanwhile.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { MessageView } from '../../src/contracts/mail.ts';
import { actionWords } from '../../src/contracts/rule.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';
import { type Mail, rawMail } from './mails.ts';

const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

const rules = (receiver: number): string => `
agents:
  noter: { run: { command: [node, -e, ""] }, may: { reply: never } }
destinations:
  crm: { url: "http://127.0.0.1:${receiver}/inbound", allow_private: true }
rules:
  - { name: last, priority: -1, then: [label: Last] }
  - { name: spawn, when: { subject: do spawn }, then: [spawn: noter] }
  - { name: post, when: { subject: do post }, then: [post: crm] }
  - { name: ingest, when: { subject: do ingest }, then: [ingest: { attachments: true }] }
  - { name: label, when: { subject: do label }, then: [label: Agent/Très bien] }
  - { name: flag, when: { subject: do flag }, then: [flag: [flagged, $Work, "!seen", "!$Old"]] }
  - { name: mark_seen, when: { subject: do seen }, then: [mark_seen] }
  - { name: move, when: { subject: do move }, then: [move: Archive, label: Moved] }
  - { name: move again, when: { subject: do move }, then: [move: Elsewhere] }
  - { name: create, when: { subject: do create }, then: [move: { mailbox: Made/Deep, create: true }] }
  - { name: nowhere, when: { subject: do nowhere }, then: [move: Nowhere] }
  - { name: stop, when: { subject: do stop }, then: [label: Stopped, stop] }
  - { name: forward, when: { subject: do forward }, then: [forward: { to: Anna <anna@company.example>, note: Please look. }] }
  - { name: auto, when: { subject: do auto }, then: [forward: { to: [anna@company.example], send: auto }] }
  - { name: limited, when: { subject: do limited }, then: [forward: { to: eva@company.example, limit: 1/1h }] }
  - { name: draft, when: { subject: do draft }, then: [draft: received] }
  - { name: late, when: { text: needle }, then: [label: Late] }
  - { name: away, when: { subject: do away }, then: [move: Away, forward: anna@company.example, label: Sent on] }
`;

describe('actions', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;
  let receiver: Server;
  const posted: string[] = [];

  before(async () => {
    receiver = createServer((request, response) => {
      posted.push(request.headers['webhook-id']?.toString() ?? '');
      request.resume().on('end', () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    await dovecot.deliver('sales', rawMail('old'), 'Archive');
    await dovecot.deliver('sales', rawMail('old'), 'Away');
    sink = await startSmtpSink();
    const { port } = receiver.address() as AddressInfo;
    gateway = await startGateway({ rules: { 'rules.yaml': rules(port) } });
    await gateway.addAccount({ ...salesAccount(dovecot, sink), authserv_id: 'mx.company.example' });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
    receiver?.close();
  });

  const deliver = (id: string, mail: Mail, flags: string[] = []): Promise<unknown> =>
    dovecot.deliver('sales', rawMail(id, mail), 'INBOX', { flags });
  const messageOf = async (id: string): Promise<MessageView | undefined> => {
    const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages?limit=100');
    return data.find((message) => message.message_id === `<${id}@prospect.example>`);
  };
  const decided = (id: string): Promise<MessageView> =>
    gateway.until(async () => ((await messageOf(id))?.decisions.length ?? 0) > 0 && (await messageOf(id)));
  /** The flags of a mail that is in a mailbox once. */
  const flagsOf = async (id: string, mailbox = 'INBOX'): Promise<string[] | null> => {
    const mails = await dovecot.fetchAll('sales', mailbox);
    const found = mails.filter(({ raw }) => raw.includes(`Message-ID: <${id}@prospect.example>`));
    assert.ok(found.length <= 1, `${id} is in ${mailbox} once`);
    return found[0]?.flags ?? null;
  };
  const flagged = (id: string, flag: string, mailbox?: string): Promise<string[]> =>
    eventually(async () => {
      const flags = await flagsOf(id, mailbox);
      return flags?.includes(flag) ? flags : null;
    });
  const deadLetters = async (): Promise<{ kind: string; error: string }[]> =>
    (await gateway.get<{ data: { kind: string; error: string }[] }>('/v1/dead-letters')).data;

  it('label, flag and mark_seen set flags at the server, and flag takes some away', async () => {
    await deliver('label', { subject: 'do label' });
    await deliver('flag', { subject: 'do flag' }, ['\\Seen', '$Old', '$Kept']);
    await deliver('seen', { subject: 'do seen' });
    assert.ok((await flagged('label', 'Last')).includes('Agent/Tr_s_bien'));
    await flagged('flag', 'Last');
    const flags = await eventually(async () => {
      const found = (await flagsOf('flag')) ?? [];
      return found.includes('\\Seen') ? null : found; // what is taken away is a command of its own
    });
    assert.deepEqual(flags.filter((flag) => flag !== '\\Recent').sort(), [
      '$Kept',
      '$Work',
      'Last',
      '\\Flagged',
    ]);
    assert.ok((await flagged('seen', 'Last')).includes('\\Seen'));
  });

  it('move takes the mail to where the first rule wants it, with its labels', async () => {
    await deliver('move', { subject: 'do move' });
    assert.ok((await flagged('move', 'Moved', 'Archive')).includes('Last'));
    assert.equal(await flagsOf('move'), null);
    assert.equal(await flagsOf('move', 'Elsewhere'), null);
  });

  it('move makes a folder where the rule says so, and is a dead letter where it does not', async () => {
    await deliver('create', { subject: 'do create' });
    assert.ok(await flagged('create', 'Last', 'Made/Deep'));
    await deliver('nowhere', { subject: 'do nowhere' });
    const [dead] = await eventually(async () => {
      const letters = await deadLetters();
      return letters.length > 0 ? letters : null;
    });
    assert.equal(dead?.kind, 'message.move');
    assert.match(dead?.error ?? '', /Nowhere/);
    assert.ok(await flagged('nowhere', 'Last'), 'the mail is where it was');
  });

  it('stop ends with its rule', async () => {
    await deliver('stop', { subject: 'do stop' });
    assert.ok(!(await flagged('stop', 'Stopped')).includes('Last'));
  });

  it('spawn starts a session, post posts, ingest takes the documents, each once', async () => {
    const files = [{ name: 'a.txt', type: 'text/plain', bytes: Buffer.from('pumps') }];
    await deliver('spawn', { subject: 'do spawn' });
    await deliver('post', { subject: 'do post' });
    await deliver('ingest', { subject: 'do ingest', files });
    await gateway.until(async () => (await gateway.sessions()).some(({ state }) => state === 'done'));
    await eventually(async () => (posted.length > 0 ? posted : null));
    assert.deepEqual((await decided('ingest')).decisions[0]?.rule, 'ingest');
    assert.equal((await gateway.sessions()).length, 1);
    assert.equal(posted.length, 1);
  });

  it('forward makes a draft with the text and the files, which leaves when a person has approved it', async () => {
    const files = [{ name: 'plan.pdf', type: 'application/pdf', bytes: Buffer.alloc(400_000, 'plan') }];
    await deliver('forward', { subject: 'Re: do forward', text: 'See the plan.', files });
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    assert.equal(draft.subject, 'Fwd: do forward');
    assert.deepEqual(draft.to, [{ name: 'Anna', address: 'anna@company.example' }]);
    assert.match(
      draft.text,
      /^Please look\.\n\n-+ Forwarded message -+\nFrom: Ann Buyer <ann@prospect\.example>/,
    );
    assert.match(draft.text, /See the plan\.\s*$/);
    assert.deepEqual(
      draft.attachments.map(({ filename, size }) => [filename, size]),
      [['plan.pdf', 400_000]],
    );
    assert.equal(draft.reasons[0], 'The rule wants a person to approve what it forwards.');
    assert.equal((await sink.messages()).length, 0);
    const { status } = await gateway.request('POST', `/v1/drafts/${draft.id}/approve`, {
      digest: draft.digest,
    });
    assert.equal(status, 200);
    const [sent] = await sink.waitFor(1);
    assert.deepEqual(sent?.recipients, ['anna@company.example']);
  });

  it('draft answers from a template that is shipped, once a person has approved it', async () => {
    await deliver('answered', { subject: 'do draft' });
    const draft = await gateway.until(async () =>
      (await gateway.drafts()).find(({ subject }) => subject === 'We have your mail: do draft'),
    );
    assert.deepEqual(draft.to, [{ name: 'Ann Buyer', address: 'ann@prospect.example' }]);
    assert.match(draft.text, /^Hello Ann Buyer,\n\nthank you for writing to sales@company\.example\./);
    const { status } = await gateway.request('POST', `/v1/drafts/${draft.id}/reject`, {});
    assert.equal(status, 200);
  });

  it('forward leaves by itself where the rule says so and the sender is sure, and else waits', async () => {
    await deliver('unsure', { subject: 'do auto' });
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    assert.match(draft.reasons.join(), /sender of the mail is not verified/);
    await deliver('sure', { subject: 'do auto', headers: [VOUCHED] });
    const [, sent] = await sink.waitFor(2);
    assert.match(sent?.raw.toString() ?? '', /^Auto-Submitted: auto-generated\r$/m);
    assert.match(sent?.raw.toString() ?? '', /^References: <sure@prospect\.example>\r$/m);
    assert.equal((await gateway.drafts()).length, 1);
  });

  it('finds what was moved to a folder that nobody watches, for whatever else is to be done with it', async () => {
    const known = new Set((await gateway.drafts()).map(({ id }) => id));
    const files = [{ name: 'plan.txt', type: 'text/plain', bytes: Buffer.from('the plan') }];
    await deliver('away', { subject: 'do away', files });
    await flagged('away', 'Sent_on', 'Away');
    const draft = await gateway.until(async () => (await gateway.drafts()).find(({ id }) => !known.has(id)));
    assert.deepEqual(
      draft.attachments.map(({ filename }) => filename),
      ['plan.txt'],
    );
    const { id } = await gateway.until(async () => {
      const message = await messageOf('away');
      return message?.mailbox === 'Away' && message;
    });
    const detail = await gateway.get<{ text: string }>(`/v1/messages/${id}`);
    assert.match(detail.text, /Good day/);
  });

  it('forwards no mail that comes back, none to who wrote it, and no more than its limit, and says so with the decision', async () => {
    const [, sent] = await sink.messages();
    const messageId = /^Message-ID: (<[^>]+>)/im.exec(sent?.raw.toString('latin1') ?? '')?.[1];
    await deliver('back', {
      subject: 'Fwd: do auto',
      headers: [VOUCHED, `References: <x@y.example> ${messageId}`],
    });
    await deliver('anna', { subject: 'do auto', from: 'anna@company.example' });
    const suppressed = async (id: string, by = 'auto'): Promise<string | null | undefined> =>
      (await messageOf(id))?.decisions.find(({ rule }) => rule === by)?.suppressed;
    const reasons = await eventually(async () => {
      const found = [await suppressed('back'), await suppressed('anna')];
      return found.every(Boolean) ? found : null;
    });
    await deliver('limited-1', { subject: 'do limited' });
    await gateway.until(async () =>
      (await gateway.drafts()).some(({ to }) => to[0]?.address.startsWith('eva')),
    );
    await deliver('limited-2', { subject: 'do limited' });
    const limit = await eventually(async () =>
      suppressed('limited-2', 'limited').then((found) => found ?? null),
    );
    assert.equal(limit, 'not forwarded: the rule has forwarded as many as it may (1/1h)');
    assert.deepEqual(reasons, [
      'not forwarded: it refers to a mail that was forwarded before',
      'not forwarded: anna@company.example wrote it',
    ]);
    assert.equal((await sink.messages()).length, 2);
  });

  it('decides later on the text of a flood, whose texts are not read on the way in', async () => {
    await gateway.stop();
    const flood = Array.from({ length: 30 }, (_, at) =>
      rawMail(`flood-${at}`, { subject: 'flood', text: at % 10 === 0 ? 'hay needle hay' : 'hay' }),
    );
    await dovecot.deliverMany('sales', flood);
    await gateway.start();
    for (const at of [0, 10, 20]) await flagged(`flood-${at}`, 'Late');
    const late = await eventually(async () => {
      const flags = await Promise.all(flood.map((_, at) => flagsOf(`flood-${at}`)));
      return flags.every((found) => found?.includes('Last')) ? flags : null;
    });
    assert.equal(late.filter((flags) => flags?.includes('Late')).length, 3);
  });

  it('is done with mail that a person moved there or deleted meanwhile, and holds up no other', async () => {
    const before = (await deadLetters()).length;
    await gateway.stop();
    gateway.setEnv({ POSTERN_ROLES: 'watch,api' }); // decides, and does nothing yet
    await gateway.start();
    await deliver('moved', { subject: 'do move' });
    await deliver('deleted', { subject: 'do label' });
    await decided('moved');
    await decided('deleted');
    await gateway.kill();
    for (const { uid, raw } of await dovecot.fetchAll('sales')) {
      if (raw.includes('<moved@')) await dovecot.move('sales', uid, 'Archive');
      if (raw.includes('<deleted@')) await dovecot.expunge('sales', uid);
    }
    gateway.setEnv({ POSTERN_ROLES: 'watch,work,api' });
    await gateway.start();
    await deliver('next', { subject: 'do move' });
    await flagged('next', 'Moved', 'Archive');
    assert.ok(await flagsOf('moved', 'Archive'));
    assert.equal((await deadLetters()).length, before);
  });

  it('every action has its rule here', () => {
    const text = rules(0);
    assert.deepEqual(
      actionWords.filter((word) => !new RegExp(`then: \\[.*\\b${word}\\b`).test(text)),
      [],
    );
  });
});
