// Documents on their way to sinks outside: what is sent, once for the same bytes, and what becomes of it by the answers.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { DocumentView, PlacementView } from '../../src/contracts/knowledge.ts';
import { type Posted, type Receiver, startReceiver } from '../delivery/receiver.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { type KnowledgeHouse, openKnowledgeHouse } from './house.ts';
import { mailWith, textFile } from './mails.ts';

const MINUTE = 60_000;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SECRETS = { 'env:SECRET': SECRET, 'env:TOKEN': 'Bearer canary-5f1e-token' };

describe('a sink', { skip: requireService('dovecot'), concurrency: 5 }, () => {
  let dovecot: Dovecot;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  /** A mailbox and a ledger of the test's own. */
  const open = async (rules: string): Promise<KnowledgeHouse> => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    return openKnowledgeHouse(dovecot, { rules, user, secrets: SECRETS });
  };
  const to = ({ url }: Pick<Receiver, 'url'>, rest = '', path = '/in'): string => `
knowledge: { kb: { http: { url: "${url}${path}", allow_private: true, ${rest} } } }
rules: [{ name: all, then: [{ ingest: { to: [kb] } }] }]`;
  const bodyOf = ({ body }: Posted) => JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
  /** Waits until the one document's one sink is in that state. */
  const inState = (
    house: KnowledgeHouse,
    state: string,
  ): Promise<PlacementView & { document: DocumentView }> =>
    house.until(async () => {
      const [document] = await house.knowledge.list({ limit: 1 });
      const [sink] = document?.sinks ?? [];
      return document && sink?.state === state && { ...sink, document };
    });

  it('gets the text with what is known of the mail, signed, under a key made of the bytes', async () => {
    await using receiver = await startReceiver();
    await using house = await open(
      to(receiver, 'secret_ref: "env:SECRET", headers: { Authorization: "env:TOKEN" }'),
    );
    const text = 'Price list "2026"\nPump: 12 €';
    await house.arrive(mailWith('plain', [textFile('prices.txt', text)], { subject: 'Our prices' }));
    const posted = await receiver.request(1);
    const body = bodyOf(posted);
    assert.deepEqual(body, {
      id: body.id,
      title: 'prices.txt',
      text,
      metadata: {
        filename: 'prices.txt',
        type: 'text/plain',
        sha256: sha256(text),
        from: 'ann@prospect.example',
        subject: 'Our prices',
        date: '2026-11-20T10:00:00.000Z',
        account: 'sales',
      },
    });
    assert.match(String(body.id), /^cnt_/);
    assert.equal(posted.headers['idempotency-key'], `${sha256(text)}-kb`);
    assert.equal(posted.headers['webhook-id'], `${sha256(text)}-kb`);
    assert.equal(posted.headers.authorization, 'Bearer canary-5f1e-token');
    new Webhook(SECRET).verify(posted.body.toString('utf8'), posted.headers as Record<string, string>);
    const placed = await inState(house, 'placed');
    assert.deepEqual([placed.status, placed.done, placed.attempts], [204, 1, 1]);
    const ledger = await readFile(join(house.folder, 'ledger.sqlite'), 'latin1');
    const log = await readFile(join(house.folder, 'ledger.sqlite-wal'), 'latin1');
    const seen = JSON.stringify([house.log, house.events, placed]) + ledger + log;
    for (const secret of ['canary-5f1e', SECRET.slice(6)]) assert.ok(!seen.includes(secret));
  });

  it('gets the body that the rules describe, whatever the mail holds', async () => {
    await using receiver = await startReceiver();
    const body = `{ name: "{{subject}} / {{filename}}", parts: "{{chunks}}", raw: "{{content_base64}}", size: "{{size}}", to: "{{to}}", fixed: [1, true, null, "{x}"] }`;
    await using house = await open(to(receiver, `body: ${body}`));
    const text = 'It says {{account}} and {{content_base64}} and "}, "fixed": [] {"';
    const hostile = '"], "fixed": "{{id}}\\';
    await house.arrive(mailWith('hostile', [textFile('a {{sha256}}.txt', text)], { subject: hostile }));
    const sent = bodyOf(await receiver.request(1));
    assert.deepEqual(sent, {
      name: `${hostile} / a {{sha256}}.txt`,
      parts: [{ text, source: {} }],
      raw: Buffer.from(text).toString('base64'),
      size: Buffer.byteLength(text),
      to: ['sales@company.example'],
      fixed: [1, true, null, '{x}'],
    });
  });

  it('gets a document once, however many mails it came with', async () => {
    await using receiver = await startReceiver();
    await using house = await open(to(receiver));
    for (const id of ['one', 'two', 'three'])
      await house.arrive(mailWith(id, [textFile(`${id}.txt`, 'the same')]));
    const documents = await house.settled(3);
    const states = documents.map(({ sinks }) => sinks.map(({ state }) => state));
    assert.deepEqual(states, [['placed'], ['placed'], ['placed']]);
    assert.equal(receiver.posted.length, 1);
  });

  it('that answers 503 gets it again with the same key, and after its attempts a dead letter can be revived', async () => {
    await using receiver = await startReceiver();
    receiver.answers(503);
    await using house = await open(to(receiver, 'attempts: 2'));
    await house.arrive(mailWith('busy', [textFile('a.txt', 'busy')]));
    await receiver.request(1);
    const waiting = await inState(house, 'queued');
    assert.deepEqual([waiting.status, waiting.attempts], [503, 1]);
    assert.match(waiting.error ?? '', /^http:\/\/127\.0\.0\.1:\d+ answered with status 503\.$/);
    house.advance(MINUTE);
    await receiver.request(2);
    const dead = await inState(house, 'dead');
    const letters = await house.until(async () => {
      const found = await house.jobs.deadLetters(10);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      letters.map(({ kind }) => kind),
      ['knowledge.place'],
    );
    receiver.answers(201);
    await house.knowledge.retry(dead.document.id);
    const placed = await inState(house, 'placed');
    assert.equal(placed.status, 201);
    const keys = receiver.posted.map(({ headers }) => headers['idempotency-key']);
    assert.deepEqual(keys, Array(3).fill(`${sha256('busy')}-kb`));
    assert.deepEqual(await house.jobs.deadLetters(10), []);
  });

  it('that refuses it gets it no more until somebody says so; that has it already counts as placed', async () => {
    await using receiver = await startReceiver();
    receiver.answers(422);
    await using house = await open(to(receiver));
    await house.arrive(mailWith('refused', [textFile('a.txt', 'refused')]));
    const refused = await inState(house, 'refused');
    assert.deepEqual([refused.status, refused.error], [422, 'The sink refused it with status 422.']);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
    receiver.answers(409);
    await house.knowledge.retry(refused.document.id);
    assert.equal((await inState(house, 'placed')).status, 409);
    assert.equal(receiver.posted.length, 2);
  });

  it('that takes chunks goes on with the one that failed, each under a key and a URL of its own', async () => {
    await using receiver = await startReceiver();
    const paragraphs = Array.from({ length: 60 }, (_, i) => `Paragraph ${i}: ${'words and '.repeat(20)}end.`);
    const text = paragraphs.join('\n\n');
    const broken = new Set(['2']);
    receiver.answers((res, { path }) => {
      const number = path.split('/').at(-1) ?? '';
      res.writeHead(broken.delete(number) ? 500 : 200).end();
    });
    const body = '{ text: "{{text}}", n: "{{number}}", of: "{{count}}" }';
    await using house = await open(to(receiver, `each: chunk, body: ${body}`, '/{{id}}/in/{{number}}'));
    await house.arrive(mailWith('chunks', [textFile('long.txt', text)]));
    await receiver.request(3);
    assert.equal((await inState(house, 'queued')).done, 2);
    house.advance(MINUTE);
    const placed = await inState(house, 'placed');
    const numbers = receiver.posted.map((posted) => bodyOf(posted).n);
    const count = placed.document.content?.chunks ?? 0;
    assert.ok(count > 4, `${count} chunks`);
    assert.deepEqual(numbers, [0, 1, 2, ...Array.from({ length: count - 2 }, (_, i) => i + 2)]);
    assert.equal(receiver.posted[3]?.headers['idempotency-key'], `${sha256(text)}-kb-2`);
    assert.equal(receiver.posted[3]?.path, `/${placed.document.content?.id}/in/2`);
    assert.equal(placed.done, count);
    assert.deepEqual([...new Set(receiver.posted.map((posted) => bodyOf(posted).of))], [count]);
    const words = receiver.posted.map((posted) => String(bodyOf(posted).text)).join('\n');
    for (let i = 0; i < 60; i++) assert.ok(words.includes(`Paragraph ${i}:`), String(i));
  });

  it('inside the network is refused where the rules do not allow it, and nothing is sent', async () => {
    await using receiver = await startReceiver();
    const rules = to({ url: receiver.url.replace('http:', 'https:') }).replace('allow_private: true,', '');
    await using house = await open(rules);
    await house.arrive(mailWith('inside', [textFile('a.txt', 'inside')]));
    const dead = await inState(house, 'dead');
    assert.match(dead.error ?? '', /is not allowed: the address is inside a network/);
    assert.equal(receiver.posted.length, 0);
  });

  it('that is not in the rules any more says so, and gets the document once it is there again', async () => {
    await using receiver = await startReceiver();
    receiver.answers(503);
    await using house = await open(to(receiver));
    await house.arrive(mailWith('gone', [textFile('a.txt', 'gone')]));
    await inState(house, 'queued');
    house.rules('rules: []');
    house.advance(MINUTE);
    const dead = await inState(house, 'dead');
    assert.match(dead.error ?? '', /The sink kb is not in the rules any more/);
    receiver.answers(200);
    house.rules(to(receiver));
    await house.knowledge.retry(dead.document.id);
    await inState(house, 'placed');
  });

  it('whose secret is missing fails at once, and shows only its name', async () => {
    await using receiver = await startReceiver();
    await using house = await open(to(receiver, 'headers: { X-Key: "env:MISSING" }'));
    await house.arrive(mailWith('secret', [textFile('a.txt', 'secret')]));
    const dead = await inState(house, 'dead');
    assert.match(dead.error ?? '', /env:MISSING is not set/);
    assert.equal(receiver.posted.length, 0);
  });

  it('that is a folder gets the bytes as they are, also of what nobody can read, and what is known of them', async () => {
    await using house = await open('rules: []');
    const folder = join(house.folder, 'archive');
    house.rules(`
knowledge: { archive: { folder: "${folder}" } }
rules: [{ name: all, then: [{ ingest: { to: [archive], message: true } }] }]`);
    const bytes = Buffer.from([0, 1, 2, 3, 254, 255, 0, 7]);
    const raw = mailWith('folder', [{ name: '../../a.BIN', type: 'application/octet-stream', bytes }]);
    await house.arrive(raw);
    const documents = await house.until(async () => {
      const list = await house.knowledge.list({ limit: 10 });
      return list.length === 2 && list.every(({ sinks }) => sinks[0]?.state === 'placed') && list.reverse();
    });
    const [mail, file] = documents;
    const hash = sha256(bytes);
    const path = join(folder, hash.slice(0, 2), hash);
    assert.ok((await readFile(`${path}.bin`)).equals(bytes));
    const about = JSON.parse(await readFile(`${path}.json`, 'utf8')) as {
      documents: { declared_type: string }[];
    };
    assert.equal(about.documents[0]?.declared_type, 'application/octet-stream');
    assert.deepEqual(
      { ...about, documents: about.documents.length },
      {
        sha256: hash,
        sha1: file?.content?.sha1,
        md5: file?.content?.md5,
        size: 8,
        documents: 1,
      },
    );
    const whole = mail?.content?.sha256 ?? '';
    const kept = await readFile(join(folder, whole.slice(0, 2), `${whole}.eml`), 'utf8');
    assert.ok(kept.endsWith(raw.trimEnd()) || kept.trimEnd().endsWith('--o--'));
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.includes('.'));
    assert.deepEqual(
      names.filter((name) => !/^[0-9a-f]{2}.[0-9a-f]{64}\.(bin|eml|json)$/.test(name)),
      [],
    );
  });

  it('that is a folder which cannot be written to is tried again', async () => {
    await using house = await open('rules: []');
    const folder = join(house.folder, 'blocked');
    await writeFile(folder, 'a file stands where the folder should be');
    house.rules(`
knowledge: { archive: { folder: "${folder}" } }
rules: [{ name: all, then: [{ ingest: { to: [archive] } }] }]`);
    await house.arrive(mailWith('blocked', [textFile('a.txt', 'blocked')]));
    const waiting = await house.until(async () => {
      const [document] = await house.knowledge.list({ limit: 1 });
      const [sink] = document?.sinks ?? [];
      return sink?.state === 'queued' && sink.error !== null && sink;
    });
    assert.match(waiting.error ?? '', /^The folder cannot be written to: (EEXIST|ENOTDIR)\.$/);
  });

  it('that is a folder keeps nothing of an attempt that was killed', async () => {
    await using house = await open('rules: []');
    const folder = join(house.folder, 'archive');
    house.rules(`
knowledge: { archive: { folder: "${folder}" } }
rules: [{ name: all, then: [{ ingest: { to: [archive] } }] }]`);
    const hash = sha256('begun');
    const place = join(folder, hash.slice(0, 2));
    await mkdir(place, { recursive: true });
    const other = `${sha256('another')}.txt.5f1e.tmp`;
    for (const name of [`${hash}.txt.5f1e.tmp`, other]) await writeFile(join(place, name), 'beg');
    await house.arrive(mailWith('begun', [textFile('a.tmp', 'begun')]));
    await inState(house, 'placed');
    assert.deepEqual((await readdir(place)).sort(), [`${hash}.bin`, `${hash}.json`, other].sort());
  });
});
