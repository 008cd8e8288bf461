// The process of one query: opens the ledger for reading, gets the tables that the connector filled, runs one statement
// and ends. The gateway kills it at the time limit, its own watch thread at the memory limit; nothing in it is worth
// saving, and it has no environment and no key.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FromChild, ToChild } from './sql-job.ts';
import { batches } from './sql-job.ts';
import { SqlRun } from './sql-run.ts';

const memoryBytes = Number(process.argv[2]);
const watch = new Worker(new URL('./sql-watch.ts', import.meta.url), { workerData: { memoryBytes } });
await once(watch, 'message');

const run = new SqlRun();
let work = Promise.resolve();
process.on('message', (message: ToChild) => {
  work = work.then(() => take(message));
});
await say({ kind: 'ready' });

async function take(message: ToChild): Promise<void> {
  if (message.kind === 'table') run.addTable(message.name, message.columns);
  else if (message.kind === 'rows') run.addRows(message.rows);
  else {
    try {
      const { columns, rows } = run.start(message.job);
      await say({ kind: 'columns', columns });
      for (const batch of batches(rows)) await say({ kind: 'rows', rows: batch });
      await say({ kind: 'done' });
    } catch (error) {
      await say({ kind: 'failed', failure: run.explain(error) });
    }
  }
}

/** Waits until the gateway's side has taken it: the answer never piles up here. */
function say(message: FromChild): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}
