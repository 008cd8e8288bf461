// Answers are read as they come from the wire. What is read so is what the library would have read.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import type { TappedClient } from '../../src/imap/answer-tap.ts';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { type FetchedMessage, fetchChunks, fetchedMessage } from '../../src/imap/fetch.ts';
import { metadataOf } from '../../src/mail/metadata.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';

const USER = 'sales';
const FIXTURES = new URL('../fixtures/', import.meta.url);
const FLAGS = [[], ['\\Seen'], ['\\Flagged', '$label', 'Agent/Quotes']];
const PLAIN_AT_LEAST = 0.7; // of the fixtures, which are chosen to be odd: of real mail it is nearly all
const QUERY = { uid: true, flags: true, internalDate: true, size: true, bodyStructure: true, headers: true };

describe('metadata read from the wire', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let connection: ImapConnection;
  let count = 0;
  before(async () => {
    dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
    const names = (await readdir(FIXTURES)).filter((name) => name.endsWith('.eml'));
    for (const name of names) {
      const raw = await readFile(new URL(name, FIXTURES));
      if (raw.length === 0) continue; // Dovecot takes no empty mail
      await dovecot.deliver(USER, raw, 'INBOX', { flags: FLAGS[count++ % FLAGS.length] ?? [] });
    }
    const imap = { host: dovecot.host, port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca };
    const settings = { imap, require_tls: true, timeout_ms: 10_000, watch: { interval: '60s' } };
    connection = await connectImap({ settings } as Account, {
      type: 'basic',
      username: USER,
      password: DEFAULT_PASSWORD,
    });
    await connection.client.mailboxOpen('INBOX', { readOnly: true });
  });
  after(async () => {
    await connection?.logout();
    await dovecot?.stop();
  });

  const comparable = ({ bodyStructure, ...message }: FetchedMessage) => ({
    ...message,
    metadata: metadataOf({ headers: message.headers, bodyStructure, size: message.size }),
  });

  it('is the same as what the library reads, message by message, and in the same order', async () => {
    const byLibrary: FetchedMessage[] = [];
    for await (const message of connection.client.fetch('1:*', QUERY, { uid: true }))
      byLibrary.push(fetchedMessage(message));
    const client = connection.client as TappedClient;
    let fromWire = 0;
    const tapFetch = client.tapFetch.bind(client);
    client.tapFetch = (range, take) => {
      return tapFetch(range, (answer) => {
        fromWire++;
        return take(answer);
      });
    };
    const found: FetchedMessage[] = [];
    for await (const chunk of fetchChunks(connection, 1, '*')) found.push(...chunk);
    assert.equal(found.length, count);
    assert.deepEqual(found.map(comparable), byLibrary.map(comparable));
    assert.ok(
      fromWire >= count * PLAIN_AT_LEAST,
      `only ${fromWire} of ${count} were read from the wire: the library hands answers on in another way`,
    );
  });

  it('may be left in the middle: the connection goes on with the next command', async () => {
    for await (const chunk of fetchChunks(connection, 1, '*')) {
      assert.ok(chunk.length > 0);
      break;
    }
    const again: number[] = [];
    for await (const chunk of fetchChunks(connection, 3, 5)) again.push(...chunk.map(({ uid }) => uid));
    assert.deepEqual(again, [3, 4, 5]);
  });

  it('of a tap that was left on, answers to another command go to that command', async () => {
    const stray: number[] = [];
    const untap = (connection.client as TappedClient).tapFetch('1:2', ({ uid }) => {
      stray.push(uid);
      return undefined;
    });
    const found: number[] = [];
    for await (const { uid } of connection.client.fetch('4:5', QUERY, { uid: true })) found.push(uid);
    untap();
    assert.deepEqual({ stray, found }, { stray: [], found: [4, 5] });
  });
});
