// A server may answer in any order (RFC 9051 §7.5.2): what comes late lies below what is already committed.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rowOf, startHostileImap } from '../support/hostile-imap.ts';
import { ONLY_TOLD, openWatchHouse } from './house.ts';

const FULL_BATCH = 250; // as many as are committed before the answer has ended

it('a mail that a server sends behind a full batch of later ones is taken in', async () => {
  await using server = await startHostileImap({
    play(self, command, line) {
      if (command !== 'UID FETCH' || !/BODYSTRUCTURE/.test(line)) return undefined;
      const [late, ...rest] = self.mails.map((mail, at) => rowOf(mail, at + 1));
      return late === undefined ? undefined : [...rest, late, 'TAG OK done'];
    },
  });
  await using house = await openWatchHouse();
  await house.add({ imap: server.imap, watch: ONLY_TOLD });
  await server.idle();
  const subjects = Array.from({ length: FULL_BATCH + 1 }, (_, at) => `mail ${at + 1}`);
  server.mails.push(...subjects.map((subject, at) => ({ subject, uid: at + 1 })));
  server.tell(`* ${subjects.length} EXISTS\r\n`);
  await house.until(() => house.started.includes('mail 251'));
  await server.idle(); // the look for new mail is over
  assert.deepEqual(
    subjects.filter((subject) => !house.started.includes(subject)),
    [],
  );
});
