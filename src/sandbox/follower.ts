// What the sandbox knows of the gateway: it reads the lists again whenever the gateway says that something changed, and
// waits for states instead of times.
import type { AccountView } from '../contracts/account.ts';
import type { DraftView, SubmissionView } from '../contracts/draft.ts';
import type { MessageView } from '../contracts/mail.ts';
import type { SessionView } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import type { GatewayClient } from './gateway-client.ts';

/** Each list oldest first. */
export interface Snapshot {
  accounts: readonly AccountView[];
  messages: readonly MessageView[];
  /** How many messages were known before the rest was read: what follows from those has been seen, if it is there. */
  followed: number;
  sessions: readonly SessionView[];
  drafts: readonly DraftView[];
  submissions: readonly SubmissionView[];
}

const NOTHING: Snapshot = {
  accounts: [],
  messages: [],
  followed: 0,
  sessions: [],
  drafts: [],
  submissions: [],
};
const PAGE = 'limit=1000'; // the largest page; nobody writes more mails than that by hand
const WAIT_LIMIT_MS = 60_000; // everything happens on this machine: what takes longer does not come

export class Follower {
  readonly #client: GatewayClient;
  readonly #changed: (before: Snapshot, after: Snapshot) => void;
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();
  readonly #failed = new AbortController();
  #reading: Promise<void> | undefined;
  #stale = false;
  /** How many readings began, and which of them `now` comes from. */
  #begun = 0;
  #shown = 0;
  now: Snapshot = NOTHING;

  /** `changed` is told of every reading. `signal` ends all waiting. */
  constructor(
    client: GatewayClient,
    changed: (before: Snapshot, after: Snapshot) => void,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#changed = changed;
    this.#signal = signal;
  }

  /** Resolves when the stream of events is open: no change after that is missed. */
  async start(): Promise<void> {
    await this.#client.follow(
      () => this.refresh(),
      (error) => this.#failed.abort(error),
    );
    this.refresh();
  }

  /** Reads everything again; several calls while one reading is under way make one more reading. */
  refresh(): void {
    this.#stale = true;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
  }

  async #read(): Promise<void> {
    while (this.#stale && !this.#signal.aborted && !this.#failed.signal.aborted) {
      this.#stale = false;
      this.#begun += 1;
      const reading = this.#begun;
      try {
        const after = await this.#readLists();
        const before = this.now;
        this.now = after;
        this.#shown = reading;
        this.#changed(before, after);
        // The sessions of these messages may have come after the sessions were read.
        if (after.messages.length > after.followed) this.#stale = true;
      } catch (error) {
        this.#failed.abort(error);
      }
      for (const look of [...this.#waiting]) look();
    }
  }

  async #readLists(): Promise<Snapshot> {
    // In the order in which things come to be, so that a draft is never seen before its session.
    const submissions = await this.#client.list<SubmissionView>(`/v1/submissions?${PAGE}`);
    const drafts = await this.#client.list<DraftView>(`/v1/drafts?${PAGE}`);
    const sessions = await this.#client.list<SessionView>(`/v1/sessions?${PAGE}`);
    const messages = await this.#client.list<MessageView>(`/v1/messages?${PAGE}`);
    const accounts = await this.#client.list<AccountView>(`/v1/accounts?${PAGE}`);
    return {
      accounts: accounts.reverse(),
      messages: messages.reverse(),
      followed: this.now.messages.length,
      sessions: sessions.reverse(),
      drafts: drafts.reverse(),
      submissions: submissions.reverse(),
    };
  }

  /** Waits until the gateway says that something changed, or for so long. */
  async changed(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    this.#waiting.add(resolve);
    this.#signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }

  /**
   * Waits until `find` finds something in what the gateway says from now on: a reading that began before the call may
   * not know yet what the caller has just done. Throws `sandbox_stuck` when that does not come, and what
   * broke when the gateway is gone.
   */
  until<T>(
    what: string,
    find: (now: Snapshot) => T | undefined,
    limitMs: number = WAIT_LIMIT_MS,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stuck = setTimeout(
      () =>
        reject(new PosternError('sandbox_stuck', `After ${limitMs / 1000} s there is still not: ${what}.`)),
      limitMs,
    );
    const fresh = this.#begun + 1;
    const broken = (): void => reject(this.#failed.signal.reason);
    const interrupted = (): void => reject(new PosternError('interrupted', 'Interrupted.'));
    const look = (): void => {
      if (this.#shown < fresh) return;
      try {
        const found = find(this.now);
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    this.#waiting.add(look);
    this.#failed.signal.addEventListener('abort', broken);
    this.#signal.addEventListener('abort', interrupted);
    if (this.#failed.signal.aborted) broken();
    if (this.#signal.aborted) interrupted();
    this.refresh();
    return promise.finally(() => {
      clearTimeout(stuck);
      this.#waiting.delete(look);
      this.#failed.signal.removeEventListener('abort', broken);
      this.#signal.removeEventListener('abort', interrupted);
    });
  }
}

/** Whether nothing more happens by itself after `mails` mails were delivered: what is left waits for a person. */
export function isSettled(now: Snapshot, mails: number): boolean {
  const waiting = new Set(
    now.drafts.filter((draft) => draft.state === 'waiting').map((draft) => draft.session_id),
  );
  return (
    now.followed >= mails &&
    now.sessions.every(
      ({ id, state }) =>
        state !== 'queued' && state !== 'running' && (state !== 'waiting-for-approval' || waiting.has(id)),
    ) &&
    now.submissions.every(
      ({ state, next_attempt_at }) =>
        state !== 'sending' && (state !== 'queued' || (next_attempt_at ?? 0) > Date.now()),
    )
  );
}
