// What a receiver is sent: the event with its parts, the raw message, and what is left out.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { type PostedEvent, postedEvent } from '../../src/contracts/mail-event.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { type DeliveryHouse, openDeliveryHouse } from './house.ts';
import { mail, mailWithFiles, PDF, PICTURE } from './mails.ts';
import { type Posted, type Receiver, startReceiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NEXT = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const SECRETS = { 'env:SECRET': SECRET, 'env:NEXT': NEXT, 'env:TOKEN': 'Bearer canary-token' };

describe('what is posted', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let receiver: Receiver;
  let house: DeliveryHouse;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: 'open sesame' } });
    receiver = await startReceiver();
    house = await openDeliveryHouse(dovecot, { rules: to('tags: [crm, "größe"]'), secrets: SECRETS });
  });
  after(async () => {
    await house?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const to = (rest: string): string => `
destinations:
  crm: { url: "${receiver.url}/in", allow_private: true, ${rest} }
rules: [{ name: all mail, then: [{ post: crm }] }]
`;
  /** Has a mail posted by a destination like this, and returns the request. */
  const postBy = async (rest: string, raw: string): Promise<Posted> => {
    house.rules(to(rest));
    const next = receiver.posted.length + 1;
    await house.arrive(raw);
    return receiver.request(next);
  };
  const read = ({ body }: Posted): PostedEvent => JSON.parse(body.toString('utf8')) as PostedEvent;
  const hashesOf = (bytes: Buffer) =>
    Object.fromEntries(
      ['md5', 'sha1', 'sha256'].map((name) => [name, createHash(name).update(bytes).digest('hex')]),
    );

  it('is the event of the contract: headers in order, parts with their own, verdicts and routing', async () => {
    const posted = await postBy('tags: [crm, "größe"]', mailWithFiles('event'));
    assert.equal(posted.method, 'POST');
    assert.equal(posted.path, '/in');
    assert.equal(posted.headers['content-type'], 'application/json');
    const event = read(posted);
    assert.deepEqual(postedEvent.parse(event), event, 'it has nothing beside what the contract says');
    assert.equal(event.routing.event_id, posted.headers['webhook-id']);
    assert.deepEqual(event.routing.tags, ['crm', 'größe']);
    assert.equal(event.routing.hostname, '127.0.0.1');
    const { message, account, rule, destination } = event.data;
    assert.deepEqual([account.label, rule, destination], ['sales', 'all mail', 'crm']);
    assert.equal(message.subject, 'Grüße');
    assert.equal(message.text.trim(), 'Schöne Grüße');
    assert.equal(message.trust.level, 'unverified');
    assert.deepEqual(
      message.headers.received?.map((line) => line.slice(5, 14)),
      ['b.example', 'c.example'],
    );
    assert.deepEqual(
      message.parts.map(({ path, content_type, filename }) => [path, content_type, filename]),
      [
        ['1.1', 'text/plain', null],
        ['1.2', 'text/html', null],
        ['2', 'application/pdf', 'offer.pdf'],
        ['3', 'text/csv', 'prices.csv'],
        ['4', 'image/png', 'large.png'],
      ],
    );
    const [plain, html, pdf] = message.parts;
    assert.equal(plain?.body_text?.trim(), 'Schöne Grüße');
    assert.deepEqual(plain?.headers['x-part'], ['first', 'second']);
    assert.equal(html?.body_text?.trim(), '<p>Schöne Grüße</p>');
    assert.deepEqual([pdf?.content_base64, pdf?.hashes, pdf?.omitted], [null, null, null]);
  });

  it('holds attachments with their hashes where they are asked for, and leaves out what is too large', async () => {
    const posted = await postBy('include_attachments: true, max_body_size: 1kB', mailWithFiles('files'));
    const [plain, , pdf, csv, picture] = read(posted).data.message.parts;
    assert.deepEqual(plain?.hashes, hashesOf(Buffer.from('Sch\u00f6ne Gr\u00fc\u00dfe', 'latin1')));
    assert.deepEqual(Buffer.from(pdf?.content_base64 ?? '', 'base64'), PDF);
    assert.deepEqual([pdf?.hashes, pdf?.size, pdf?.omitted], [hashesOf(PDF), PDF.length, null]);
    const latin = Buffer.from('Preis;\u0080\u00fc', 'latin1');
    assert.deepEqual(Buffer.from(csv?.content_base64 ?? '', 'base64'), latin, 'in its own character set');
    assert.deepEqual([picture?.content_base64, picture?.omitted], [null, 'size']);
    assert.deepEqual([picture?.hashes, picture?.size], [hashesOf(PICTURE), PICTURE.length]);
  });

  it('is signed, and carries the headers of the destination, whose values stand nowhere else', async () => {
    const posted = await postBy(
      'secret_ref: "env:SECRET", headers: { Authorization: "env:TOKEN" }',
      mail('signed'),
    );
    new Webhook(SECRET).verify(posted.body.toString('utf8'), posted.headers as Record<string, string>);
    assert.throws(() =>
      new Webhook(SECRET).verify(`${posted.body} `, posted.headers as Record<string, string>),
    );
    assert.equal(posted.headers.authorization, 'Bearer canary-token');
    await house.all('delivered', receiver.posted.length);
    const seen = JSON.stringify([house.log, house.events, await house.deliveries.list({ limit: 100 })]);
    for (const secret of ['canary-token', SECRET.slice(6)]) assert.ok(!seen.includes(secret));
  });

  it('is the message as it lies on the server, where that is asked for', async () => {
    const raw = mailWithFiles('raw');
    const posted = await postBy('format: raw, secret_ref: "env:SECRET"', raw);
    assert.equal(posted.headers['content-type'], 'message/rfc822');
    assert.equal(posted.body.toString('utf8'), raw);
    assert.equal(posted.headers['postern-destination'], 'crm');
    new Webhook(SECRET).verify(posted.body, posted.headers as Record<string, string>, { jsonParse: false });
  });

  it('is the header block alone of a raw message that is too large, and says so', async () => {
    const posted = await postBy('format: raw, max_body_size: 1kB', mailWithFiles('too-large'));
    assert.equal(posted.headers['postern-omitted'], 'body');
    assert.match(posted.body.toString('utf8'), /^Received: from b\.example[\s\S]*boundary=o\r\n\r\n$/);
  });

  it('is a mail of many megabytes through a file, of which nothing is left', async () => {
    const large = Buffer.alloc(6_000_000, 'large ');
    const raw = mailWithFiles('large').replace(
      PICTURE.toString('base64').replace(/.{76}/g, '$&\r\n'),
      large.toString('base64').replace(/.{76}/g, '$&\r\n'),
    );
    const posted = await postBy('include_attachments: true, secret_ref: ["env:NEXT", "env:SECRET"]', raw);
    const part = read(posted).data.message.parts[4];
    assert.ok(Buffer.from(part?.content_base64 ?? '', 'base64').equals(large));
    assert.deepEqual(part?.hashes, hashesOf(large));
    for (const secret of [NEXT, SECRET])
      new Webhook(secret).verify(posted.body.toString('utf8'), posted.headers as Record<string, string>);
  });
});
