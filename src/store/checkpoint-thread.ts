// The thread of checkpointer.ts: whenever it is asked, it moves what lies in the log, waiting for nobody and holding up
// nobody that reads or writes.
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const database = new DatabaseSync(workerData as string);
database.exec('pragma synchronous = normal; pragma wal_autocheckpoint = 0');
const checkpoint = database.prepare('pragma wal_checkpoint(passive)');

parentPort?.on('message', () => {
  checkpoint.all();
  parentPort?.postMessage(null);
});
