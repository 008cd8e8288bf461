// What is done to mail on servers that hang, and what becomes of another account's labels meanwhile.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mailboxLane } from '../../src/jobs/kinds.ts';
import { type HostileOptions, startHostileImap } from '../support/hostile-imap.ts';
import { ONLY_TOLD, openWatchHouse } from './house.ts';

const HANGING_ACCOUNTS = 8; // twice as many as jobs of a kind that run at once where nothing else is said
const MAILS = [{ uid: 1, subject: 'one' }];

/** Watching examines; what is done to mail selects. */
const hangs: HostileOptions['play'] = (_server, command) => (command === 'SELECT' ? null : undefined);
const labels: HostileOptions['play'] = (_server, command) => {
  if (command === 'SELECT') {
    const told = ['* FLAGS (\\Seen)', '* 1 EXISTS', '* OK [UIDVALIDITY 1] ok', '* OK [UIDNEXT 2] ok'];
    return [...told, '* OK [PERMANENTFLAGS (\\Seen \\*)] ok', 'TAG OK [READ-WRITE] done'];
  }
  return command === 'UID STORE' ? ['* 1 FETCH (UID 1 FLAGS (Agent/Quotes))', 'TAG OK done'] : undefined;
};

it('a label is set while the labels of eight accounts wait for servers that hang', async () => {
  await using hanging = await startHostileImap({ mails: MAILS, play: hangs });
  await using honest = await startHostileImap({ mails: MAILS, play: labels });
  await using house = await openWatchHouse();
  await using _ends = { [Symbol.asyncDispose]: hanging.stop }; // before the house does, whose jobs wait for it
  const add = (label: string, { imap }: { imap: object }) => {
    const watch = { ...ONLY_TOLD, from_zero: true };
    return house.add({ label, address: `${label}@company.example`, imap, watch, timeout_ms: 60_000 }, false);
  };
  for (let at = 0; at < HANGING_ACCOUNTS; at++) await add(`hanging-${at}`, hanging);
  await house.until(() => house.started.length === HANGING_ACCOUNTS);
  const label = async (): Promise<void> => {
    const messages = await house.store.db.selectFrom('messages').select(['id', 'account_id']).execute();
    await house.store.write(async (tx) => {
      for (const { id, account_id: accountId } of messages) {
        const lane = mailboxLane(accountId);
        await house.jobs.enqueue(tx, 'message.flag', { message_id: id, add: ['Agent/Quotes'] }, { lane });
      }
    });
  };
  await label();
  const { id } = await add('honest', honest);
  await house.until(() => house.started.length === HANGING_ACCOUNTS + 1);
  const stored = honest.nextCommand('UID STORE');
  await label();
  await stored;
  const left = await house.store.db.selectFrom('jobs').select('lane').execute();
  assert.ok(
    left.filter(({ lane }) => lane !== mailboxLane(id)).length >= HANGING_ACCOUNTS,
    'they wait still',
  );
});
