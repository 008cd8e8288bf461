// Baseline: bare ImapFlow connections, one for each user, all in IDLE. Says `ready` with what it took, and stays until it
// is ended.
import { taskOf } from '../child.ts';
import { bareClient } from './imap.ts';

export interface IdleTask {
  port: number;
  users: string[];
  password: string;
  /** How many sign in at once. */
  concurrency: number;
  /** PEM of the authority to trust; the connection is then by TLS from the first byte. */
  ca?: string;
}

const { port, users, password, concurrency, ca } = taskOf<IdleTask>();
const kept: unknown[] = [];
const waiting = [...users];
const startedAt = performance.now();

async function signIn(): Promise<void> {
  for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
    const client = bareClient({ port, user, password, ...(ca === undefined ? {} : { ca }) });
    client.on('error', (error) => {
      console.error(`a connection of the baseline broke: ${error}`);
      process.exit(1);
    });
    await client.connect();
    await client.mailboxOpen('INBOX', { readOnly: true });
    void client.idle();
    kept.push(client);
  }
}

await Promise.all(Array.from({ length: concurrency }, signIn));
console.log(JSON.stringify({ ready: kept.length, ms: performance.now() - startedAt }));
