// A real gateway beside servers that flood, stall and lie without end: another account's mail arrives meanwhile, the
// process stays small and quick, and each of those accounts has a state that says what is wrong.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type HostileImap, type HostileOptions, rowOf, startHostileImap } from '../support/hostile-imap.ts';
import { requireService } from '../support/services.ts';

const MAILS = 6;
const SLOWEST_FLOOD_MS = 60_000; // 50,000 lines from each of two servers, on a machine that is busy
const CHUNK_BYTES = 64 * 1024;
const MOST_GROWTH_BYTES = 400 * 1024 * 1024; // at its highest: 16 MB of each of seven at once, and as much again not yet collected
const LONGEST_TURN_S = 1.5; // of the event loop, on a machine that is busy; unbounded reading took 3 s and more

/** What such a server does over and over, in place of an honest answer, and what is said of it then. */
interface Mischief {
  at: string;
  first?: string;
  /** Repeated without end. */
  flood?: string;
  says: RegExp;
  /** That of the account: short only where nothing else ends what the server does. */
  timeoutMs: number;
}

const SHORTEST_MS = 1_000; // that an account may have
const LONG_MS = 60_000; // so that a bound of sizes ends it, or nothing does

const row = rowOf({ uid: 1, subject: 'one' }, 1);
const KINDS: Record<string, Mischief> = {
  'announces 4 GB': {
    at: 'UID FETCH',
    first: '* 1 FETCH (UID 1 BODY[HEADER] {4294967296}\r\n',
    flood: 'x'.repeat(1_000),
    says: /literal/i,
    timeoutMs: LONG_MS,
  },
  'sends literals of 16 MB': {
    at: 'UID FETCH',
    flood: `* 1 FETCH (UID 1 BODY[HEADER] {16000000}\r\n${'x'.repeat(16_000_000)})\r\n`,
    says: /did not answer within/,
    timeoutMs: SHORTEST_MS,
  },
  'sends a line without an end': {
    at: 'IDLE',
    first: '+ idling\r\n* OK ',
    flood: 'a'.repeat(1_000),
    says: /line/i,
    timeoutMs: LONG_MS,
  },
  'never stops talking': {
    at: 'IDLE',
    first: '+ idling\r\n',
    flood: '* OK still here\r\n',
    says: /tells more than/,
    timeoutMs: LONG_MS,
  },
  'tells of new mail without end': {
    at: 'IDLE',
    first: '+ idling\r\n',
    flood: Array.from({ length: 1_000 }, (_, at) => `* ${at} EXISTS\r\n`).join(''),
    says: /tells more than/,
    timeoutMs: LONG_MS,
  },
  'answers a fetch without end': {
    at: 'UID FETCH',
    flood: `${row}\r\n`,
    says: /did not answer within/,
    timeoutMs: SHORTEST_MS,
  },
  'says one octet after the other': { at: 'EXAMINE', says: /did not answer within/, timeoutMs: SHORTEST_MS },
};

