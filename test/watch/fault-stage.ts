// The stage of the fault cases: an account that is watched through a proxy, which breaks its connections, and a neighbour
// that is not. Every case ends with the same count: nothing lost, nothing twice, and no knocking at the server.
import assert from 'node:assert/strict';
import type { Account } from '../../src/accounts/accounts.ts';
import type { WatchState, WatchStatus } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot } from '../support/dovecot.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { type HouseOptions, mail, openWatchHouse, plain, type WatchHouse } from './house.ts';

export interface StageOptions extends HouseOptions {
  /** Settings of the account that is struck, besides the usual. */
  account?: object;
  watch?: object;
  imap?: object;
  /** The proxy goes to the port that speaks TLS from the first byte. */
  throughTls?: boolean;
  /** Whether it is well before the fault; true where absent. */
  watched?: boolean;
}

/** Near the shortest that an account may have, and enough for two cores that are busy with other tests. */
export const TIMEOUT_MS = 2_000;
/** Of those that are told of new mail: what they find, they did not find by chance. */
const SELDOM = { interval: '1h' };

let stages = 0;

export class FaultStage {
  readonly house: WatchHouse;
  readonly proxy: TcpProxy;
  readonly dovecot: Dovecot;
  readonly struck: Account;
  readonly #user: string;
  readonly #brought: string[] = [];
  readonly #beganAt = performance.now();

  constructor(house: WatchHouse, proxy: TcpProxy, dovecot: Dovecot, struck: Account, user: string) {
    this.house = house;
    this.proxy = proxy;
    this.dovecot = dovecot;
    this.struck = struck;
    this.#user = user;
  }

  get user(): string {
    return this.#user;
  }

  get status(): WatchStatus {
    return this.house.status(this.struck);
  }

  /** A mail for the account that is struck. */
  async bring(subject: string, headers: readonly string[] = []): Promise<void> {
    this.#brought.push(subject);
    await this.dovecot.deliver(this.#user, mail(subject, headers));
  }

  /** Many mails, which come at once. */
  async bringMany(subjects: readonly string[], headers: readonly string[]): Promise<void> {
    this.#brought.push(...subjects);
    await this.dovecot.deliverMany(
      this.#user,
      subjects.map((subject) => mail(subject, headers)),
    );
  }

  /** It says what is wrong with it; and meanwhile its neighbour gets mail as ever. */
  async suffers(state: WatchState, error: RegExp): Promise<WatchStatus> {
    const status = await this.house.until(() => {
      const now = this.status;
      return now.state === state && now.last_error !== null && error.test(now.last_error) ? now : null;
    });
    await this.neighbourIsWell();
    return status;
  }

  async neighbourIsWell(): Promise<void> {
    const subject = `beside ${this.#brought.length + 1}`;
    this.#brought.push(subject);
    await this.dovecot.deliver(`${this.#user}-neighbour`, mail(subject));
    await this.house.starts(subject);
  }

  /** By itself: nobody asks for a sweep. Then new mail comes at once, and of all mail that came each started once. */
  async recovers(mostSignIns: number): Promise<void> {
    await this.house.until(() => ['idle', 'polling'].includes(this.status.state));
    await this.bring('afterwards');
    const counts = await this.house.starts(...this.#brought);
    assert.deepEqual(counts, Object.fromEntries(this.#brought.map((subject) => [subject, 1])));
    const { last_error: lastError, waiting, next_try_at: nextTry } = this.status;
    assert.deepEqual({ lastError, waiting, nextTry }, { lastError: null, waiting: 0, nextTry: null });
    // A busy machine may need a few more, which is no knocking as long as they are as far apart as they should be.
    const most = Math.max(mostSignIns, 1 + mostTriesWithin(performance.now() - this.#beganAt));
    assert.ok(
      this.proxy.signIns <= most,
      `it signed in ${this.proxy.signIns} times, where ${most} are the most`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.house[Symbol.asyncDispose]();
    await this.proxy.stop();
  }
}

export async function setStage(dovecot: Dovecot, options: StageOptions = {}): Promise<FaultStage> {
  const user = `user${++stages}`;
  await dovecot.addUser(user);
  await dovecot.addUser(`${user}-neighbour`);
  const proxy = await startProxy(options.throughTls ? dovecot.imapsPort : dovecot.imapPort);
  const house = await openWatchHouse(options);
  try {
    const auth = (username: string) => ({ auth: { type: 'basic', username, password: DEFAULT_PASSWORD } });
    await house.add({ ...plain(dovecot), ...auth(`${user}-neighbour`), label: 'neighbour', watch: SELDOM });
    const struck = await house.add(
      {
        ...auth(user),
        label: 'struck',
        imap: { host: '127.0.0.1', port: proxy.port, security: 'none', ...options.imap },
        timeout_ms: TIMEOUT_MS,
        watch: { ...SELDOM, ...options.watch },
        ...options.account,
      },
      options.watched ?? true,
    );
    return new FaultStage(house, proxy, dovecot, struck, user);
  } catch (error) {
    await house[Symbol.asyncDispose]();
    await proxy.stop();
    throw error;
  }
}

/** How often a dropped connection may be tried again in that time: after 1 s × 1.5 each, less a fifth of jitter. */
export function mostTriesWithin(ms: number): number {
  let tries = 0;
  for (let wait = 800, at = wait; at <= ms; at += wait) {
    tries++;
    wait = Math.min(wait * 1.5, 24_000);
  }
  return tries;
}
