// Baseline: bare ImapFlow with simpleParser, from connecting until every mail is parsed, one after the other.
import { simpleParser } from 'mailparser';
import { taskOf, tellDuration } from '../child.ts';
import { bareClient, type FetchTask } from './imap.ts';

const client = bareClient(taskOf<FetchTask>());
await tellDuration(async () => {
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  let count = 0;
  for await (const message of client.fetch('1:*', { uid: true, source: true }, { uid: true })) {
    const parsed = await simpleParser(message.source ?? Buffer.alloc(0));
    if (parsed.messageId) count++;
  }
  return count;
});
await client.logout();
