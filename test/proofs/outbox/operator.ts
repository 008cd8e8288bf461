// The operator of the proof: writes mails over REST, asks again where no answer came, and says of mails in state unknown
// what became of them, as the server knows it; now and then he has them sent again without knowing.
import { randomUUID } from 'node:crypto';
import type { SubmissionView } from '../../../src/contracts/draft.ts';
import { everything } from '../kills/evidence.ts';
import type { Random } from '../random.ts';
import type { AccountName, World } from './world.ts';

const LARGE_CHARS = 400_000;

/** A mail that somebody wanted. */
export interface Asked {
  /** Also at the end of its subject. */
  number: number;
  by: 'operator' | 'agent';
  account: AccountName;
  recipients: string[];
  /** Whether the gateway has said that it has it. */
  confirmed: boolean;
}

interface Draft {
  asked: Asked;
  key: string;
  body: Record<string, unknown>;
}

export class Operator {
  readonly asked: Asked[] = [];
  /** Submissions that were sent again although nobody knew: a second copy of those is his doing. */
  readonly resentBlindly = new Set<string>();
  /** What the gateway answered and should not have. */
  readonly problems: string[] = [];
  /** Every submission that was ever seen in state unknown: its words, and whether the server had it then. */
  readonly unknown = new Map<string, { cause: string; arrived: boolean }>();
  /** Requests of which no answer came. */
  interrupted = 0;
  readonly #world: World;
  readonly #random: Random;
  /** Those whose answer did not come. */
  #open: Draft[] = [];

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Somebody wants one more mail. */
  async want(signal: AbortSignal): Promise<void> {
    const number = this.asked.length + 1;
    if (this.#random.chance(0.12)) {
      const sender = `r-${number}-0@verified.example`;
      this.asked.push({ number, by: 'agent', account: 'agent', recipients: [sender], confirmed: true });
      return this.#world.wakeAgent(number, sender);
    }
    const account = this.#random.pick(['plain', 'plain', 'filed', 'provider'] as const);
    const many = this.#random.chance(0.04)
      ? this.#random.between(10, 40)
      : this.#random.pick([1, 1, 1, 2, 3]);
    const recipients = Array.from({ length: many }, (_, at) =>
      this.#random.chance(0.02) ? `nobody-${number}-${at}@example.com` : `r-${number}-${at}@example.com`,
    );
    const text = this.#random.chance(0.03) ? 'a line of a large mail\n'.repeat(LARGE_CHARS / 23) : 'Hello.\n';
    const asked: Asked = { number, by: 'operator', account, recipients, confirmed: false };
    this.asked.push(asked);
    await this.#post(
      { asked, key: randomUUID(), body: { account, to: recipients, subject: `Offer #${number}`, text } },
      signal,
    );
  }

  /** Asks again for what had no answer: with the same key, or, where that settles nothing, after a look at what is there. */
  async askAgain(signal: AbortSignal): Promise<void> {
    for (const draft of this.#open.splice(0)) {
      if (signal.aborted) this.#open.push(draft);
      else await this.#post(draft, signal);
    }
  }

  get hasOpen(): boolean {
    return this.#open.length > 0;
  }

  async #post(draft: Draft, signal: AbortSignal): Promise<void> {
    const { gateway } = this.#world;
    try {
      const { status, body } = await gateway.request('POST', '/v1/submissions', draft.body, {
        'idempotency-key': draft.key,
      });
      if (status === 201 || status === 202) draft.asked.confirmed = true;
      else if (status === 409 && /^idempotency_/.test(String(body.code))) await this.#lookFor(draft);
      else if (!signal.aborted)
        this.problems.push(`mail ${draft.asked.number}: ${status} ${JSON.stringify(body)}`);
    } catch (error) {
      this.interrupted++;
      this.#open.push(draft);
      if (!signal.aborted && (await this.#alive())) this.problems.push(`a request failed: ${String(error)}`);
    }
  }

  /** The gateway died over the request and does not know itself how it ended. */
  async #lookFor(draft: Draft): Promise<void> {
    const { subject } = draft.body;
    const all = await everything<SubmissionView>(this.#world.gateway, '/v1/submissions');
    if (all.some((submission) => submission.subject === subject)) draft.asked.confirmed = true;
    else this.#open.push({ ...draft, key: randomUUID() });
  }

  /** Says of mails in state unknown, after the gateway has looked, what the server knows. @param all none is left alone */
  async settle(signal: AbortSignal, all = false): Promise<void> {
    const { gateway, smtp } = this.#world;
    try {
      for (const { id, message_id, recipients, last_error: words } of await everything<SubmissionView>(
        gateway,
        '/v1/submissions',
        'state=unknown',
      )) {
        if (signal.aborted) return;
        const open = recipients.filter(({ state }) => state === 'unknown').map(({ address }) => address);
        const arrived = smtp.taken.some(
          (mail) =>
            mail.messageId === message_id && open.some((address) => mail.recipients.includes(address)),
        );
        this.unknown.set(id, { cause: words ?? '', arrived });
        if (!words?.startsWith('Nobody knows')) continue; // the gateway will look by itself
        if (!all && this.#random.chance(0.4)) continue;
        const blindly = this.#random.chance(0.1);
        if (blindly) this.resentBlindly.add(id);
        const outcome = arrived && !blindly ? 'sent' : 'resend';
        await gateway.request('POST', `/v1/submissions/${id}/settle`, { outcome });
      }
    } catch (error) {
      if (!signal.aborted && (await this.#alive())) this.problems.push(`a request failed: ${String(error)}`);
    }
  }

  async #alive(): Promise<boolean> {
    return fetch(`${this.#world.gateway.url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
