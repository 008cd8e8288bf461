// Leaving a list (RFC 8058): links that each recipient of a broadcast gets, and what they do. A link holds who leaves
// which list, under the key of its account, so that nothing has to be kept for it and it works as long as the account.
import type { Clock } from '../kernel/clock.ts';
import type { Store, Tx } from '../store/store.ts';
import { suppress } from './suppressions.ts';
import type { TokenKeys } from './token-keys.ts';
import { type Leaving, leavingToken, readLeaving } from './tokens.ts';

/** What goes into List-Unsubscribe. */
export interface LeaveLinks {
  https: string;
  mailto?: string;
}

/** In the place of a list: all broadcasts. */
export const EVERY_LIST = '*';

export interface UnsubscribeParts {
  store: Store;
  clock: Clock;
  keys: Pick<TokenKeys, 'of' | 'find'>;
  /** Where people reach the gateway. */
  publicUrl: () => string;
}

export class UnsubscribeLinks {
  readonly #parts: UnsubscribeParts;

  constructor(parts: UnsubscribeParts) {
    this.#parts = parts;
  }

  /**
   * The links by which an address leaves a list of an account.
   * @param mailto the account's own address, where mail to it is watched: leaving by mail works as well then
   */
  async for(accountId: string, list: string, address: string, mailto?: string): Promise<LeaveLinks> {
    const base = this.#parts.publicUrl();
    const token = leavingToken(await this.#parts.keys.of(accountId), { accountId, list, address });
    return {
      https: `${base.replace(/\/+$/, '')}/u/${token}`,
      ...(mailto === undefined ? {} : { mailto: `mailto:${mailto}?subject=unsubscribe%20${token}` }),
    };
  }

  /** What a token says; null where nobody here has given it. */
  async read(token: string): Promise<Leaving | null> {
    const said = readLeaving(token);
    if (!said) return null;
    const key = await this.#parts.keys.find(said.accountId);
    if (!key || !said.isGenuine(key)) return null;
    const { accountId, list, address } = said;
    return { accountId, list, address };
  }

  /** A mail that leaves a list by its subject. */
  async inSubject(subject: string): Promise<Leaving | null> {
    const token = /\bunsubscribe ([\w-]{8,2000}\.[\w-]{14})\s*$/i.exec(subject)?.[1];
    return token === undefined ? null : this.read(token);
  }

  /** Takes an address off a list, or off all of them, in a transaction. */
  async leave(tx: Tx, { accountId, list, address }: Leaving, source: string): Promise<void> {
    const entry = { address, accountId, list, reason: 'unsubscribe' as const, source, by: 'recipient' };
    await suppress(tx, this.#parts.clock.now(), entry);
  }

  /** The same as one act. @param every leaves all lists of the account */
  async leaveNow(leaving: Leaving, every = false): Promise<void> {
    const list = every ? EVERY_LIST : leaving.list;
    await this.#parts.store.write((tx) => this.leave(tx, { ...leaving, list }, 'link'));
  }
}
