// Watching wired: from the connections to the ledger, what rules do to a mail at its server, and what is read of it later.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { ImapConnector } from '../imap/connector.ts';
import type { ImapPool } from '../imap/pool.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ProofThread } from '../mail/trust/proof-thread.ts';
import type { Store } from '../store/store.ts';
import type { Decider } from './arrival.ts';
import { Canary } from './canary.ts';
import { Correspondents } from './correspondents.ts';
import { registerEffects } from './effects.ts';
import { Ingest } from './ingest.ts';
import { Messages } from './messages.ts';
import { Proofs } from './proofs.ts';
import { Sources } from './sources.ts';
import { Watchers } from './watchers.ts';

export interface WatchRoomParts {
  store: Store;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  log: Logger;
  accounts: Accounts;
  connector: ImapConnector;
  imap: ImapPool;
  /** What is to be done with a mail that comes in. */
  decider: Decider;
  proofThread: Pick<ProofThread, 'begin'>;
  nodeGroup: string | null;
  /** How often the canary looks at each account, in milliseconds; null: it is not run, and the time does not matter. */
  checkMs: number | null;
}

export interface WatchRoom {
  watchers: Watchers;
  canary: Canary;
  sources: Sources;
  messages: Messages;
  proofs: Proofs;
}

/** Makes the parts of the room and registers the jobs that act on mail at its server. */
export function registerWatch(parts: WatchRoomParts): WatchRoom {
  const { store, jobs, worker, clock, bus, accounts, connector, imap, decider, nodeGroup, checkMs } = parts;
  const logOf = (part: string): Logger => parts.log.child({ part });
  const correspondents = new Correspondents(store);
  const ingest = new Ingest({ store, jobs, clock, bus, decider, correspondents, log: logOf('ingest') });
  registerEffects({ store, imap, accounts, jobs, worker, clock, ingest });
  const watchers = new Watchers({
    accounts,
    connector,
    store,
    clock,
    bus,
    ingest,
    log: logOf('watch'),
    nodeGroup,
  });
  return {
    watchers,
    canary: new Canary({
      store,
      clock,
      bus,
      imap,
      watchers,
      log: logOf('canary'),
      ...(checkMs === null ? {} : { intervalMs: checkMs }),
    }),
    sources: new Sources({ store, clock, bus, accounts, imap }),
    messages: new Messages({ store, imap }),
    proofs: new Proofs({ store, imap, accounts, clock, thread: parts.proofThread, log: logOf('proofs') }),
  };
}
