// `Idempotency-Key`: the same request with the same key happens once, and its answer can be asked for again for a day.
// The key is kept as a hash with its principal and operation, and the request as a keyed hash: the ledger then holds
// nothing from which a password in a request could be guessed.
import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { Store } from '../../store/store.ts';

export const KEPT_MS = 24 * 3_600_000;
const LONGEST_REQUEST_MS = 10 * 60_000; // older and without an answer: the process ended in the middle
const CLEAN_EVERY_MS = 3_600_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

export interface Answer {
  status: number;
  body: unknown;
}

export interface KeyedRequest {
  key: string;
  principal: string;
  operation: string;
  /** The validated input. */
  input: unknown;
}

export class IdempotencyKeys {
  readonly #store: Store;
  readonly #clock: Clock;
  #cleanedAt = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Runs `work` the first time and gives its answer back afterwards; a failure is forgotten, so that it can be retried.
   * @throws PosternError `idempotency_key_invalid`, `idempotency_key_reused`, `idempotency_key_running`,
   *   `idempotency_outcome_unknown`, and what `work` throws
   */
  async once(request: KeyedRequest, work: () => Promise<Answer>): Promise<Answer & { replayed: boolean }> {
    if (!KEY.test(request.key)) {
      throw new PosternError('idempotency_key_invalid', 'The Idempotency-Key is not usable.', {
        hint: 'Send 1 to 255 visible ASCII characters, such as a UUID.',
      });
    }
    const id = hash(request.principal, request.operation, request.key);
    const requestHash = createHmac('sha256', request.key).update(JSON.stringify(request.input)).digest('hex');
    const earlier = await this.#begin(id, requestHash);
    if (earlier) return { ...this.#replay(earlier, requestHash), replayed: true };
    const answer = await this.#forgetFailure(id, work);
    // Should this write fail, the key stays taken without an answer: better asked for by hand than done twice.
    await this.#store.db
      .updateTable('idempotency_keys')
      .set({ response: JSON.stringify(answer) })
      .where('id', '=', id)
      .execute();
    return { ...answer, replayed: false };
  }

  async #forgetFailure(id: string, work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      await this.#store.db.deleteFrom('idempotency_keys').where('id', '=', id).execute();
      throw error;
    }
  }

  /** Takes the key, or returns what is there already. */
  async #begin(id: string, requestHash: string) {
    const now = this.#clock.now();
    return this.#store.write(async (tx) => {
      if (now - this.#cleanedAt > CLEAN_EVERY_MS) {
        await tx
          .deleteFrom('idempotency_keys')
          .where('created_at', '<', now - KEPT_MS)
          .execute();
        this.#cleanedAt = now;
      }
      const known = await tx
        .selectFrom('idempotency_keys')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst();
      if (known && known.created_at >= now - KEPT_MS) return known;
      if (known) await tx.deleteFrom('idempotency_keys').where('id', '=', id).execute();
      await tx
        .insertInto('idempotency_keys')
        .values({ id, request_hash: requestHash, response: null, created_at: now })
        .execute();
      return null;
    });
  }

  #replay(
    row: { request_hash: string; response: string | null; created_at: number },
    requestHash: string,
  ): Answer {
    if (row.request_hash !== requestHash) {
      throw new PosternError('idempotency_key_reused', 'This Idempotency-Key belongs to another request.', {
        hint: 'Make a new key for each new request.',
      });
    }
    if (row.response !== null) return JSON.parse(row.response) as Answer;
    if (this.#clock.now() - row.created_at > LONGEST_REQUEST_MS) {
      throw new PosternError('idempotency_outcome_unknown', 'The first request with this key was cut off.', {
        hint: 'Look whether it took effect; if it did not, send it again with a new key.',
      });
    }
    throw new PosternError('idempotency_key_running', 'The first request with this key has not ended yet.', {
      retry: { afterMs: 1000 },
      hint: 'Send it again in a moment, with the same key.',
    });
  }
}

const hash = (...parts: string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');
