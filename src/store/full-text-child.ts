// The process of searches: opens the ledger for reading and answers one after the other. The gateway kills it at the time
// limit, its own watch thread at the memory limit or when the gateway is gone; nothing in it is worth saving.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type IndexSearch, searchIndex } from './full-text.ts';
import type { FromSearch } from './full-text-job.ts';
import { readSqlite } from './sqlite.ts';

const [ledger = '', memoryBytes] = process.argv.slice(2);
const leave = (): never => process.exit();
process.on('disconnect', leave);
if (!process.connected) leave();

const watch = new Worker(new URL('./sql-watch.ts', import.meta.url), {
  workerData: { memoryBytes: Number(memoryBytes) },
});
await once(watch, 'message');
const db = readSqlite(ledger);
process.on('message', (search: IndexSearch) => {
  say({ kind: 'begun' });
  // In the next turn: a search keeps this thread to itself, and what was said is to leave before.
  setImmediate(() =>
    searchIndex(db, search).then(
      (hits) => say({ kind: 'found', hits }),
      (error: unknown) => say({ kind: 'failed', message: String(error) }),
    ),
  );
});

function say(message: FromSearch): void {
  process.send?.(message);
}
