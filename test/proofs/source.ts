// A source whose consumer is killed again and again, with its gateway and its connections: each message is acknowledged
// exactly once, and taken in the order of mailbox and UID.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import type { SourceConsumer } from '../../src/contracts/source.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { startProcess } from '../support/process.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

interface Size {
  messages: number;
  consumerKills: number;
  gatewayKills: number;
  /** The mail server hangs up. */
  kicks: number;
}

const FULL: Size = { messages: 20_000, consumerKills: 20, gatewayKills: 5, kicks: 5 };
const QUICK: Size = { messages: 1_200, consumerKills: 6, gatewayKills: 1, kicks: 1 };
const MAILBOXES = ['Archive', 'INBOX', 'Orders', 'Returns 2026'];
const LAST_MAILBOX = 'Returns 2026'; // in the order in which a source reads them
const USER = 'reader';
const DELIVERED_AT_ONCE = 500;
const MOST_REFILLS = 50; // a consumer that is always through before its blow would be no proof
const LONGEST_DELAY_MS = 30; // so that a kill meets every step between reading and acknowledging
const CONSUMER = fileURLToPath(new URL('./source/consumer.ts', import.meta.url));

export const source: Proof = {
  name: 'source',
  summary: 'A consumer that is killed takes each message, acknowledges each exactly once, in order.',
  run,
};

type Blow = 'consumer' | 'gateway' | 'kick';

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const size = quick ? QUICK : FULL;
  const random = new Random(seed);
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD } });
  await using gateway = await startGateway();
  await fill(dovecot, size.messages);
  let messages = size.messages;
  let refills = 0;
  const consumer = await openSource(gateway, dovecot);
  const path = join(gateway.folder, 'consumer.sqlite');
  tell(`${size.messages} messages in ${MAILBOXES.length} mailboxes`);

  const blows = random.shuffled<Blow>([
    ...Array<Blow>(size.consumerKills).fill('consumer'),
    ...Array<Blow>(size.gatewayKills).fill('gateway'),
    ...Array<Blow>(size.kicks).fill('kick'),
  ]);
  const done = { consumer: 0, gateway: 0, kick: 0 };
  const lives = { begun: 0, brokeOff: 0 };
  const apart = Math.floor(size.messages / (blows.length + 1));
  for (const blow of blows) {
    const enough = random.between(Math.ceil(apart / 2), apart);
    const delay = random.between(0, LONGEST_DELAY_MS);
    // A fast machine may be through before the blow falls: then more mail comes, and the blow is struck after all.
    while (await live({ gateway, dovecot, consumer, path, lives }, { blow, enough, delay })) {
      if (++refills > MOST_REFILLS) throw new Error('the consumer was always through before its blow');
      await deliver(dovecot, LAST_MAILBOX, messages, 2 * apart);
      messages += 2 * apart;
    }
    done[blow]++;
  }
  for (let left = 5; left > 0; left--) {
    if (await live({ gateway, dovecot, consumer, path, lives }, null)) break;
    lives.brokeOff++;
  }
  tell(`${lives.begun} lives of the consumer, ${refills} refills`);
  return verdict(
    { ...size, messages },
    await gateway.get<SourceConsumer>(`/v1/sources/${consumer}`),
    path,
    done,
  );
}

async function fill(dovecot: Dovecot, messages: number): Promise<void> {
  const each = messages / MAILBOXES.length;
  for (const [at, mailbox] of MAILBOXES.entries()) await deliver(dovecot, mailbox, at * each, each);
}

async function deliver(dovecot: Dovecot, mailbox: string, from: number, count: number): Promise<void> {
  for (let first = 0; first < count; first += DELIVERED_AT_ONCE) {
    const raws = Array.from({ length: Math.min(DELIVERED_AT_ONCE, count - first) }, (_, at) =>
      mail(`${mailbox} ${from + first + at}`),
    );
    await dovecot.deliverMany(USER, raws, mailbox);
  }
}

const mail = (subject: string): string =>
  `From: a@shop.example\r\nTo: c@company.example\r\nSubject: ${subject}\r\n` +
  `Message-ID: <${Buffer.from(subject).toString('hex')}@shop.example>\r\n\r\nHello\r\n`;

