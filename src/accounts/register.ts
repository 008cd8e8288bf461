// The credential store wired: accounts with their secrets, who keeps their tokens fresh, and how people sign them in.
import type { Bus } from '../cluster/bus.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { AccountTransfer } from './account-transfer.ts';
import { Accounts } from './accounts.ts';
import { KeyRotation } from './key-rotation.ts';
import type { MasterKeys } from './master-keys.ts';
import { OAuthSignIn } from './oauth-sign-in.ts';
import { StoredQueries } from './stored-queries.ts';
import { TokenKeeper } from './token-keeper.ts';
import { TokenTimer } from './token-timer.ts';
import { Vault } from './vault.ts';

export interface AccountRoomParts {
  store: Store;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  log: Logger;
  masterKeys: MasterKeys;
  /** Reads `env:NAME` and `file:/path`. */
  resolveSecret: (reference: string) => string;
  /** Where a provider sends people back to. */
  redirectUri: () => string;
  nodeGroup: string | null;
  /** Whether somebody is told by mail of an account that has to be signed in again. */
  tellsOperator: boolean;
}

export interface AccountRoom {
  accounts: Accounts;
  vault: Vault;
  tokens: TokenKeeper;
  tokenTimer: TokenTimer;
  keyRotation: KeyRotation;
  signIn: OAuthSignIn;
  transfer: AccountTransfer;
  queries: StoredQueries;
}

/** Makes the parts of the room and registers the handler of `oauth.poll`. */
export function registerAccounts(parts: AccountRoomParts): AccountRoom {
  const { store, jobs, worker, clock, bus, resolveSecret, redirectUri, nodeGroup } = parts;
  const vault = new Vault(parts.masterKeys);
  const log = parts.log.child({ part: 'tokens' });
  const tokens = new TokenKeeper({
    store,
    vault,
    clock,
    bus,
    log,
    resolveSecret,
    onNeedsPerson: async (tx, id) => {
      if (parts.tellsOperator) await jobs.enqueue(tx, 'operator.notice', { account_id: id });
    },
  });
  const accounts = new Accounts({ store, vault, clock, resolveSecret, tokens });
  const tokenTimer = new TokenTimer({ store, clock, log, tokens, nodeGroup });
  accounts.onChange(() => tokenTimer.wake());
  const signIn = new OAuthSignIn({ store, vault, clock, bus, jobs, accounts, tokens, redirectUri });
  worker.handle('oauth.poll', ({ state_id: id }) => signIn.poll(id));
  return {
    accounts,
    vault,
    tokens,
    tokenTimer,
    keyRotation: new KeyRotation({ store, vault, clock, log: parts.log.child({ part: 'vault' }) }),
    signIn,
    transfer: new AccountTransfer({ store, vault, clock, accounts }),
    queries: new StoredQueries(store, clock),
  };
}
