// Whoever is told a lot at once reads it in portions, and everybody else has their turn between them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connectImap, type ImapConnection } from '../../src/imap/connection.ts';
import { trial } from '../accounts/checks.ts';
import { type HostileImap, startHostileImap } from '../support/hostile-imap.ts';

const MESSAGES = 20_000;
// A portion, and what another turn of it was begun with: both can come between two looks.
const MOST_BETWEEN_TURNS = 200;

it('20,000 flags that are told at once are read in portions, in order, and other connections are heard between them', async () => {
  await using flooding = await startHostileImap({ mails: [{ uid: 1, subject: 'one' }] });
  await using quiet = await startHostileImap();
  await using one = await inIdle(flooding);
  await using other = await inIdle(quiet);
  const told: number[] = [];
  let sinceTurn = 0;
  let most = 0;
  let toldBeforeOther = Number.POSITIVE_INFINITY;
  let ended = false;
  const turn = (): void => {
    sinceTurn = 0;
    if (!ended) setImmediate(turn);
  };
  turn();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  one.connection.client.on('flags', ({ seq }) => {
    told.push(seq);
    most = Math.max(most, ++sinceTurn);
    if (told.length === 1) quiet.deliver('new');
    if (told.length === MESSAGES) resolve();
  });
  other.connection.client.on('exists', () => {
    toldBeforeOther = Math.min(toldBeforeOther, told.length);
  });
  const numbers = Array.from({ length: MESSAGES }, (_, at) => at + 1);
  flooding.tell(numbers.map((number) => `* ${number} FETCH (FLAGS (\\Seen))\r\n`).join(''));
  await all;
  ended = true;
  assert.deepEqual(told, numbers);
  assert.ok(most <= MOST_BETWEEN_TURNS, `${most} flags were read in one turn of the event loop`);
  assert.ok(toldBeforeOther < MESSAGES, 'the other connection heard of its mail only after them');
});

async function inIdle(
  server: HostileImap,
): Promise<{ connection: ImapConnection; [Symbol.asyncDispose](): Promise<void> }> {
  const { account, signIn } = trial('imap', server.imap, { require_tls: false });
  const connection = await signIn((credentials) => connectImap(account, credentials));
  await connection.client.mailboxOpen('INBOX', { readOnly: true });
  const idle = server.idle();
  void connection.client.idle().catch(() => undefined);
  await idle;
  return { connection, [Symbol.asyncDispose]: async () => connection.close() };
}
