// Bad weather between the gateways and the IMAP server: at random, one connection or many break in one of the ways in
// which connections break, or for a while all new ones do.
import { setTimeout as pause } from 'node:timers/promises';
import type { Failure, Fault, TcpProxy } from '../../support/proxy.ts';
import type { Random } from '../random.ts';

const LONGEST_CALM_MS = 4_000;
const LONGEST_STORM_MS = 5_000;
const WORST_SHARE = 0.1; // of the open connections, broken at once

const FAILURES: readonly Failure[] = ['reset', 'end', 'mute', 'half-open'];
const STORMS: readonly Fault[] = [
  { at: 'connect', does: 'reset' },
  { at: 'connect', does: 'end' },
  { at: 'connect', does: 'mute' },
  { at: 'connect', afterBytes: 30, does: 'end' },
  { at: / (LOGIN|AUTHENTICATE) /, does: 'mute' },
  { at: / (LOGIN|AUTHENTICATE) /, does: 'end' },
  { at: / (EXAMINE|SELECT) /, does: 'reset' },
  { at: / IDLE$/, does: 'half-open' },
  { at: /^DONE$/, does: 'mute' },
  { at: / UID FETCH /, does: 'end' },
  { at: / UID FETCH /, afterBytes: 150, does: 'mute' },
  { at: / UID FETCH /, afterBytes: 300, does: 'reset' },
  { at: / UID SEARCH /, does: 'mute' },
];
/** Who is told this stays away for a minute: it comes seldom, so that something is left to break. */
const THROTTLE: Fault = {
  at: / (LOGIN|AUTHENTICATE) /,
  does: { says: 'TAG NO [UNAVAILABLE] Try again later.' },
};
const THROTTLE_MS = 300;

export class Weather {
  readonly #proxy: TcpProxy;
  readonly #random: Random;
  readonly #over = new AbortController();
  readonly #counts = new Map<string, number>();

  constructor(proxy: TcpProxy, random: Random) {
    this.#proxy = proxy;
    this.#random = random;
  }

  /** How often each thing happened, in words. */
  report(): string {
    return [...this.#counts].map(([what, count]) => `${what} ${count}`).join(', ');
  }

  /** Storms until `stop`; then the air is clear. */
  async rage(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#for(this.#random.between(0, LONGEST_CALM_MS));
      const kind = this.#random.next();
      if (kind < 0.5) this.#strike();
      else if (kind < 0.6) await this.#refuse();
      else if (kind < 0.7) await this.#slow();
      else if (kind < 0.73) await this.#storm(THROTTLE, THROTTLE_MS);
      else await this.#storm(this.#random.pick(STORMS), this.#random.between(500, LONGEST_STORM_MS));
    }
    this.#proxy.fault = undefined;
    this.#proxy.delayMs = 0;
    await this.#proxy.accept();
  }

  stop(): void {
    this.#over.abort();
  }

  #strike(): void {
    const { open } = this.#proxy;
    const failure = this.#random.pick(FAILURES);
    const count = Math.min(this.#random.between(1, Math.ceil(open.length * WORST_SHARE)), open.length);
    for (let struck = 0; struck < count; struck++) this.#random.pick(open).strike(failure);
    this.#count(failure, count);
  }

  async #refuse(): Promise<void> {
    this.#count('refused for a while');
    this.#proxy.refuse();
    this.#strike();
    await this.#for(this.#random.between(500, LONGEST_STORM_MS));
    await this.#proxy.accept();
  }

  async #slow(): Promise<void> {
    this.#count('slow for a while');
    this.#proxy.delayMs = this.#random.between(20, 300);
    await this.#for(this.#random.between(500, LONGEST_STORM_MS));
    this.#proxy.delayMs = 0;
  }

  async #storm(fault: Fault, ms: number): Promise<void> {
    this.#count('storms');
    this.#proxy.fault = fault;
    if (this.#random.chance(0.5)) this.#strike(); // so that somebody connects anew
    await this.#for(ms);
    this.#proxy.fault = undefined;
  }

  async #for(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  #count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }
}
