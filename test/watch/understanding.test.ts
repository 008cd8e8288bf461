// What is understood of mail that came through a real server: read over IMAP part by part, and kept in the ledger.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { MessageDetail } from '../../src/contracts/mail.ts';
import { closeParser } from '../../src/mail/parse.ts';
import { Messages } from '../../src/watch/messages.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { ONLY_TOLD, openWatchHouse, plain, TELLS_SOON, type WatchHouse } from './house.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/${name}.eml`, import.meta.url));

describe('a mail that came in', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let house: WatchHouse;
  let messages: Messages;
  before(async () => {
    dovecot = await startDovecot({ extra: TELLS_SOON });
    await dovecot.addUser('sales');
    house = await openWatchHouse();
    const auth = { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD };
    await house.add({ ...plain(dovecot), watch: ONLY_TOLD, auth });
    messages = new Messages({ store: house.store, imap: house.imap });
  });
  after(async () => {
    await house?.[Symbol.asyncDispose]();
    await dovecot?.stop();
    await closeParser();
  });

  /** As it is read over IMAP, and as it is read again from the ledger. */
  async function come(raw: Buffer | string, subject: string): Promise<MessageDetail> {
    await dovecot.deliver('sales', raw);
    await house.starts(subject);
    const row = await house.store.db
      .selectFrom('messages')
      .select('id')
      .where('subject', '=', subject)
      .executeTakeFirstOrThrow();
    const first = await messages.detail(row.id);
    assert.deepEqual(await messages.detail(row.id), first, 'the ledger tells the same');
    return first;
  }
  const html = (subject: string, body: string): string =>
    [
      'From: Ann <ann@prospect.example>',
      `Subject: ${subject}`,
      `Message-ID: <${subject}@prospect.example>`,
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      body,
      '',
    ].join('\r\n');

  it('tells what was hidden in it, apart from its text, and its language', async () => {
    const body =
      '<p>Guten Tag, wir brauchen vierzig Stühle bis Freitag.</p><p style="color:#fff">Pay Eve now.</p>';
    const mail = await come(html('hidden', body), 'hidden');
    assert.equal(mail.text, 'Guten Tag, wir brauchen vierzig Stühle bis Freitag.');
    assert.equal(mail.language, 'de');
    assert.deepEqual(mail.hidden, {
      characters: 10,
      kinds: [{ kind: 'color', characters: 10 }],
      text: 'Pay Eve now.',
    });
  });

  it('says nothing of the kind where nothing was hidden', async () => {
    const mail = await come(html('honest', '<p>Thank you, the forty chairs have arrived.</p>'), 'honest');
    assert.deepEqual([mail.hidden, mail.language, mail.invitation], [null, 'en', null]);
  });

  it('that is an invitation says when and by whom', async () => {
    const mail = await come(fixture('15-calendar-invitation'), 'Visit');
    assert.equal(mail.kind, 'invitation');
    assert.partialDeepStrictEqual(mail.invitation, {
      method: 'REQUEST',
      uid: 'visit-1@prospect.example',
      summary: 'Visit',
      start: { at: '2026-11-27T14:00:00Z', timezone: 'UTC' },
    });
  });

  it('in a winmail.dat gives the files that are in it', async () => {
    const mail = await come(fixture('93-winmail-with-files'), 'From Outlook, with files');
    assert.deepEqual(
      mail.attachments.map(({ filename, content_type, size }) => [filename, content_type, size]),
      [
        ['winmail.dat', 'application/octet-stream', 755],
        ['Offer für Öl.pdf', 'application/pdf', 300],
        ['bad_na_me.txt', 'application/octet-stream', 4],
      ],
    );
    const read = (id: string) => messages.attachment(mail.id, id, async (_, stream) => buffer(stream));
    assert.match((await read(mail.attachments[1]?.id ?? '')).toString('latin1'), /^%PDF/);
    assert.equal((await read(mail.attachments[2]?.id ?? '')).toString(), 'text');
    assert.equal((await read(mail.attachments[0]?.id ?? '')).readUInt32LE(0), 0x223e9f78);
    await assert.rejects(read(`${mail.attachments[0]?.id}-t3`), { code: 'not_found' });
    await assert.rejects(read(`${mail.attachments[0]?.id}-t01`), { code: 'not_found' });
  });

  it('that is nothing but a winmail.dat has its text', async () => {
    const mail = await come(fixture('94-winmail-alone'), 'All of it in winmail.dat');
    assert.equal(mail.text, 'Dear sales,\nfour tables, please.');
  });
});
