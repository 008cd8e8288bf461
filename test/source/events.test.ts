// Events of the mailbox source, over a real Dovecot: the golden event of each kind of mail, hashes as the system's own
// programs make them, attachments that are kept, and mails made to hurt.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { ArtifactView } from '../../src/contracts/artifact.ts';
import { type SourcedEvent, sourcedEvent } from '../../src/contracts/mail-event.ts';
import type { SourceConsumer, SourceEvent } from '../../src/contracts/source.ts';
import { base64, head, join, multipart, part } from '../fixtures/compose.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { acknowledge, sourceEvents } from '../support/source-client.ts';
import { eventMails } from './event-mails.ts';

const GOLDEN = new URL('./events.golden.json', import.meta.url);
const ARRIVED = new Date('2026-11-20T14:00:05Z');
const run = promisify(execFile);

describe('an event of a mailbox source', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  let users = 0;

  before(async () => {
    dovecot = await startDovecot();
    gateway = await startGateway();
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  /** A consumer of an INBOX of its own that holds these mails. */
  async function consumerOf(...raws: (Buffer | string)[]): Promise<string> {
    const user = `user${++users}`;
    await dovecot.addUser(user, DEFAULT_PASSWORD);
    for (const raw of raws) await dovecot.deliver(user, raw, 'INBOX', { internalDate: ARRIVED });
    const account = await gateway.request('POST', '/v1/accounts', {
      label: user,
      address: `${user}@company.example`,
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
      watch: { mode: 'off' },
    });
    assert.equal(account.status, 201);
    const path = `/v1/accounts/${user}/imap/mailbox_source`;
    const input = { name: 'siem', mailboxes: ['INBOX'] };
    const { status, body } = await gateway.request<SourceConsumer>('POST', path, input);
    assert.equal(status, 200, JSON.stringify(body));
    return body.id;
  }

  type Handed = Extract<SourceEvent, { type: 'event' }>;
  async function drain(consumer: string, query: Record<string, string> = {}): Promise<Handed[]> {
    const events: Handed[] = [];
    for await (const event of sourceEvents(gateway.url, consumer, {
      ...{ content: 'event', follow: 'false' },
      ...query,
    })) {
      if (event.type === 'event') events.push(event);
      else
        assert.ok(['opened', 'caught_up', 'end', 'unreadable'].includes(event.type), JSON.stringify(event));
    }
    return events;
  }
  const only = async (raw: Buffer | string, query: Record<string, string> = {}): Promise<SourcedEvent> => {
    const [handed, ...more] = await drain(await consumerOf(raw), query);
    assert.ok(handed && more.length === 0);
    return handed.event;
  };

  it('is the one that was agreed, for every kind of mail', async () => {
    const consumer = await consumerOf(...eventMails.values());
    const query = { include_attachments: 'true', journal: 'true', tags: 'hq' };
    const handed = await drain(consumer, query);
    const names = [...eventMails.keys()];
    for (const [at, { event }] of handed.entries()) {
      if (names[at] === '74-prototype-header') continue; // zod leaves out a header of that name; the event has it
      assert.deepEqual(sourcedEvent.parse(event), event);
    }
    const shown = Object.fromEntries(
      names.map((name, at) => [name, stable(handed[at]?.event as SourcedEvent)]),
    );
    const text = `${JSON.stringify(shown, null, 2)}\n`;
    if (process.env.UPDATE_GOLDEN) await writeFile(GOLDEN, text);
    assert.deepEqual(JSON.parse(text), JSON.parse(await readFile(GOLDEN, 'utf8')));
  });

  it('has an id that stays when it is handed out again, and by another way', async () => {
    const consumer = await consumerOf(...[...eventMails.values()].slice(0, 3));
    const idsOf = (events: readonly Handed[]) => events.map(({ event }) => event.routing.event_id);
    const first = await drain(consumer);
    assert.equal(new Set(idsOf(first)).size, 3);
    for (const id of idsOf(first)) assert.match(id, /^evt_[0-9a-z]{26}$/);
    await acknowledge(gateway.url, consumer, [first[0]?.position ?? '']);
    assert.deepEqual(idsOf(await drain(consumer)), idsOf(first).slice(1));
    const next = await gateway.request<{ events: Handed[] }>('POST', `/v1/sources/${consumer}/next`, {
      ...{ content: 'event', include_attachments: true, tags: ['hq', 'west'] },
    });
    assert.deepEqual(idsOf(next.body.events), idsOf(first).slice(1));
    assert.deepEqual(next.body.events[0]?.event.routing.tags, ['hq', 'west']);
  });

  it('has the hashes that md5sum, sha1sum and sha256sum make of every part', async () => {
    const folder = await mkdtemp(pathOf(tmpdir(), 'postern-hashes-'));
    const files = [
      randomBytes(100_001),
      Buffer.alloc(0),
      Buffer.from('=3D soft=\r\n', 'latin1'),
      randomBytes(3_000_000),
    ];
    const text = Buffer.from('Grüße, Zoë', 'latin1');
    const quoted = text
      .toString('latin1')
      .replace(/[=\x80-\xff]/g, (one) => `=${one.charCodeAt(0).toString(16).toUpperCase()}`);
    const raw = join(
      head('hashes', 'Files', 'Content-Type: multipart/mixed; boundary="b"', ''),
      multipart(
        'b',
        part(
          ['Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable'],
          quoted,
        ),
        ...files.map((file, at) =>
          at === 2
            ? part(
                [`Content-Type: application/x-plain; name="${at}"`, 'Content-Transfer-Encoding: 7bit'],
                file,
              )
            : part(
                [`Content-Type: application/octet-stream; name="${at}"`, 'Content-Transfer-Encoding: base64'],
                base64(file),
              ),
        ),
      ),
    );
    try {
      const { data } = await only(raw, { include_attachments: 'true', max_body_bytes: '1000000' });
      assert.equal(data.message.parts[0]?.body_text, text.toString('latin1'));
      for (const [at, bytes] of [text, ...files].entries()) {
        const path = pathOf(folder, String(at));
        await writeFile(path, bytes);
        const sums = await Promise.all(
          ['md5sum', 'sha1sum', 'sha256sum'].map(
            async (program) => (await run(program, [path])).stdout.split(' ')[0],
          ),
        );
        const found = data.message.parts[at];
        const { md5, sha1, sha256 } = found?.hashes ?? {};
        assert.deepEqual([md5, sha1, sha256], sums, `part ${at}`);
        assert.equal(found?.size, bytes.length);
        const isLarge = bytes.length > 1_000_000;
        assert.equal(found?.omitted, isLarge ? 'size' : null);
        if (at > 0 && !isLarge) assert.deepEqual(Buffer.from(found?.content_base64 ?? '', 'base64'), bytes);
      }
      assert.equal(data.message.parts[4]?.content_base64, null);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('refers to attachments that are kept, once however often it is handed out, and only to what may be kept', async () => {
    const [small, large] = [randomBytes(500), randomBytes(600_000)];
    const file = (name: string, bytes: Buffer): Buffer =>
      part(
        [`Content-Type: application/pdf; name="${name}"`, 'Content-Transfer-Encoding: base64'],
        base64(bytes),
      );
    const raw = join(
      head('kept', 'Kept', 'Content-Type: multipart/mixed; boundary="b"', ''),
      multipart(
        'b',
        part(['Content-Type: text/plain'], 'See below.'),
        file('small.pdf', small),
        file('large.pdf', large),
      ),
    );
    const consumer = await consumerOf(raw);
    const query = { attachment_retention_days: '30', max_body_bytes: '500000' };
    const [first] = await drain(consumer, query);
    const [text, one, other] = first?.event.data.message.parts ?? [];
    assert.deepEqual([text?.artifact, text?.body_text, text?.content_base64], [null, 'See below.', null]);
    assert.deepEqual([other?.artifact, other?.omitted, other?.size], [null, 'size', large.length]);
    assert.equal(
      other?.hashes?.sha256,
      createHash('sha256').update(large).digest('hex'),
      'what is too large to keep is hashed',
    );
    assert.deepEqual([one?.content_base64, one?.omitted], [null, null]);
    const path = `/v1/artifacts/${one?.artifact?.id}`;
    const kept = await gateway.get<ArtifactView>(path);
    assert.deepEqual([kept.filename, kept.size, kept.hashes], ['small.pdf', small.length, one?.hashes]);
    const days = (Date.parse(one?.artifact?.expires_at ?? '') - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days <= 30, String(days));
    const download = await fetch(`${gateway.url}${path}/content`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), small);
    assert.match(download.headers.get('content-disposition') ?? '', /^attachment/);
    assert.deepEqual((await drain(consumer, query))[0]?.event, first?.event);
    const { data } = await gateway.get<{ data: ArtifactView[] }>(`/v1/artifacts?event=${kept.event_id}`);
    assert.deepEqual(data, [kept]);
    await gateway.kill();
    await gateway.start();
    assert.deepEqual((await drain(consumer, query))[0]?.event, first?.event, 'also after a kill');
  });

  it('is bounded where a mail nests without end, has 100,000 headers or thousands of parts', async () => {
    const nested = [...Array(500).keys()].reduceRight<Buffer | string>(
      (inner, at) =>
        `Content-Type: multipart/mixed; boundary="b${at}"\r\n\r\n--b${at}\r\n${inner}\r\n--b${at}--\r\n`,
      'Content-Type: text/plain\r\n\r\ndeep',
    );
    const many = 'X-Many: one\r\n'.repeat(100_000);
    const wide = `--w\r\nX-Part: ${'x'.repeat(100_000)}\r\n\r\npart\r\n`.repeat(150);
    const consumer = await consumerOf(
      `Subject: nested\r\n${nested}`,
      `Subject: headers\r\n${many}\r\nbody`,
      `Subject: wide\r\nContent-Type: multipart/mixed; boundary=w\r\n\r\n${wide}--w--\r\n`,
      `Subject: journal\r\nContent-Type: multipart/mixed; boundary=j\r\n\r\n--j\r\n\r\nSender: a@b.example\r\n${'To: c@d.example\r\n'.repeat(200_000)}--j\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n${many}\r\nbody\r\n--j--\r\n`,
      'Subject: last\r\n\r\nThe mail behind them.\r\n',
    );
    const handed = await drain(consumer, { journal: 'true', include_attachments: 'true' });
    const messages = handed.map(({ event }) => event.data.message);
    assert.deepEqual(
      messages.map(({ subject }) => subject),
      ['nested', 'headers', 'wide', 'inside', 'last'],
    );
    const [, headers, wideMail] = messages;
    assert.deepEqual([headers?.headers['x-many']?.length, headers?.truncated], [1999, true]);
    assert.equal(wideMail?.parts.length, 150);
    assert.ok(wideMail?.parts.every((one) => JSON.stringify(one).length < 20_000));
    for (const one of wideMail?.parts ?? []) assert.equal(one.headers['x-part']?.[0]?.slice(0, 3), 'xxx');
    assert.equal(messages[4]?.truncated, false);
    const report = handed[3]?.event.data.journal;
    assert.deepEqual([report?.truncated, report?.sender], [true, 'a@b.example']);
    assert.ok((report?.recipients.length ?? 0) < 20_000);
  });

  it('refuses options that only events have, where none is asked for', async () => {
    const consumer = await consumerOf('Subject: x\r\n\r\nx');
    const { status, body } = await gateway.request('POST', `/v1/sources/${consumer}/next`, { journal: true });
    assert.deepEqual([status, body.code], [400, 'invalid_input']);
  });
});

/** Without what differs from run to run, and without what other rooms make of the text. */
function stable({ routing, data, ...event }: SourcedEvent): unknown {
  const { text: _, reply_text: __, html: ___, hidden: ____, ...message } = data.message;
  return {
    ...event,
    routing: { ...routing, event_id: 'evt_…' },
    data: { ...data, account: { ...data.account, id: 'acc_…' }, uid_validity: 1, message },
  };
}
