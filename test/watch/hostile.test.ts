// Watching a server that lies, floods or breaks off. Whatever it does once, each of its mails is taken in exactly once
// afterwards, by itself; what it does for ever ends in a state that says why.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { type HostileImap, type HostileOptions, rowOf, startHostileImap } from '../support/hostile-imap.ts';
import { ONLY_TOLD, openWatchHouse, type WatchHouse } from './house.ts';

const LIMIT_MS = 1_000; // the shortest that an account may have
const MAILS = [
  { uid: 1, subject: 'one' },
  { uid: 2, subject: 'two' },
  { uid: 3, subject: 'three' },
];

/** What the server does: the lines in place of the honest answer, given those. */
type Mischief = (honest: readonly string[], server: HostileImap) => readonly string[] | null | undefined;

const rows = MAILS.map((mail, at) => rowOf(mail, at + 1));
const [first = '', second = '', third = ''] = rows;
const DONE = 'TAG OK done';
const structureOf = (structure: string) => first.replace(/\("TEXT".*?\)/, structure);
const nested = (depth: number) => `${'('.repeat(depth)}"A"${')'.repeat(depth)}`;

/** Played on the first fetch of metadata. */
const IN_FETCH: Record<string, Mischief> = {
  'announces a literal of 4 GB': () => ['* 1 FETCH (UID 1 BODY[HEADER] {4294967296}', 'x'],
  'announces a literal of thirty digits': () => [`* 1 FETCH (UID 1 BODY[HEADER] {${'9'.repeat(30)}}`],
  'falls silent in the middle of a literal': () => ['* 1 FETCH (UID 1 BODY[HEADER] {1000000}', 'From: a'],
  'sends a line of 20 MB': () => [`* 1 FETCH (UID 1 X "${'a'.repeat(20_000_000)}")`],
  'sends a line of 70,000 brackets': () => [`* OK [${'['.repeat(70_000)}] x`, ...rows, DONE],
  'answers commands that were never sent': () => ['ZZ1 OK done', 'ZZ2 BAD what', ...rows, DONE],
  'answers the command twice': () => [...rows, DONE, DONE],
  'answers in the order of its liking': () => [third, first, second, DONE],
  'answers with each mail three times': () => [...rows, ...rows, ...rows, DONE],
  'answers with a UID of 0 and UIDs beyond 32 bits': () => [
    rowOf({ uid: 0, subject: 'zero' }, 1),
    ...[4_294_967_296, 9_999_999_999].map((uid) => rowOf({ uid, subject: 'beyond' }, 9)),
    ...rows,
    DONE,
  ],
  'answers without a UID first': () => [first.replace('UID 1 ', ''), ...rows, DONE],
  'leaves out the size of a mail': () => [first.replace(/RFC822.SIZE \d+ /, ''), second, third, DONE],
  'gives NIL for the header block of a mail': () => [
    second.replace(/BODY\[HEADER\] \{[\s\S]*$/, 'BODY[HEADER] NIL)'),
    first,
    third,
    DONE,
  ],
  'nests the structure of a mail 40 deep': () => [structureOf(nested(40)), second, third, DONE],
  'nests the structure of a mail 10,000 deep': () => [structureOf(nested(10_000)), second, third, DONE],
  'gives a structure of 100 kB': () => [structureOf(`(${'("A" "B") '.repeat(10_000)})`), second, third, DONE],
  'gives NIL for all structures': () => [...rows.map((row) => row.replace(/\("TEXT".*?\)/, 'NIL')), DONE],
  'expunges while it answers': () => [
    first,
    '* 1 EXPUNGE',
    '* 2 EXISTS',
    second,
    '* VANISHED 1',
    third,
    DONE,
  ],
  'removes four billion mails': () => ['* VANISHED 1:4294967295', ...rows, DONE],
  'says NO after one of three': () => [first, 'TAG NO not now'],
  'says BAD at once': () => ['TAG BAD no such command'],
  'says that some are gone, after one of three': () => [
    first,
    'TAG NO Some of the requested messages no longer exist',
  ],
  'says goodbye after one of three': () => [first, '* BYE bye'],
  'says OK after none of three, with answers to others': () => [
    '* 9 FETCH (UID 9 FLAGS ())',
    first,
    second,
    third,
    DONE,
  ],
  'asks to go on, which nobody wanted': () => ['+ go on', ...rows, '+', DONE],
  'sends NUL, octets of eight bits and bare LF': () => [
    '\0\0* OK x',
    '* OK caf\xe9\n* 3 EXISTS',
    ...rows,
    DONE,
  ],
  'takes back its capabilities': () => ['* CAPABILITY IMAP4rev1', ...rows, DONE],
  throttles: () => ['TAG BAD Request is throttled. Suggested Backoff Time: 50 milliseconds'],
  'talks nonsense': () => ['%%%', '* ', '*', '* 1', '* 1 FETCH', '* FETCH 1 (UID 1', ...rows, DONE],
};

/** Said to a client in IDLE, once; a fourth mail comes after it. */
const IN_IDLE: Record<string, (server: HostileImap) => void> = {
  'says goodbye': (server) => server.tell('* BYE going down\r\n'),
  'tells of 10,000 numbers of mails': (server) =>
    server.tell(Array.from({ length: 10_000 }, (_, at) => `* ${at} EXISTS\r\n`).join('')),
  'tells of more mails than there can be': (server) =>
    server.tell('* 4294967295 EXISTS\r\n* 99999999999999999999 EXISTS\r\n'),
  'tells that there is none': (server) => server.tell('* 0 EXISTS\r\n'),
  'expunges what is not there': (server) => server.tell('* 0 EXPUNGE\r\n* 77 EXPUNGE\r\n* -1 EXPUNGE\r\n'),
  'shouts for a megabyte': (server) => server.tell(`* OK [ALERT] ${'A'.repeat(1_000_000)}\r\n`),
  'never stops talking': (server) =>
    server.tell(Buffer.alloc(4_000_000, '* OK still here, and still talking\r\n')),
  'announces a literal of 4 GB': (server) => server.tell('* OK {4294967296}\r\n'),
  'ends the IDLE by itself': (server) => server.tell('1F OK done\r\n* BAD x\r\n'),
  'numbers the mailbox anew': (server) => {
    server.uidValidity = 2;
    server.mails.forEach((mail, at) => {
      mail.uid = 100 - at;
    });
    server.tell('* OK [UIDVALIDITY 2] new\r\n');
  },
};

describe('a server that', { concurrency: 4 }, () => {
  async function world(
    options: HostileOptions,
    test: (house: WatchHouse, server: HostileImap, account: Account) => Promise<void>,
    watch: object = { from_zero: true },
  ): Promise<void> {
    await using server = await startHostileImap(options);
    await using house = await openWatchHouse();
    const imap = { imap: server.imap, timeout_ms: LIMIT_MS, watch: { ...ONLY_TOLD, ...watch } };
    const account = await house.add(imap, false);
    await test(house, server, account);
  }

  /** Waits for the mails, and ends the rests between the tries. */
  async function allTaken(house: WatchHouse, account: Account, subjects: readonly string[]): Promise<void> {
    await house.until(() => {
      if (house.status(account).state === 'backing-off') house.watchers.sweep(account.id);
      return subjects.every((subject) => house.started.includes(subject));
    });
    await house.until(() => house.status(account).state === 'idle');
    assert.deepEqual([...house.started].sort(), [...subjects].sort(), 'each of them, and each once');
  }

  const lastUid = async (house: WatchHouse): Promise<number | undefined> =>
    (await house.store.db.selectFrom('mailboxes').select('last_uid').executeTakeFirst())?.last_uid;

  for (const [name, mischief] of Object.entries(IN_FETCH)) {
    it(`${name} in a fetch loses no mail`, async () => {
      let played = 0;
      const play: HostileOptions['play'] = (server, command, line) => {
        if (command !== 'UID FETCH' || !/BODYSTRUCTURE/.test(line) || played++ > 0) return undefined;
        return mischief(rows, server);
      };
      await world({ mails: MAILS, play }, async (house, _server, account) => {
        await allTaken(house, account, ['one', 'two', 'three']);
        assert.equal(await lastUid(house), 3);
      });
    });
  }

  for (const [name, mischief] of Object.entries(IN_IDLE)) {
    it(`${name} in IDLE loses no mail`, async () => {
      await world({ mails: MAILS }, async (house, server, account) => {
        await allTaken(house, account, ['one', 'two', 'three']);
        await server.idle();
        mischief(server);
        server.deliver('four', server.uidValidity === 2 ? 101 : 4);
        await allTaken(house, account, ['one', 'two', 'three', 'four']);
      });
    });
  }

  for (const at of ['CAPABILITY', 'LOGIN', 'NAMESPACE', 'EXAMINE', 'UID FETCH', 'IDLE']) {
    for (const farewell of [['* BYE not now'], ['* BYE not now', 'TAG OK done'], ['TAG BAD \u001b[2Jwhat']]) {
      it(`says ${farewell.join(' and ')} to ${at} loses no mail`.replace('\u001b', 'ESC'), async () => {
        let played = 0;
        const play: HostileOptions['play'] = (_server, command, _line, socket) => {
          if (command !== at || played++ > 0) return undefined;
          if (farewell.length === 1 && farewell[0]?.startsWith('*')) setImmediate(() => socket.end());
          return farewell;
        };
        await world({ mails: MAILS, play }, async (house, server, account) => {
          await house.until(() => {
            const { state } = house.status(account);
            if (state === 'backing-off' || state === 'needs-sign-in') house.watchers.sweep(account.id);
            return house.started.length >= 3;
          });
          assert.deepEqual([...house.started].sort(), ['one', 'three', 'two']);
          assert.ok(server.received().includes('LOGIN'));
        });
      });
    }
  }

  it('does not tell UIDVALIDITY is not believed, and its mail is taken once it does', async () => {
    await world({ mails: MAILS }, async (house, server, account) => {
      await allTaken(house, account, ['one', 'two', 'three']);
      await server.idle();
      server.uidValidity = null;
      server.tell('* BYE\r\n');
      await house.until(() => house.status(account).state === 'backing-off');
      server.uidValidity = 1;
      server.deliver('four');
      await allTaken(house, account, ['one', 'two', 'three', 'four']);
    });
  });

  it('lets UIDVALIDITY and UIDNEXT go to and fro starts nothing twice', async () => {
    await world({ mails: MAILS }, async (house, server, account) => {
      await allTaken(house, account, ['one', 'two', 'three']);
      for (const [uidValidity, uidNext] of [
        [2, null],
        [1, null],
        [1, 2],
        [1, 4_294_967_295],
        [1, null],
      ] as const) {
        await server.idle();
        Object.assign(server, { uidValidity, uidNext });
        const from = house.states.length;
        server.tell('* BYE\r\n');
        await house.until(() => house.states.slice(from).some((state) => state.endsWith('backing-off')));
        await allTaken(house, account, ['one', 'two', 'three']);
      }
      server.deliver('four');
      await allTaken(house, account, ['one', 'two', 'three', 'four']);
    });
  });

  it('never gives one of its mails in a form that can be read makes a dead letter of it, and no more', async () => {
    const play: HostileOptions['play'] = (_server, command, line) => {
      if (command !== 'UID FETCH' || !/BODY/.test(line)) return undefined;
      if (/UID FETCH 2 /.test(line)) return ['* 2 FETCH (UID 2 BODY[HEADER] NIL)', DONE];
      return [first, second.replace(/BODY\[HEADER\] \{[\s\S]*$/, 'BODY[HEADER] NIL)'), third, DONE];
    };
    await world({ mails: MAILS, play }, async (house, _server, account) => {
      await allTaken(house, account, ['one', 'three']);
      assert.equal(await lastUid(house), 3);
      const jobs = await house.store.db.selectFrom('jobs').select(['kind', 'payload']).execute();
      assert.deepEqual(
        jobs.map(({ kind, payload }) => [kind, (JSON.parse(payload) as { uid: number }).uid]),
        [['message.ingest', 2]],
      );
    });
  });

  it('speaks one octet a second is given up in time', async () => {
    const play: HostileOptions['play'] = (_server, command, _line, socket) => {
      if (command !== 'EXAMINE') return undefined;
      const timer = setInterval(() => socket.write('*'), 200);
      socket.once('close', () => clearInterval(timer));
      return null;
    };
    await world({ play }, async (house, _server, account) => {
      await house.until(() => house.status(account).state === 'backing-off');
      assert.match(house.status(account).last_error ?? '', /did not answer within 1000 ms/);
    });
  });

  it('sends control characters in its reasons has none of them in a status or a log', async () => {
    const play: HostileOptions['play'] = (_server, command) =>
      command === 'EXAMINE'
        ? ['TAG NO [X\u001b] \u001b[2J\u009b31m\u202e\u0007 go \u001b]0;away\u0007']
        : undefined;
    await world({ play }, async (house, _server, account) => {
      await house.until(() => house.status(account).state === 'backing-off');
      const shown = `${house.status(account).last_error}${house.log.map((line) => JSON.parse(line)[0]).join()}`;
      assert.match(shown, /It said: .*go/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(shown, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    });
  });

  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  before(() => void process.on('unhandledRejection', note));
  after(() => {
    process.off('unhandledRejection', note);
    assert.deepEqual(rejections, [], 'no promise was left alone');
  });
});
