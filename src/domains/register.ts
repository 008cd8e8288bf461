// Sending domains wired: their keys, who signs with them, and the check of their records.
import type { Accounts } from '../accounts/accounts.ts';
import type { Vault } from '../accounts/vault.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { DomainChecks } from './domain-checks.ts';
import { Domains } from './domains.ts';
import { type AskDns, KeyWatch } from './key-watch.ts';
import { SigningKeys } from './signing-keys.ts';

export interface DomainRoomParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  accounts: Pick<Accounts, 'list'>;
  /** Asks the DNS anew. */
  ask: AskDns;
}

export interface DomainRoom {
  domains: Domains;
  domainChecks: DomainChecks;
  signingKeys: SigningKeys;
  keyWatch: KeyWatch;
}

export function registerDomains(parts: DomainRoomParts): DomainRoom {
  const { store, vault, clock, accounts, ask } = parts;
  const log = parts.log.child({ part: 'domains' });
  const signingKeys = new SigningKeys({ db: store.db, vault, clock });
  const keyWatch = new KeyWatch({ store, vault, clock, log, ask, signingKeys });
  const domains = new Domains({ store, vault, clock, keyWatch, signingKeys });
  return {
    domains,
    domainChecks: new DomainChecks({ store, clock, accounts, ask, domains }),
    signingKeys,
    keyWatch,
  };
}
