// What a provider says of conversations is asked for where it has the extension, and nowhere else.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { connectImap } from '../../src/imap/connection.ts';
import { fetchChunks } from '../../src/imap/fetch.ts';
import { startHostileImap } from '../support/hostile-imap.ts';

const HEADERS = 'From: ann@prospect.example\r\nSubject: A question\r\n\r\n';
const TEXT = '("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 20 1 NIL NIL NIL NIL)';

/** What is asked, and the conversation of each message that is answered. */
async function fetched(capabilities: string, items: (uid: number) => string) {
  let asked = '';
  await using server = await startHostileImap({
    capabilities: `IMAP4rev1 IDLE ${capabilities}`,
    mails: [
      { uid: 1, subject: 'one' },
      { uid: 2, subject: 'two' },
    ],
    play: (_server, command, line) => {
      if (command !== 'UID FETCH') return undefined;
      asked = line;
      return [
        ...[1, 2].map(
          (uid) =>
            `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 100 ` +
            `BODYSTRUCTURE ${TEXT} ${items(uid)} BODY[HEADER] {${HEADERS.length}}\r\n${HEADERS})`,
        ),
        'TAG OK done',
      ];
    },
  });
  const settings = { imap: server.imap, require_tls: false, timeout_ms: 5_000, watch: { interval: '60s' } };
  const account = { settings } as Account;
  const auth = { type: 'basic', username: 'sales', password: 'open sesame' } as const;
  const connection = await connectImap(account, auth);
  try {
    await connection.client.mailboxOpen('INBOX', { readOnly: true });
    const threads: (string | undefined)[] = [];
    for await (const chunk of fetchChunks(connection, 1, '*'))
      threads.push(...chunk.map(({ threadId }) => threadId));
    return { asked, threads };
  } finally {
    connection.close();
  }
}

describe('the conversation of a provider', () => {
  it('is Gmail’s X-GM-THRID', async () => {
    const { asked, threads } = await fetched(
      'X-GM-EXT-1',
      (uid) => `X-GM-MSGID 9${uid} X-GM-THRID 1266894439832287888`,
    );
    assert.match(asked, / X-GM-THRID\b/);
    assert.deepEqual(threads, ['1266894439832287888', '1266894439832287888']);
  });

  it('is THREADID where the server has it, and none where it says NIL', async () => {
    const items = (uid: number): string =>
      `EMAILID (M${uid}) THREADID ${uid === 1 ? '(T64b478a75b7ea9)' : 'NIL'}`;
    const { asked, threads } = await fetched('OBJECTID', items);
    assert.match(asked, / THREADID\b/);
    assert.deepEqual(threads, ['T64b478a75b7ea9', undefined]);
  });

  it('is not asked for elsewhere', async () => {
    const { asked, threads } = await fetched('', () => 'MODSEQ (1)');
    assert.doesNotMatch(asked, /THR/);
    assert.deepEqual(threads, [undefined, undefined]);
  });
});
