// When a token is fetched: ahead of its end, after a failure, and after a refusal. Pure.
import type { Retry } from '../kernel/errors.ts';

// Of a token's life: late enough not to knock in vain, early enough that a provider may be away for a quarter of it. The
// spread keeps the accounts of a company, which were all signed in on one day, from asking in one second.
const EARLIEST_SHARE = 0.6;
const LATEST_SHARE = 0.75;

const PROVIDER_FIRST_MS = 1_000;
const PROVIDER_LONGEST_MS = 30_000; // an outage of a minute is over at most this long after its end

// A refused grant is seldom given back, and providers lock clients that knock. But some refuse by mistake for a while.
const PERSON_FIRST_MS = 60_000;
const PERSON_LONGEST_MS = 60 * 60_000;

/** Epoch milliseconds at which the next token is to be fetched. @param random from 0 to 1 */
export function refreshTime(
  { issuedAt, expiresAt }: { issuedAt: number; expiresAt: number },
  random: number,
): number {
  const share = EARLIEST_SHARE + (LATEST_SHARE - EARLIEST_SHARE) * random;
  return Math.floor(issuedAt + (expiresAt - issuedAt) * share);
}

/** Milliseconds before a provider that is away is asked again, or as long as it says itself. */
export function waitForProvider(failures: number, retry: Retry, random: number): number {
  if (typeof retry === 'object') return retry.afterMs;
  const wait = Math.min(PROVIDER_FIRST_MS * 2 ** (failures - 1), PROVIDER_LONGEST_MS);
  return Math.round(wait * (0.8 + 0.4 * random));
}

/** Milliseconds before a grant that was refused is tried again: never less than a minute. */
export function waitForPerson(failures: number, random: number): number {
  const wait = Math.min(PERSON_FIRST_MS * 4 ** (failures - 1), PERSON_LONGEST_MS);
  return Math.round(wait * (1 + 0.2 * random));
}
