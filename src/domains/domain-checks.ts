// The check of a domain as this gateway uses it: with the keys that it has for the domain, and the servers that its accounts
// send through. Any domain can be checked, whether or not it was added.
import type { Accounts } from '../accounts/accounts.ts';
import type { DomainCheck } from '../contracts/domain.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf } from '../kernel/errors.ts';
import { domainOf } from '../mail/trust/domains.ts';
import type { Store } from '../store/store.ts';
import { checkDomain } from './check/check.ts';
import type { DomainKeys } from './check/keys.ts';
import { type Domains, sendingDomain } from './domains.ts';
import type { AskDns } from './key-watch.ts';
import { signsItself } from './self-signing.ts';
import { signersOf } from './signing-keys.ts';

export interface DomainCheckParts {
  store: Store;
  clock: Clock;
  accounts: Pick<Accounts, 'list'>;
  ask: AskDns;
  domains: Pick<Domains, 'look'>;
}

export class DomainChecks {
  readonly #parts: DomainCheckParts;

  constructor(parts: DomainCheckParts) {
    this.#parts = parts;
  }

  /** Also takes note of key records that it finds, as the watch of keys does. @throws PosternError `domain_invalid` */
  async run(text: string): Promise<DomainCheck> {
    const { clock, accounts, ask } = this.#parts;
    const domain = sendingDomain(text);
    await this.#look(domain);
    const using = (await accounts.list()).filter(({ settings }) => domainOf(settings.address) === domain);
    const hosts = using.map(({ settings }) => settings.smtp.host.toLowerCase().replace(/^\[(.*)\]$/, '$1'));
    const use = {
      domain,
      hosts: [...new Set(hosts)].map((host) => host.replace(/\.$/, '')),
      signedElsewhere: using.length > 0 && using.every(({ settings }) => signsItself(settings.provider)),
      owner: await this.#keysFor(domain),
    };
    return checkDomain(ask, use, clock.now());
  }

  async #look(domain: string): Promise<void> {
    await this.#parts.domains.look(domain).catch((error: unknown) => {
      if (codeOf(error) !== 'not_found') throw error;
    });
  }

  /** The keys of the domain, or of the nearest one above it that has some. */
  async #keysFor(domain: string): Promise<DomainKeys | null> {
    const { db } = this.#parts.store;
    const rows = await db
      .selectFrom('dkim_keys as key')
      .innerJoin('domains as domain', 'domain.id', 'key.domain_id')
      .selectAll('key')
      .select('domain.name as domain')
      .where('domain.name', 'in', signersOf(domain))
      .orderBy('key.id')
      .execute();
    const name = signersOf(domain).find((one) => rows.some((row) => row.domain === one));
    return name === undefined ? null : { domain: name, keys: rows.filter((row) => row.domain === name) };
  }
}
