// The way back wired: mails that may be reports are read as jobs, and what they say takes effect.
import type { Vault } from '../accounts/vault.ts';
import type { Bus } from '../cluster/bus.ts';
import type { MailMetadata } from '../contracts/mail.ts';
import type { ImapPool } from '../imap/pool.ts';
import { readMessage } from '../imap/read-message.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { parseMail } from '../mail/parse.ts';
import type { Store } from '../store/store.ts';
import { atAnyPlace } from '../watch/text.ts';
import { Bounces } from './bounces.ts';
import { follow, isOnItsWay } from './consequences.ts';
import { matchReport } from './match.ts';
import { readReport } from './report.ts';
import { reportMailOf } from './report-mail.ts';
import { Suppressions } from './suppressions.ts';
import { TokenKeys } from './token-keys.ts';
import { UnsubscribeLinks } from './unsubscribe.ts';

const MAX_READ_BYTES = 512 * 1024; // a report is words and headers; the mail that it gives back may be large
const READ_MS = 5_000;
const LOOK_AGAIN_MS = 2_000; // a server that thinks about a mail is given minutes at most
const READS_AT_ONCE = 8;
const READS_OF_ACCOUNT = 2; // a server that hangs takes its own share of the workers

export interface BounceRoomParts {
  store: Store;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  log: Logger;
  imap: ImapPool;
  vault: Vault;
  parseMail: typeof parseMail;
  /** Where people reach the gateway. */
  publicUrl: () => string;
}

export interface BounceRoom {
  suppressions: Suppressions;
  bounces: Bounces;
  unsubscribe: UnsubscribeLinks;
  keys: TokenKeys;
}

/** Makes the parts of the room and registers the handler of `report.read`. */
export function registerBounces(parts: BounceRoomParts): BounceRoom {
  const { store, worker } = parts;
  const log = parts.log.child({ part: 'bounces' });
  const suppressions = new Suppressions(parts);
  const keys = new TokenKeys(parts);
  const unsubscribe = new UnsubscribeLinks({ ...parts, keys });
  const read = async (messageId: string, context: JobContext): Promise<void> => {
    const row = await store.db
      .selectFrom('messages')
      .select(['account_id', 'metadata'])
      .where('id', '=', messageId)
      .executeTakeFirst();
    if (!row) return; // the account was removed
    const message = { id: messageId, accountId: row.account_id };
    const metadata = JSON.parse(row.metadata) as MailMetadata;
    const leaving = await unsubscribe.inSubject(metadata.subject);
    if (leaving) {
      await store.write(async (tx) => {
        await unsubscribe.leave(tx, leaving, `mail ${messageId}`);
        await context.finish(tx);
      });
      return;
    }
    const raw = await atAnyPlace(parts, message, async (connection, place) => {
      const { signal } = context;
      return (await readMessage(connection, place, { rawBytes: MAX_READ_BYTES, signal })).raw;
    });
    const report = await parsed(raw ?? Buffer.alloc(0));
    if (!report) return;
    const matched = await matchReport({ store, keys }, report, metadata.headers);
    const changed = await store.write(async (tx) => {
      const now = parts.clock.now();
      if (matched.mail && (await isOnItsWay(tx, matched.mail, now))) {
        await context.putOff(tx, now + LOOK_AGAIN_MS);
        return null;
      }
      const count = await follow(tx, parts, message, matched);
      await context.finish(tx);
      return count;
    });
    if (changed === null) return;
    const about = matched.mail?.submissionId ?? null;
    log.info({ message: messageId, submission: about, changed }, 'a report on a mail was read');
  };
  const parsed = async (raw: Buffer) => {
    try {
      return readReport(reportMailOf(await parts.parseMail(raw, { timeMs: READ_MS })));
    } catch (error) {
      if (!(error instanceof PosternError) || retryOf(error) !== 'never') throw error;
      log.info({ code: codeOf(error) }, `a report could not be read: ${explain(error)}`);
      return null;
    }
  };
  worker.handle('report.read', ({ message_id: id }, context) => read(id, context), {
    concurrency: READS_AT_ONCE,
    poolLimit: () => READS_OF_ACCOUNT,
  });
  return { suppressions, bounces: new Bounces(parts), unsubscribe, keys };
}
