// The room of sending domains over a real ledger and a real name server, with a clock that the test moves.
import { randomBytes } from 'node:crypto';
import { keysFromSettings } from '../../src/accounts/master-keys.ts';
import { Vault } from '../../src/accounts/vault.ts';
import type { DkimKeyView, DomainView } from '../../src/contracts/domain.ts';
import { type DomainRoom, registerDomains } from '../../src/domains/register.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { DnsRecords } from '../../src/network/dns-records.ts';
import type { Store } from '../../src/store/store.ts';
import type { TestDns } from '../support/dns-server.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const DOMAIN = 'example.org';

export interface DomainHouse extends DomainRoom {
  vault: Vault;
  /** The same room in another process: nothing is shared but the ledger and the keys. */
  another(): DomainRoom;
}

export function domainHouse(store: Store, clock: Clock, dns: TestDns): DomainHouse {
  const master = keysFromSettings(randomBytes(32), randomBytes(32));
  const vault = new Vault(master);
  const room = (): DomainRoom => {
    const records = new DnsRecords({ clock, servers: [dns.address] });
    return registerDomains({
      ...{ store, vault: new Vault(master), clock, log: silentLogger },
      accounts: { list: async () => [] },
      ask: (name, type) => records.ask(name, type),
    });
  };
  return { ...room(), vault, another: room };
}

/** Publishes the record of a key. */
export const publish = (dns: TestDns, key: DkimKeyView): void => dns.txt(key.record.name, key.record.value);

export const states = ({ keys }: DomainView): string[] => keys.map(({ state }) => state);

export function last({ keys }: DomainView): DkimKeyView {
  const key = keys.at(-1);
  if (!key) throw new Error('the domain has no key');
  return key;
}
