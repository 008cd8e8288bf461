// Every fixture through a real IMAP server: what is understood of its header block, its BODYSTRUCTURE and its single
// text parts is what is understood of its raw bytes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ImapFlow } from 'imapflow';
import { metadataOf } from '../../src/mail/metadata.ts';
import { closeParser, decodeBodies, parseMail } from '../../src/mail/parse.ts';
import { attachmentName, attachmentsOf, readPartsOf } from '../../src/mail/structure.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';

const FOLDER = new URL('../fixtures/', import.meta.url);
const USER = 'sales';
/** Where a server and mailparser read mail that breaks the rules each in its own way. */
const LEFT_OUT = new Set([
  '34-missing-boundary', // over IMAP a multipart without a boundary has no text; its raw bytes are read as text
  '59-zero-byte', // APPEND refuses an empty mail
  '73-boundary-is-a-prefix', // Dovecot takes a line that only begins with the boundary for one
  '91-name-without-quotes', // to Dovecot the name ends at the first blank
]);
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.eml'))
  .map((file) => file.slice(0, -4))
  .filter((name) => !LEFT_OUT.has(name));

describe('a fixture over IMAP says what its raw bytes say', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let client: ImapFlow;
  before(async () => {
    dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
    client = new ImapFlow({
      host: dovecot.host,
      port: dovecot.imapPort,
      secure: false,
      doSTARTTLS: false,
      auth: { user: USER, pass: DEFAULT_PASSWORD },
      logger: false,
    });
    client.on('error', () => undefined);
    await client.connect();
    for (const name of names) await client.append('INBOX', readFileSync(new URL(`${name}.eml`, FOLDER)));
    await client.mailboxOpen('INBOX');
  });
  after(async () => {
    await client?.logout();
    await dovecot?.stop();
    await closeParser();
  });

  for (const [index, name] of names.entries()) {
    test(name, async () => {
      const seq = String(index + 1);
      const query = { headers: true, bodyStructure: true, size: true, source: true } as const;
      const fetched = await client.fetchOne(seq, query);
      assert.ok(fetched);
      assert.ok(fetched.headers && fetched.source && fetched.size !== undefined);
      const metadata = metadataOf({
        headers: fetched.headers,
        bodyStructure: fetched.bodyStructure,
        size: fetched.size,
      });
      const whole = await parseMail(fetched.source);
      // Servers fill in what a mail leaves out: us-ascii. What it means shows in the content.
      const facts = (parts: typeof metadata.parts) =>
        parts.map((part) => ({ ...part, charset: part.charset === 'us-ascii' ? null : part.charset }));
      assert.deepEqual(facts(metadata.parts), facts(whole.metadata.parts));
      assert.deepEqual({ ...metadata, parts: [] }, { ...whole.metadata, parts: [] });
      assert.deepEqual(
        attachmentsOf(metadata.parts).map(attachmentName),
        // The files of a winmail.dat are no parts of the structure: the content names them.
        whole.attachments.filter(({ part }) => !part.path.includes('-t')).map(({ filename }) => filename),
      );
      const parts = readPartsOf(metadata.parts);
      const bodies = await client.fetchOne(seq, { bodyParts: parts.map((part) => part.path) });
      assert.ok(bodies);
      const texts = parts.map((part) => ({
        part,
        bytes: bodies.bodyParts?.get(part.path) ?? Buffer.alloc(0),
        truncated: false,
      }));
      assert.deepEqual(await decodeBodies(texts, metadata), whole.content);
    });
  }
});
