// A mail that was put aside is only given up when the server has said that it is not there.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startHostileImap } from '../support/hostile-imap.ts';
import { ONLY_TOLD, openWatchHouse } from './house.ts';

it('a mail that was put aside is not forgotten when the server says goodbye in place of an answer', async () => {
  let said = false;
  await using server = await startHostileImap({
    play(_server, command, line) {
      if (command !== 'UID FETCH' || !/BODY/.test(line) || said) return undefined;
      const isJobs = /UID FETCH 1:1 /.test(line); // the watcher asks for 1:*, and for 1 alone
      if (!isJobs) return ['* 1 FETCH (UID 1 BODY[HEADER] NIL)', 'TAG OK done'];
      said = true;
      return ['* BYE going down', 'TAG OK done'];
    },
  });
  await using house = await openWatchHouse();
  await house.add({ imap: server.imap, watch: ONLY_TOLD });
  await server.idle();
  server.deliver('put aside');
  assert.deepEqual(await house.starts('put aside'), { 'put aside': 1 });
});
