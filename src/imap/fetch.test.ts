// Answers that nobody asked for come between those that were (RFC 9051 §7.5.2): another client changed some flags.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MailPart } from '../contracts/mail.ts';
import type { ImapConnection } from './connection.ts';
import { fetchMetadata, fetchParts } from './fetch.ts';

const answering = (...answers: object[]): ImapConnection =>
  ({ client: { fetch: () => answers } }) as unknown as ImapConnection;

const flagsWithoutUid = { seq: 3, flags: new Set(['\\Seen']) };
const flagsOf = (uid: number) => ({ seq: 4, uid, flags: new Set(['\\Seen']) });

it('news of flags between the answers are no messages', async () => {
  const mail = {
    seq: 5,
    uid: 8,
    size: 100,
    headers: Buffer.from('Subject: x\r\n\r\n'),
    flags: new Set<string>(),
  };
  const found: number[] = [];
  for await (const { uid } of fetchMetadata(answering(flagsWithoutUid, flagsOf(7), mail, flagsOf(8)), 7, '*'))
    found.push(uid);
  assert.deepEqual(found, [8]);
});

it('the text of a message is not taken from news of flags', async () => {
  const mail = { seq: 5, uid: 8, bodyParts: new Map([['1', Buffer.from('text')]]) };
  const part = { path: '1', size: 4 } as MailPart;
  const connection = answering(flagsWithoutUid, flagsOf(7), flagsOf(8), mail, flagsOf(8));
  assert.equal((await fetchParts(connection, 8, [part], 100))?.[0]?.bytes.toString(), 'text');
  assert.equal(await fetchParts(answering(flagsWithoutUid, flagsOf(8)), 8, [part], 100), null);
});
