// The people whom an account has written to, found by what their names and addresses look like. Data only: who they are
// is told by the ledger.
import type { Address } from '../../contracts/mail.ts';
import { domainOf, shownDomain } from './domains.ts';
import { skeletonOf } from './skeleton.ts';

const MIN_NAME_CHARS = 5; // many people are called Anna

export class KnownPeople {
  readonly #addresses = new Set<string>();
  readonly #domains = new Set<string>();
  readonly #byLook = new Map<string, string>();
  readonly #domainsByLook = new Map<string, string>();
  /** Domains in which somebody of that name was written to. */
  readonly #byName = new Map<string, Set<string>>();

  get size(): number {
    return this.#addresses.size;
  }

  add({ name, address }: Address): void {
    const form = formOf(address);
    const domain = domainOf(address);
    if (domain === '') return;
    this.#addresses.add(form);
    this.#domains.add(domain);
    this.#byLook.set(skeletonOf(form), form);
    this.#domainsByLook.set(lookOf(domain), domain);
    const look = nameLook(name);
    if (look === null) return;
    const domains = this.#byName.get(look) ?? new Set();
    domains.add(domain);
    this.#byName.set(look, domains);
  }

  /** The known address, or domain, that this one can be taken for and is not; null where there is none. */
  resembled(address: string): string | null {
    const domain = domainOf(address);
    if (domain === '') return null;
    if (!this.#domains.has(domain)) return this.#domainsByLook.get(lookOf(domain)) ?? null;
    const form = formOf(address);
    return this.#addresses.has(form) ? null : (this.#byLook.get(skeletonOf(form)) ?? null);
  }

  /** Whether the name is that of somebody who was only ever written to in other domains. */
  isNameOfAnother({ name, address }: Address): boolean {
    if (this.#byName.size === 0) return false;
    const look = nameLook(name);
    const domains = look === null ? undefined : this.#byName.get(look);
    return domains !== undefined && !domains.has(domainOf(address));
  }
}

const formOf = (address: string): string => {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at).normalize('NFC').toLowerCase()}@${domainOf(address)}`;
};

const MAX_LOOKS_KEPT = 2_000; // of domains that write to a mailbox, most write again
const looks = new Map<string, string>();

/** Of a domain as it is shown: the letters that its ASCII form stands for. */
function lookOf(domain: string): string {
  const kept = looks.get(domain);
  if (kept !== undefined) return kept;
  const look = skeletonOf(shownDomain(domain));
  if (looks.size >= MAX_LOOKS_KEPT) looks.clear();
  looks.set(domain, look);
  return look;
}

/** A full name: one word is nobody's alone. */
function nameLook(name: string): string | null {
  const words = name.trim().split(/[\s,]+/);
  return words.length < 2 || name.length < MIN_NAME_CHARS ? null : skeletonOf(words.sort().join(' '));
}
