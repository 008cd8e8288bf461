// Names as RFC 3501 §5.1.3 and real servers write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMailbox } from './mailbox-names.ts';

test('names of mailboxes are written in modified UTF-7', () => {
  assert.equal(encodeMailbox('INBOX/Sent Items'), 'INBOX/Sent Items');
  assert.equal(encodeMailbox('Entwürfe & mehr'), 'Entw&APw-rfe &- mehr');
  assert.equal(encodeMailbox('~peter/mail/台北/日本語'), '~peter/mail/&U,BTFw-/&ZeVnLIqe-');
  assert.equal(encodeMailbox('😀'), '&2D3eAA-');
});
