// A consumer of a source as one would write it: what a message means to it and the message's position go into its own
// database in one transaction, and only then it acknowledges. `consumer.ts URL CONSUMER DATABASE CONTENT`; ends with 0 when
// everything that is there is taken and acknowledged, with 1 when the stream breaks off.
import { DatabaseSync } from 'node:sqlite';
import type { SourceEvent } from '../../../src/contracts/source.ts';
import { acknowledge, sourceEvents } from '../../support/source-client.ts';

const BATCH_MESSAGES = 25;

const [url = '', consumer = '', path = '', content = 'metadata'] = process.argv.slice(2);
const database = new DatabaseSync(path, { timeout: 10_000 });
database.exec(`
  pragma journal_mode = wal; pragma synchronous = full;
  create table if not exists taken (at integer primary key, position text unique, mailbox text, uid integer, subject text);
  create table if not exists counts (name text primary key, count integer not null);
  insert or ignore into counts values ('again', 0), ('acknowledged', 0);
`);
const insert = database.prepare(
  'insert or ignore into taken (position, mailbox, uid, subject) values (?, ?, ?, ?)',
);
const count = database.prepare('update counts set count = count + ? where name = ?');

interface Taken {
  position: string;
  message: { mailbox: string; uid: number; subject: string };
}

function takenOf({ position, event: { data } }: Extract<SourceEvent, { type: 'event' }>): Taken {
  const { mailbox, uid, message } = data;
  return { position, message: { mailbox, uid, subject: message.subject } };
}

async function take(batch: readonly Taken[]): Promise<void> {
  if (batch.length === 0) return;
  database.exec('begin immediate');
  let again = 0;
  for (const { position, message } of batch)
    if (insert.run(position, message.mailbox, message.uid, message.subject).changes === 0) again++;
  count.run(again, 'again');
  database.exec('commit');
  console.log(`taken ${batch.length - again}`);
  const last = new Map(batch.map(({ position, message }) => [message.mailbox, position]));
  const { status, body } = await acknowledge(url, consumer, [...last.values()]);
  if (status !== 200) throw new Error(`the acknowledgement was refused: ${body.code}`);
  count.run(body.acknowledged, 'acknowledged');
}

process.exitCode = 1;
try {
  let batch: Taken[] = [];
  for await (const event of sourceEvents(url, consumer, { content })) {
    if (event.type === 'message') batch.push(event);
    if (event.type === 'event') batch.push(takenOf(event));
    if (event.type !== 'caught_up' && batch.length < BATCH_MESSAGES) continue;
    await take(batch);
    batch = [];
    if (event.type !== 'caught_up') continue;
    console.log('through');
    process.exitCode = 0;
    break;
  }
} catch (error) {
  console.log(`broke off: ${String(error)}`);
}
process.exit();
