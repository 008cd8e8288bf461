// The sandbox's mail servers must speak what Postern's own clients speak, or the sandbox shows another product.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import type { Delivery, MailWorld } from '../../src/sandbox/mail-world.ts';
import { CUSTOMER, SALES, startMailWorld } from '../../src/sandbox/mail-world.ts';
import type { MailboxServer } from '../../src/sandbox/mailbox-server.ts';

describe('the mail world of the sandbox', () => {
  let world: MailWorld;
  before(async () => {
    world = await startMailWorld();
  });
  after(() => world.stop());

  it('delivers a mail sent over SMTP to a client in IDLE, with structure and headers', async () => {
    await using imap = await connect(world.sales);
    const lock = await imap.client.getMailboxLock('INBOX');
    const exists = new Promise<number>((resolve) =>
      imap.client.once('exists', ({ count }) => resolve(count)),
    );
    const idle = imap.client.idle();
    await send(world, { subject: 'Grüße', text: 'twenty desks', html: '<p>twenty desks</p>' });
    assert.equal(await exists, 1);

    const message = await imap.client.fetchOne(
      '1',
      {
        uid: true,
        flags: true,
        internalDate: true,
        size: true,
        envelope: true,
        bodyStructure: true,
        headers: true,
      },
      { uid: true },
    );
    await idle;
    assert.ok(message);
    assert.equal(message.envelope?.subject, 'Grüße');
    assert.equal(message.bodyStructure?.type, 'multipart/alternative');
    assert.deepEqual(
      message.bodyStructure?.childNodes?.map((node) => node.type),
      ['text/plain', 'text/html'],
    );
    assert.match(String(message.headers), /^Return-Path: <customer@prospect\.example>\r\n/);
    assert.equal(message.flags?.has('\\Seen'), false);
    const text = await imap.client.download('1', '1', { uid: true });
    let content = '';
    for await (const chunk of text.content ?? []) content += String(chunk);
    assert.equal(content.trim(), 'twenty desks');
    lock.release();
  });

  it('keeps flags and keywords, finds a mail by Message-ID, and names the Sent mailbox', async () => {
    await using imap = await connect(world.sales);
    const raw = Buffer.from('Message-ID: <a@company.example>\r\nSubject: copy\r\n\r\nfür Sie: ñ\r\n');
    const sent = (await imap.client.list()).find((mailbox) => mailbox.specialUse === '\\Sent');
    assert.equal(sent?.path, 'Sent');
    await imap.client.append('Sent', raw, ['\\Seen'], new Date());
    const lock = await imap.client.getMailboxLock('Sent');
    try {
      const found = await imap.client.search(
        { header: { 'message-id': '<a@company.example>' } },
        { uid: true },
      );
      assert.deepEqual(found, [1]);
      assert.deepEqual(
        await imap.client.search({ header: { 'message-id': '<b@company.example>' } }, { uid: true }),
        [],
      );
      assert.ok(
        await imap.client.messageFlagsAdd('1', ['\\Answered', '$Label', 'Agent/Quotes'], { uid: true }),
      );
    } finally {
      lock.release();
    }
    const [stored] = world.sales.list('Sent');
    assert.ok(stored);
    assert.ok(stored.raw.equals(raw), 'what was appended is kept byte for byte');
    assert.deepEqual(stored.flags, ['\\Seen', '\\Answered', '$Label', 'Agent/Quotes']);
  });

  it('refuses a wrong password, a foreign sender and an unknown recipient', async () => {
    await assert.rejects(connect(world.sales, 'wrong'));
    await assert.rejects(send(world, { from: 'boss@company.example' }), { responseCode: 553 });
    await assert.rejects(send(world, { to: 'nobody@company.example' }), { responseCode: 550 });
  });

  it('tells of every delivery, and stops with clients still in IDLE', async () => {
    const own = await startMailWorld();
    const imap = await connect(own.customer);
    await imap.client.mailboxOpen('INBOX');
    const heard: Delivery[] = [];
    own.onDelivery((delivery) => heard.push(delivery));
    await send(own, { to: CUSTOMER.address, subject: 'to myself' });
    assert.equal(heard[0]?.to, CUSTOMER.address);
    assert.match(String(heard[0]?.raw), /\r\nSubject: to myself\r\n/);

    const closed = new Promise((resolve) => imap.client.once('close', () => resolve(true)));
    imap.client.idle().catch(() => undefined);
    await own.stop();
    await own.stop();
    assert.equal(await closed, true);
  });
});

async function connect(server: MailboxServer, password = server.owner.password) {
  const client = new ImapFlow({
    host: server.host,
    port: server.port,
    secure: false,
    auth: { user: server.owner.address, pass: password },
    logger: false,
  });
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.logout() };
}

async function send(
  world: MailWorld,
  mail: { from?: string; to?: string; subject?: string; text?: string; html?: string },
): Promise<void> {
  const transport = createTransport({
    ...world.smtp,
    secure: false,
    auth: { user: CUSTOMER.address, pass: CUSTOMER.password },
  });
  try {
    await transport.sendMail({ from: CUSTOMER.address, to: SALES.address, text: 'hello', ...mail });
  } finally {
    transport.close();
  }
}
