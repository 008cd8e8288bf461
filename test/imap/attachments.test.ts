// What is read of an attachment is all of it, or an error: whatever a server says between its answers, and however it
// cuts them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import type { MailPart } from '../../src/contracts/mail.ts';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { streamPart } from '../../src/imap/operations.ts';
import { streamMessage } from '../../src/imap/read-message.ts';
import { decodeTransferStream } from '../../src/mail/transfer-stream.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { type HostileOptions, startHostileImap } from '../support/hostile-imap.ts';
import { requireService } from '../support/services.ts';

const FILE = randomBytes(1_000_000);
const ENCODED = FILE.toString('base64').replace(/.{76}/g, '$&\r\n');
const LIMIT_MS = 2_000;
const PLACE = { mailbox: 'INBOX', uidValidity: '1', uid: 7 };
const UNSOLICITED = [
  '* 1 FETCH (FLAGS (\\Seen))',
  '* 1 FETCH (UID 7 FLAGS (\\Seen))',
  '* 2 FETCH (UID 8 FLAGS ())',
];

const part = (size = ENCODED.length, encoding = 'base64'): MailPart => ({
  ...{ path: '2', type: 'application/pdf', charset: null, encoding, size },
  ...{ disposition: 'attachment', filename: 'a.pdf', content_id: null, flowed: false, delsp: false },
});

const connectedTo = (imap: object, username: string, password: string): Promise<ImapConnection> => {
  const settings = { imap, require_tls: false, timeout_ms: LIMIT_MS, watch: { interval: '60s' } };
  return connectImap({ settings } as Account, { type: 'basic', username, password });
};

/** The octets from `start` that one answer gives; null: no answer about them. */
type Answer = (start: number, length: number) => string | null;

async function download(answer: Answer, what: MailPart | null = part()): Promise<Buffer> {
  const play: HostileOptions['play'] = (_server, command, line) => {
    if (command !== 'UID FETCH') return undefined;
    const [, start, length] = /<(\d+)\.(\d+)>/.exec(line) ?? [];
    if (start === undefined) {
      const size = `* 1 FETCH (UID 7 RFC822.SIZE ${ENCODED.length})`;
      return [...UNSOLICITED, size, ...UNSOLICITED, 'TAG OK done'];
    }
    const octets = answer(Number(start), Number(length));
    const section = what ? 'BODY[2]' : 'BODY[]';
    const given =
      octets === null ? [] : [`* 1 FETCH (UID 7 ${section}<${start}> {${octets.length}}\r\n${octets})`];
    return [...UNSOLICITED, ...given, ...UNSOLICITED, 'TAG OK done'];
  };
  await using server = await startHostileImap({ play, mails: [{ uid: 7, subject: 'one' }] });
  const connection = await connectedTo(server.imap, 'sales', 'open sesame');
  try {
    const chunks: Buffer[] = [];
    const keep = async (stream: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    };
    if (what) await streamPart(connection, PLACE, what, decodeTransferStream, keep);
    else await streamMessage(connection, PLACE, 1e9, AbortSignal.timeout(60_000), keep);
    return Buffer.concat(chunks);
  } finally {
    connection.close();
  }
}

const honest: Answer = (start, length) => ENCODED.slice(start, start + length);

describe('an attachment', () => {
  it('is whole where the server tells of flags between its pieces', async () => {
    assert.ok((await download(honest)).equals(FILE));
  });

  it('is whole as part of a message that is read as it is', async () => {
    assert.equal((await download(honest, null)).toString('latin1'), ENCODED);
  });

  it('is whole where the server gives less at a time than it was asked for', async () => {
    assert.ok((await download((start, length) => honest(start, Math.min(length, 50_001)))).equals(FILE));
  });

  it('is whole where the server takes no notice of which piece was asked for', async () => {
    assert.ok((await download(() => ENCODED)).equals(FILE));
    const short = ENCODED.slice(0, 100_000);
    const decoded = Buffer.from(short, 'base64');
    assert.ok((await download(() => short, part(100_100))).equals(decoded), 'and estimates its size');
  });

  it('is whole where the server announced somewhat more, or less', async () => {
    for (const size of [ENCODED.length + 5_000, ENCODED.length - 5_000, ENCODED.length - 900_000])
      assert.ok((await download(honest, part(size))).equals(FILE), String(size));
  });

  it('is an error where the server ends long before what it announced', async () => {
    const cut: Answer = (start, length) => ENCODED.slice(start, Math.min(start + length, 600_000));
    await assert.rejects(download(cut), { code: 'mail_cut_short' });
    await assert.rejects(download(cut, null), { code: 'mail_cut_short' });
  });

  it('is an error where the server says nothing of it any more in the middle', async () => {
    const stops: Answer = (start, length) => (start === 0 ? honest(start, length) : null);
    await assert.rejects(download(stops), { code: 'mail_cut_short' });
  });

  it('is an error where the server never ends it', async () => {
    const endless: Answer = (_start, length) => 'AAAA'.repeat(length / 4);
    await assert.rejects(download(endless), { code: 'mail_too_large' });
  });

  it('is gone where the server says nothing of it from the beginning', async () => {
    await assert.rejects(
      download(() => null),
      { code: 'message_gone' },
    );
  });
});

describe('an attachment on Dovecot', { skip: requireService('dovecot') }, () => {
  it('has the octets that were sent, and a reader that stops leaves the connection in order', async () => {
    await using dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD }, noStartTls: true });
    const head = 'From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\n';
    const raw = `${head}Content-Transfer-Encoding: base64\r\n\r\n${ENCODED}\r\n`;
    const { uid } = await dovecot.deliver('sales', Buffer.from(raw));
    const imap = { host: dovecot.host, port: dovecot.imapPort, security: 'none' };
    const connection = await connectedTo(imap, 'sales', DEFAULT_PASSWORD);
    try {
      const { uidValidity } = await connection.client.mailboxOpen('INBOX', { readOnly: true });
      const place = { mailbox: 'INBOX', uidValidity: String(uidValidity), uid };
      const only = { ...part(ENCODED.length + 2), path: '1' };
      const read = <T>(consume: (stream: AsyncIterable<Buffer>) => Promise<T>): Promise<T> =>
        streamPart(connection, place, only, decodeTransferStream, consume);
      await assert.rejects(
        read(async (stream) => {
          for await (const _ of stream) throw new Error('no room left');
        }),
        /no room left/,
      );
      const hash = createHash('sha256');
      await read(async (stream) => {
        for await (const chunk of stream) hash.update(chunk);
      });
      assert.equal(hash.digest('hex'), createHash('sha256').update(FILE).digest('hex'));
    } finally {
      await connection.logout();
    }
  });
});
