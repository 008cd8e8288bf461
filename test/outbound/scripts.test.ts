// Subjects, names and file names in over thirty scripts leave and come back as they were: read by Python's email package
// from the bytes that arrived at Postfix's sink, and at Dovecot.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { DraftContent } from '../../src/contracts/draft.ts';
import { openSmtp } from '../../src/outbound/smtp.ts';
import { composeMail } from '../support/compose-whole.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { leavesOf, type ReadMail, readMails } from '../support/read-mail.ts';
import { requireService } from '../support/services.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';
import { scriptTexts } from './many-scripts.ts';
import { accountOn, contentTo, PASSWORD, USER } from './outbox-fixture.ts';

const SEED = 20261121;
const COUNT = 500;

describe('five hundred mails in over thirty scripts', {
  skip: requireService('smtp-sink', 'dovecot', 'python3'),
}, () => {
  const texts = scriptTexts(SEED);
  const contents: { content: DraftContent; filename: string }[] = Array.from({ length: COUNT }, () => ({
    content: {
      ...contentTo('anna@example.com'),
      from: { name: texts.name(), address: USER },
      to: [
        { name: texts.name(), address: 'anna@example.com' },
        { name: texts.name(), address: 'bob@example.com' },
      ],
      subject: texts.subject(),
      text: texts.subject(),
      html: `<p>${texts.subject()}</p>`,
    },
    filename: texts.filename(),
  }));
  let arrived: Buffer[];

  before(async () => {
    await using sink = await startSmtpSink();
    const connection = await openSmtp(accountOn({ host: sink.host, port: sink.port, ca: '' }), {
      type: 'basic',
      username: USER,
      password: PASSWORD,
    });
    for (const { content, filename } of contents) {
      const file = { filename, contentType: 'application/pdf', bytes: Buffer.from('%PDF-1.4') };
      const { raw, envelope } = await composeMail(content, [file]);
      await connection.send(envelope, [raw], async () => undefined);
    }
    connection.quit();
    const messages = await sink.waitFor(COUNT);
    const byId = new Map(
      messages.map(({ raw }) => [/^Message-ID: (\S+)/im.exec(raw.toString('latin1'))?.[1], raw]),
    );
    arrived = contents.map(({ content }) => byId.get(content.message_id) as Buffer);
  });

  const check = (mails: readonly ReadMail[]): void => {
    assert.equal(mails.length, COUNT);
    for (const [index, mail] of mails.entries()) {
      const { content, filename } = contents[index] as (typeof contents)[number];
      const at = `mail ${index}\n${arrived[index]?.toString('latin1')}`;
      assert.equal(mail.subject, content.subject, at);
      assert.deepEqual(mail.from, [content.from], at);
      assert.deepEqual(mail.to, content.to, at);
      const [text, html, file] = leavesOf(mail.body);
      assert.equal(text?.text, content.text, at);
      assert.equal(html?.text, content.html, at);
      assert.equal(file?.filename, filename, at);
      assert.equal(file?.params.name, filename, at);
      assert.ok(mail.longest_header_line <= 78, `${mail.longest_header_line} octets in a line of ${at}`);
      assert.equal(new Set(mail.names).size, mail.names.length);
    }
  };

  it('come back equal from the sink', async () => {
    assert.ok(texts.scripts.length >= 30);
    check(await readMails(arrived));
  });

  it('come back equal from a mailbox of Dovecot', async () => {
    await using dovecot = await startDovecot({ users: { anna: DEFAULT_PASSWORD } });
    await dovecot.deliverMany('anna', arrived);
    check(await readMails((await dovecot.fetchAll('anna')).map(({ raw }) => raw)));
  });
});
