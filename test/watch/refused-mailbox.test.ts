// A mailbox that the server shows and does not open leaves nothing behind on the connection that it shares.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startHostileImap } from '../support/hostile-imap.ts';
import { openWatchHouse } from './house.ts';

const LOOKS = 15; // Node warns from 11 listeners on

it('a shared connection keeps no listener for each time that a mailbox could not be opened', async (t) => {
  const warnings: string[] = [];
  const warned = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  let connections = 0;
  await using server = await startHostileImap({
    play(_server, command) {
      if (command === 'LOGIN') connections++;
      return command === 'EXAMINE' ? ['TAG NO [NOPERM] not yours'] : undefined;
    },
  });
  await using house = await openWatchHouse();
  const watch = { mode: 'poll', interval: '60s' };
  const account = await house.add({ imap: server.imap, watch }, false);
  for (let look = 1; look <= LOOKS; look++) {
    await house.until(() => house.status(account).reconnects >= look);
    house.watchers.sweep(account.id);
  }
  assert.equal(connections, 1);
  assert.deepEqual(warnings, []);
});
