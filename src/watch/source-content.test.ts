// What becomes of a message whose content cannot be had: one mail must not hold up all that come behind it.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ImapConnection } from '../imap/connection.ts';
import type { FetchedMessage } from '../imap/fetch.ts';
import { PosternError } from '../kernel/errors.ts';
import { metadataOf } from '../mail/metadata.ts';
import { SourceContent } from './source-content.ts';

const STATE = { mailbox: 'INBOX', uidValidity: '7', uidNext: 3 };
const foundAt = (uid: number) => {
  const headers = Buffer.from('Subject: x\r\n\r\n');
  const message: FetchedMessage = {
    ...{ uid, flags: [], internalDate: 0, size: 20, headers, bodyStructure: undefined },
  };
  return { message, metadata: metadataOf(message) };
};

/** Content whose events fail with these codes, one after the other. */
function failing(...codes: string[]): SourceContent {
  const writeEvent = () => {
    const code = codes.shift() ?? 'none';
    return Promise.reject(new PosternError(code, 'It fails.', { retry: 'later' }));
  };
  const options = { content: 'event' as const, maxBodyBytes: 1000, writeEvent };
  return new SourceContent((work) => work({} as ImapConnection), options, new AbortController().signal);
}

for (const code of ['mail_too_complex', 'mail_too_large']) {
  it(`a mail that fails with ${code} is told as unreadable`, async () => {
    assert.equal(await failing(code).of(STATE, foundAt(1), new Map()), 'unreadable');
  });
}

it('a mail that is gone is passed over', async () => {
  assert.equal(await failing('message_gone').of(STATE, foundAt(1), new Map()), null);
});

it('a mail that a server cuts short is read again, and told as unreadable the third time in a row', async () => {
  const cut = 'mail_cut_short';
  const content = failing(cut, cut, cut, cut, cut, cut);
  for (const uid of [1, 1, 2, 2])
    await assert.rejects(content.of(STATE, foundAt(uid), new Map()), { code: cut });
  assert.equal(await content.of(STATE, foundAt(2), new Map()), 'unreadable');
  await assert.rejects(content.of(STATE, foundAt(3), new Map()), { code: cut });
});

it('what is no fault of the mail is tried again', async () => {
  await assert.rejects(failing('unreachable').of(STATE, foundAt(1), new Map()), { code: 'unreachable' });
});
