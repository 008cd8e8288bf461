// How the scripted server behaves: at random refusals for now and for good, drops, and slow answers at every stage; and
// what it said to whom, which is the truth that the ledger is held against.
import { setTimeout as pause } from 'node:timers/promises';
import { DROP, type SmtpAct, type SmtpMoment, type SmtpScript, TAKE } from '../../support/fake-smtp.ts';
import type { Random } from '../random.ts';

const SLOWEST_ANSWER_MS = 300; // so that kills also strike while a mail is taken and not yet confirmed

/** The moments that a kill can wait for. `taken`: the server has the mail, and has not said so. */
export type Heard = 'DATA' | 'content' | 'taken' | 'answered';

export class Weather {
  /** While it is good, the server does what a good one does. */
  bad = true;
  /** The answers 5xx by recipient. Each mail has recipients of its own. */
  readonly refused = new Map<string, string[]>();
  readonly struck = new Map<string, number>();
  readonly #random: Random;
  readonly #file: (raw: Buffer) => Promise<void>;
  readonly #greylisted = new Set<string>();
  #waiting: { what: Heard; resolve: () => void }[] = [];

  /** @param file what the server does with a mail that it took, besides delivering it */
  constructor(random: Random, file: (raw: Buffer) => Promise<void>) {
    this.#random = random;
    this.#file = file;
  }

  /** Fulfils the next time that the server comes to this. */
  next(what: Heard): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ what, resolve }));
  }

  readonly script = (): SmtpScript => ({
    greeting: () => this.#oneOf('greeting', [0.01, '421 4.3.2 too busy'], [0.01, DROP]),
    MAIL: () => this.#oneOf('MAIL', [0.02, '451 4.3.2 busy'], [0.01, DROP], [0.005, '421 4.3.2 bye']),
    RCPT: ({ recipient }) => this.#recipient(recipient),
    DATA: () => {
      this.#tell('DATA');
      return this.#oneOf('DATA', [0.01, '451 4.3.0 later'], [0.01, DROP]);
    },
    content: () => {
      this.#tell('content');
      return this.#oneOf('content', [0.015, DROP]) ?? [];
    },
    end: (moment) => this.#end(moment),
  });

  #recipient(address: string): SmtpAct | undefined {
    if (address.startsWith('nobody-')) return this.#refuse([address], '550 5.1.1 no such user');
    if (!this.bad) return undefined;
    if (!this.#greylisted.has(address) && this.#random.chance(0.04)) {
      this.#greylisted.add(address);
      return '450 4.2.0 greylisted';
    }
    return this.#oneOf('RCPT', [0.004, DROP], [0.003, '421 4.3.2 bye']);
  }

  async #end({ accepted, raw }: SmtpMoment): Promise<SmtpAct> {
    const ill = this.#oneOf('end', [0.02, '451 4.3.0 later'], [0.01, DROP], [0.005, 'what?']);
    if (ill !== undefined) return ill;
    if (this.bad && this.#random.chance(0.005)) return this.#refuse(accepted, '554 5.7.1 looks like spam');
    const slow = this.bad && this.#random.chance(0.2) ? this.#random.between(20, SLOWEST_ANSWER_MS) : 0;
    const said = this.#oneOf('after it was taken', [0.015, DROP]) ?? '250 2.0.0 queued';
    return [
      TAKE,
      {
        after: async () => {
          this.#tell('taken');
          await Promise.all([this.#file(raw), pause(slow)]);
        },
      },
      said,
      { after: async () => this.#tell('answered') },
    ];
  }

  #refuse(addresses: readonly string[], answer: string): string {
    for (const address of addresses)
      this.refused.set(address, [...(this.refused.get(address) ?? []), answer]);
    return answer;
  }

  #oneOf(stage: string, ...acts: readonly (readonly [probability: number, act: SmtpAct])[]) {
    if (!this.bad) return undefined;
    for (const [probability, act] of acts) {
      if (!this.#random.chance(probability)) continue;
      this.struck.set(stage, (this.struck.get(stage) ?? 0) + 1);
      return act;
    }
    return undefined;
  }

  #tell(what: Heard): void {
    const heard = this.#waiting.filter((one) => one.what === what);
    this.#waiting = this.#waiting.filter((one) => one.what !== what);
    for (const { resolve } of heard) resolve();
  }
}