describe('a gateway beside hostile servers', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  const servers: HostileImap[] = [];
  before(async () => {
    dovecot = await startDovecot({
      users: { sales: DEFAULT_PASSWORD },
      extra: 'mailbox_idle_check_interval = 1s',
    });
    gateway = await startGateway();
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    for (const server of servers) await server.stop();
    await dovecot?.stop();
  });
  const basics = { smtp: { host: '127.0.0.1', port: 1, security: 'none' }, require_tls: false };
  const add = async (label: string, imap: object, more: object = {}): Promise<void> => {
    const auth = { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD };
    const input = { label, address: `${label}@company.example`, imap, auth, ...basics, ...more };
    const { status, body } = await gateway.request('POST', '/v1/accounts', input);
    assert.equal(status, 201, JSON.stringify(body));
  };
  const show = (label: string): Promise<AccountView> => gateway.get<AccountView>(`/v1/accounts/${label}`);
  /** The most that the process has ever held. */
  const peakBytes = async (): Promise<number> =>
    1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]);

  it('takes in mail in order, stays small and quick, and says of each what is wrong', async () => {
    await add('sales', { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' });
    await gateway.until(async () => (await show('sales')).status.state === 'idle');
    const pid = gateway.pid;
    const before = await peakBytes();
    await loopDelay(gateway); // from now on
    const labels: string[] = [];
    const met = new Set<string>();
    for (const [at, [name, mischief]] of Object.entries(KINDS).entries()) {
      const { timeoutMs: timeout_ms } = mischief;
      const server = await startHostileImap(played(mischief, () => met.add(name)));
      servers.push(server);
      const label = `hostile-${at}`;
      labels.push(label);
      await add(label, server.imap, { timeout_ms, watch: { from_zero: true, interval: '1h' } });
    }

    const subjects: string[] = [];
    let worst = 0;
    while (subjects.length < MAILS) {
      const subject = `mail ${subjects.length}`;
      await dovecot.deliver('sales', mail(subject));
      subjects.push(subject);
      await gateway.until(async () => (await show('sales')).status.received === subjects.length);
      worst = Math.max(worst, await loopDelay(gateway));
      // Their rests between the tries end here: all of them go on all the time.
      for (const label of labels)
        void gateway.request('POST', `/v1/watch/${label}/sweep`, {}).catch(() => undefined);
    }

    const { data } = await gateway.get<{ data: { subject: string }[] }>(
      '/v1/messages?account=sales&limit=100',
    );
    assert.deepEqual(data.map(({ subject }) => subject).reverse(), subjects);
    for (const [at, [name, { says }]] of Object.entries(KINDS).entries()) {
      const { status } = await gateway.until(async () => {
        const account = await show(`hostile-${at}`);
        return account.status.state === 'backing-off' && account;
      }, SLOWEST_FLOOD_MS);
      assert.match(status.last_error ?? '', says, name);
      assert.ok(met.has(name), `the server that ${name} was never met`);
    }
    const growth = (await peakBytes()) - before;
    assert.ok(growth < MOST_GROWTH_BYTES, `the process grew by ${growth} bytes`);
    assert.ok(worst < LONGEST_TURN_S, `a turn of the event loop took ${worst} s`);
    assert.equal(gateway.pid, pid);
    assert.deepEqual(await gateway.get('/healthz'), { status: 'ok' });
    assert.doesNotMatch(gateway.log(), /"level":"(?:error|fatal)"/);
  });
});

/** The longest turn of the event loop since this was asked before, in seconds. */
async function loopDelay(gateway: TestGateway): Promise<number> {
  const text = (await gateway.bytes('/metrics')).toString('utf8');
  return Number(/^postern_event_loop_delay_seconds\{stat="max"\} (\S+)/m.exec(text)?.[1]);
}

function played({ at, first, flood }: Mischief, onMet: () => void): HostileOptions {
  return {
    mails: [{ uid: 1, subject: 'one' }],
    play(_server, command, _line, socket) {
      if (command !== at) return undefined;
      onMet();
      if (first !== undefined) socket.write(first, 'latin1');
      if (flood !== undefined) pour(socket, flood);
      else dribble(socket);
      return null;
    },
  };
}

/** As fast as it is read, and until the other side hangs up. */
function pour(socket: Socket, text: string): void {
  const chunk = Buffer.from(text.repeat(Math.ceil(CHUNK_BYTES / text.length)), 'latin1');
  const more = (): void => {
    if (socket.writable) socket.write(chunk, () => setImmediate(more));
  };
  more();
}

function dribble(socket: Socket): void {
  const timer = setInterval(() => socket.write('*'), 250);
  socket.once('close', () => clearInterval(timer));
}

const mail = (subject: string): string =>
  `From: Ann <ann@prospect.example>\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replace(' ', '-')}@prospect.example>\r\n\r\nHello.\r\n`;
