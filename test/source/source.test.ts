// The mailbox source against a real Dovecot: what consumers outside are promised.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SourceConsumer, SourceEvent } from '../../src/contracts/source.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { acknowledge, sourceEvents } from '../support/source-client.ts';

type Message = Extract<SourceEvent, { type: 'message' }>;

const USER = 'reader';
const mail = (subject: string, text = 'Hello'): string =>
  `From: a@b.example\r\nTo: c@d.example\r\nMessage-ID: <${subject}@b.example>\r\n` +
  `Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nSubject: ${subject}\r\n\r\n${text}\r\n`;

describe('a mailbox source', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  let names = 0;

  before(async () => {
    dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
    gateway = await startGateway();
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  /** An account of a user of its own, with these mails in its INBOX. */
  async function account(subjects: readonly string[], watch = 'off'): Promise<string> {
    const user = `user${++names}`;
    await dovecot.addUser(user, DEFAULT_PASSWORD);
    if (subjects.length > 0)
      await dovecot.deliverMany(
        user,
        subjects.map((subject) => mail(subject)),
      );
    const input = {
      label: user,
      address: `${user}@company.example`,
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
      watch: { mode: watch },
    };
    if (watch !== 'off') await gateway.addAccount(input);
    else assert.equal((await gateway.request('POST', '/v1/accounts', input)).status, 201);
    return user;
  }

  async function open(label: string, definition: Record<string, unknown> = {}): Promise<string> {
    const input = { name: `${label}-sink`, ...definition };
    const { status, body } = await gateway.request<SourceConsumer>(
      'POST',
      `/v1/accounts/${label}/imap/mailbox_source`,
      input,
    );
    assert.equal(status, 200, JSON.stringify(body));
    return body.id;
  }

  /** All events up to the end of a stream that does not follow. */
  async function drain(consumer: string, query: Record<string, string> = {}): Promise<SourceEvent[]> {
    const events: SourceEvent[] = [];
    for await (const event of sourceEvents(gateway.url, consumer, { follow: 'false', ...query }))
      events.push(event);
    return events;
  }

  const messages = (events: readonly SourceEvent[]): Message[] =>
    events.filter((event): event is Message => event.type === 'message');
  const subjects = (events: readonly SourceEvent[]): string[] =>
    messages(events).map(({ message }) => message.subject);
  const positionOf = (events: readonly SourceEvent[], subject: string): string =>
    messages(events).find(({ message }) => message.subject === subject)?.position ?? '';

  const ack = async (consumer: string, ...positions: string[]) =>
    (await acknowledge(gateway.url, consumer, positions)).body.acknowledged;

  it('hands out what is there by UID, and again until it is acknowledged', async () => {
    const consumer = await open(await account(['one', 'two', 'three']));
    const first = await drain(consumer);
    assert.deepEqual(subjects(first), ['one', 'two', 'three']);
    assert.deepEqual(
      first.map(({ type }) => type),
      ['opened', 'message', 'message', 'message', 'caught_up', 'end'],
    );
    assert.equal(await ack(consumer, positionOf(first, 'two')), 2);
    const second = await drain(consumer);
    assert.deepEqual(subjects(second), ['three']);
    assert.equal(positionOf(second, 'three'), positionOf(first, 'three'), 'a position stays the same');
  });

  it('never moves back by an acknowledgement, and counts each message once', async () => {
    const consumer = await open(await account(['one', 'two', 'three']));
    const events = await drain(consumer);
    assert.equal(await ack(consumer, positionOf(events, 'three')), 3);
    assert.equal(await ack(consumer, positionOf(events, 'one')), 0);
    assert.equal(await ack(consumer, positionOf(events, 'three')), 0);
    const { cursors } = await gateway.get<SourceConsumer>(`/v1/sources/${consumer}`);
    const inbox = cursors.find(({ mailbox }) => mailbox === 'INBOX');
    assert.deepEqual([inbox?.uid, inbox?.acknowledged], [3, 3]);
  });

  it('takes only positions that it handed out, and all of a call or none', async () => {
    const consumer = await open(await account(['one', 'two']));
    const { events } = (
      await gateway.request<{ events: SourceEvent[] }>('POST', `/v1/sources/${consumer}/next`, { limit: 1 })
    ).body;
    const [first] = messages(events);
    const ahead = Buffer.from(
      Buffer.from(first?.position ?? '', 'base64url')
        .toString()
        .replace('.1.', '.2.'),
    ).toString('base64url');
    const refused = await acknowledge(gateway.url, consumer, [first?.position ?? '', ahead]);
    assert.deepEqual([refused.status, refused.body.code], [422, 'position_unknown']);
    assert.deepEqual(subjects(await drain(consumer)), ['one', 'two']);
  });

  it('goes through mailboxes by name, and keeps a cursor for each', async () => {
    const user = await account(['inbox 1']);
    await dovecot.deliverMany(user, [mail('b 1'), mail('b 2')], 'Beta');
    await dovecot.deliverMany(user, [mail('a 1')], 'Alpha');
    const consumer = await open(user);
    const events = await drain(consumer);
    assert.deepEqual(subjects(events), ['a 1', 'b 1', 'b 2', 'inbox 1']);
    await ack(consumer, positionOf(events, 'b 1'), positionOf(events, 'inbox 1'));
    assert.deepEqual(subjects(await drain(consumer)), ['a 1', 'b 2']);
  });

  it('goes on after the gateway was killed', async () => {
    const consumer = await open(await account(['one', 'two', 'three']));
    await ack(consumer, positionOf(await drain(consumer), 'one'));
    await gateway.kill();
    await gateway.start();
    assert.deepEqual(subjects(await drain(consumer)), ['two', 'three']);
  });

  it('waits when too much is on its way, and goes on when it is acknowledged', async () => {
    const consumer = await open(await account(['one', 'two', 'three', 'four', 'five']));
    const seen: string[] = [];
    for await (const event of sourceEvents(gateway.url, consumer, { max_in_flight: '2' })) {
      if (event.type === 'caught_up') break;
      if (event.type !== 'message') continue;
      seen.push(event.message.subject);
      if (seen.length % 2 === 0) assert.equal(await ack(consumer, event.position), 2);
    }
    assert.deepEqual(seen, ['one', 'two', 'three', 'four', 'five']);
  });

  for (const watch of ['off', 'idle']) {
    it(`hands out what comes while it streams, from a mailbox with watch: ${watch}`, async () => {
      const user = await account(['old'], watch);
      const consumer = await open(user, { mailboxes: ['INBOX'], from: 'now' });
      const seen: string[] = [];
      for await (const event of sourceEvents(gateway.url, consumer)) {
        if (event.type === 'caught_up' && seen.length === 0) await dovecot.deliver(user, mail('new'));
        if (event.type === 'message') {
          seen.push(event.message.subject);
          break;
        }
      }
      assert.deepEqual(seen, ['new']);
    });
  }

  it('recognises what was acknowledged when the server numbers the mailbox anew', async () => {
    const user = await account(['one', 'two', 'three', 'four']);
    const consumer = await open(user, { mailboxes: ['INBOX'] });
    const before = await drain(consumer);
    await ack(consumer, positionOf(before, 'three'));
    await dovecot.changeUidValidity(user, 'INBOX', { renumber: true });
    await dovecot.deliver(user, mail('five'));
    const after = await drain(consumer);
    assert.deepEqual(subjects(after), ['four', 'five']);
    const told = after.find((event) => event.type === 'renumbered');
    assert.equal(told?.known, 3);
    const old = await acknowledge(gateway.url, consumer, [positionOf(before, 'four')]);
    assert.equal(old.body.code, 'uid_validity_changed');
    assert.ok(
      (await drain(consumer)).some(({ type }) => type === 'renumbered'),
      'told until acknowledged',
    );
    await ack(consumer, positionOf(after, 'five'));
    assert.deepEqual(
      (await drain(consumer)).map(({ type }) => type),
      ['opened', 'caught_up', 'end'],
    );
  });

  it('hands out a copy that was not acknowledged, though its twin was', async () => {
    const user = await account(['twin', 'twin']);
    const consumer = await open(user, { mailboxes: ['INBOX'] });
    await ack(consumer, messages(await drain(consumer))[0]?.position ?? '');
    await dovecot.changeUidValidity(user, 'INBOX', { renumber: true });
    assert.deepEqual(subjects(await drain(consumer)), ['twin']);
  });

  it('begins at a day or now, and does not take older mail for new when it is numbered anew', async () => {
    const user = await account([]);
    const at = (day: string): Date => new Date(`${day}T12:00:00Z`);
    await dovecot.deliver(user, mail('old'), 'INBOX', { internalDate: at('2026-10-01') });
    await dovecot.deliver(user, mail('later'), 'INBOX', { internalDate: at('2026-10-05') });
    const consumer = await open(user, { mailboxes: ['INBOX'], from: '2026-10-03' });
    assert.deepEqual(subjects(await drain(consumer)), ['later']);
    await dovecot.changeUidValidity(user, 'INBOX', { renumber: true });
    assert.deepEqual(subjects(await drain(consumer)), ['later']);
  });

  it('goes on with the others when a mailbox is removed', async () => {
    const user = await account(['inbox 1']);
    await dovecot.deliver(user, mail('gone 1'), 'Gone');
    const consumer = await open(user, { mailboxes: ['Gone', 'INBOX'] });
    await (await dovecot.client(user)).command('DELETE Gone');
    const events = await drain(consumer);
    assert.deepEqual(subjects(events), ['inbox 1']);
    assert.ok(events.some((event) => event.type === 'waiting' && event.code === 'mailbox_missing'));
  });

  it('passes a gap of billions in the numbering', async () => {
    const user = await account(['first']);
    const consumer = await open(user, { mailboxes: ['INBOX'] });
    await dovecot.setNextUid(user, 3_000_000_000);
    await dovecot.deliver(user, mail('far'));
    assert.deepEqual(
      messages(await drain(consumer)).map(({ message }) => message.uid),
      [1, 3_000_000_000],
    );
  });

  it('is sought back to zero, and a position from before that counts only once it came again', async () => {
    const consumer = await open(await account(['one', 'two', 'three']));
    const before = await drain(consumer);
    await ack(consumer, positionOf(before, 'three'));
    const seek = await gateway.request('POST', `/v1/sources/${consumer}/seek`, { to: 'zero' });
    assert.equal(seek.status, 200);
    const late = await acknowledge(gateway.url, consumer, [positionOf(before, 'two')]);
    assert.equal(late.body.code, 'position_unknown');
    assert.deepEqual(subjects(await drain(consumer)), ['one', 'two', 'three']);
    const back = { position: positionOf(before, 'one') };
    await gateway.request('POST', `/v1/sources/${consumer}/seek`, back);
    assert.deepEqual(subjects(await drain(consumer)), ['two', 'three']);
  });

  it('ends a stream when another is opened for the same consumer', async () => {
    const consumer = await open(await account(['one']));
    const first = sourceEvents(gateway.url, consumer);
    await first.next();
    const second = sourceEvents(gateway.url, consumer);
    await second.next();
    let last: SourceEvent | undefined;
    for await (const event of first) last = event;
    assert.deepEqual([last?.type, last?.type === 'end' && last.code], ['end', 'source_superseded']);
    await second.return(undefined);
  });

  it('gives metadata, text or bytes, up to a limit', async () => {
    const user = await account([]);
    await dovecot.deliver(user, mail('long', 'x'.repeat(5000)));
    const consumer = await open(user);
    const [metadata] = messages(await drain(consumer));
    assert.deepEqual([metadata?.message.text, metadata?.message.raw_base64], [null, null]);
    const [text] = messages(await drain(consumer, { content: 'text', max_body_bytes: '100' }));
    assert.deepEqual([text?.message.text?.length, text?.message.truncated], [100, true]);
    const [raw] = messages(await drain(consumer, { content: 'raw' }));
    const bytes = Buffer.from(raw?.message.raw_base64 ?? '', 'base64').toString();
    assert.equal(bytes, mail('long', 'x'.repeat(5000)));
  });

  it('answers a request for the next messages with less where they are large', async () => {
    const user = await account([]);
    for (const subject of ['one', 'two', 'three'])
      await dovecot.deliver(user, mail(subject, `${'x'.repeat(76)}\r\n`.repeat(60_000)));
    const consumer = await open(user);
    const input = { content: 'raw', max_body_bytes: 10_000_000 };
    const { body } = await gateway.request<{ events: SourceEvent[]; caught_up: boolean }>(
      'POST',
      `/v1/sources/${consumer}/next`,
      input,
    );
    assert.deepEqual([subjects(body.events), body.caught_up], [['one', 'two'], false]);
  });

  it('refuses a name that is taken for other mailboxes, and mailboxes that are not there', async () => {
    const user = await account(['one']);
    const path = `/v1/accounts/${user}/imap/mailbox_source`;
    const missing = await gateway.request('POST', path, { name: 'x', mailboxes: ['Nowhere'] });
    assert.equal(missing.body.code, 'mailbox_missing');
    await open(user, { name: 'x', mailboxes: ['INBOX'] });
    const same = await gateway.request<{ created: boolean }>('POST', path, {
      name: 'x',
      mailboxes: ['INBOX'],
    });
    assert.equal(same.body.created, false);
    assert.equal((await gateway.request('POST', path, { name: 'x' })).body.code, 'source_differs');
  });

  it('is gone with its account, and when it is removed', async () => {
    const user = await account(['one']);
    const first = await open(user, { name: 'first' });
    await open(user, { name: 'second' });
    assert.equal((await gateway.request('DELETE', `/v1/sources/${first}`)).status, 204);
    const list = async () =>
      (await gateway.get<{ data: SourceConsumer[] }>('/v1/sources')).data.map(({ name }) => name);
    assert.ok(!(await list()).includes('first') && (await list()).includes('second'));
    assert.equal((await gateway.request('DELETE', `/v1/accounts/${user}`)).status, 204);
    assert.ok(!(await list()).includes('second'));
  });
});