async function openSource(gateway: TestGateway, dovecot: Dovecot): Promise<string> {
  const account = await gateway.request('POST', '/v1/accounts', {
    label: USER,
    address: 'reader@company.example',
    imap: { host: dovecot.host, port: dovecot.imapPort, security: 'none' },
    smtp: { host: dovecot.host, port: 1, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
    watch: { mode: 'off' },
  });
  if (account.status !== 201) throw new Error(JSON.stringify(account.body));
  const { status, body } = await gateway.request<SourceConsumer>(
    'POST',
    `/v1/accounts/${USER}/imap/mailbox_source`,
    { name: 'warehouse', mailboxes: MAILBOXES },
  );
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.id;
}

interface Stage {
  gateway: TestGateway;
  dovecot: Dovecot;
  consumer: string;
  path: string;
  lives: { begun: number };
}

/**
 * One life of the consumer, until the blow that comes once it has taken `enough`, or until it is through: true then.
 * A kick does not end a life: the stream has to go on by itself.
 */
async function live(
  { gateway, dovecot, consumer, path, lives }: Stage,
  plan: { blow: Blow; enough: number; delay: number } | null,
): Promise<boolean> {
  lives.begun++;
  const content = lives.begun % 2 === 0 ? 'event' : 'metadata'; // in turn, over the same cursors
  const child = await startProcess(process.execPath, [CONSUMER, gateway.url, consumer, path, content], {
    env: { PATH: process.env.PATH ?? '' },
  });
  let taken = 0;
  const goal = plan?.enough ?? Number.POSITIVE_INFINITY;
  await new Promise<void>((resolve) => {
    void child.ended.then(resolve);
    child.onOutput((text) => {
      for (const [, number] of text.matchAll(/^taken (\d+)$/gm)) taken += Number(number);
      if (taken >= goal) setTimeout(resolve, plan?.delay ?? 0);
    });
  });
  if (plan?.blow === 'kick') {
    await dovecot.kick(USER);
    const before = taken;
    await new Promise<void>((resolve) => {
      void child.ended.then(resolve);
      child.onOutput(() => {
        if (taken > before) resolve();
      });
    });
  }
  const isThrough = isAllTaken(child.output());
  if (plan?.blow === 'gateway') await gateway.kill();
  try {
    process.kill(child.pid, 'SIGKILL');
  } catch {
    // It ended by itself: through, or without its gateway.
  }
  await child.stop();
  if (plan?.blow === 'gateway') await gateway.start();
  return isThrough;
}

const isAllTaken = (output: string): boolean => /^through$/m.test(output);

function verdict(size: Size, consumer: SourceConsumer, path: string, done: Record<Blow, number>): Verdict {
  const database = new DatabaseSync(path);
  const rows = database.prepare('select mailbox, uid, subject from taken order by at').all() as unknown as {
    mailbox: string;
    uid: number;
    subject: string;
  }[];
  const again = database.prepare("select count from counts where name = 'again'").get()?.count;
  database.close();
  const different = new Set(rows.map(({ subject }) => subject)).size;
  let outOfOrder = 0;
  for (const [at, row] of rows.entries()) {
    const before = rows[at - 1];
    if (!before) continue;
    const inOrder = before.mailbox === row.mailbox ? before.uid < row.uid : before.mailbox < row.mailbox;
    if (!inOrder) outOfOrder++;
  }
  const acknowledged = consumer.cursors.reduce((sum, cursor) => sum + cursor.acknowledged, 0);
  return {
    holds:
      rows.length === size.messages &&
      different === size.messages &&
      acknowledged === size.messages &&
      outOfOrder === 0 &&
      done.consumer === size.consumerKills &&
      done.gateway === size.gatewayKills &&
      done.kick === size.kicks,
    figures:
      `source: messages ${size.messages}, kills of the consumer ${done.consumer}, of the gateway ${done.gateway}, ` +
      `hang-ups of the server ${done.kick}, taken ${rows.length}, acknowledged ${acknowledged}, ` +
      `out of order ${outOfOrder}, came again ${again}`,
  };
}
