// A process that rotates the master key of a data folder, to be killed while it does: it says each step that is on the
// disk, and ends itself by SIGKILL at the step whose number is its second argument.
import { join } from 'node:path';
import { KeyRotation } from '../../src/accounts/key-rotation.ts';
import { keysInFiles } from '../../src/accounts/master-keys.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

const [folder = '', dieAt = '0', mode = ''] = process.argv.slice(2);
const store = await openSqlite(join(folder, 'ledger.sqlite'));
let steps = 0;
const rotation = new KeyRotation({
  store,
  vault: new Vault(keysInFiles(join(folder, 'master.key'))),
  clock: systemClock,
  log: silentLogger,
  onStep() {
    steps++;
    if (steps === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  },
});
process.stdout.write('ready\n');
await rotation.rotate({ dataKeys: mode === 'data-keys' });
process.stdout.write(`done after ${steps} steps\n`);
await store.close();
