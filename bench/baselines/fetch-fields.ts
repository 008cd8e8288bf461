// Baseline: bare ImapFlow, from connecting until the same fields of every mail are there. Nothing is done with them.
import { taskOf, tellDuration } from '../child.ts';
import { bareClient, type FetchTask, FIELDS } from './imap.ts';

const client = bareClient(taskOf<FetchTask>());
await tellDuration(async () => {
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  let count = 0;
  for await (const message of client.fetch('1:*', FIELDS, { uid: true })) if (message.headers) count++;
  return count;
});
await client.logout();
