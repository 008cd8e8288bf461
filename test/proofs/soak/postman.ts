// Brings mail all the time, by APPEND to the IMAP server itself and not through the proxy: what it confirmed is there.
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { mailboxesOf, type World } from './world.ts';

const LONGEST_BURST = 5;
const BURST_CHANCE = 0.05;

export class Postman {
  readonly #world: World;
  readonly #random: Random;
  readonly #over = new AbortController();
  #brought = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** How many mails the IMAP server has confirmed. */
  get brought(): number {
    return this.#brought;
  }

  /** Brings mail until `stop`. */
  async work(everyMs: number): Promise<void> {
    while (!this.#over.signal.aborted) {
      const startedAt = performance.now();
      await this.alone(() => this.#bring());
      const left = everyMs - (performance.now() - startedAt);
      await pause(Math.max(left, 0), undefined, { signal: this.#over.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.#over.abort();
  }

  /** Runs something while no mail is on its way. */
  alone(something: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(something);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #bring(): Promise<void> {
    const user = this.#random.pick(this.#world.users);
    const mailbox = this.#random.pick(mailboxesOf(user));
    const count = this.#random.chance(BURST_CHANCE) ? this.#random.between(2, LONGEST_BURST) : 1;
    const mails = Array.from({ length: count }, (_, at) => mailOf(this.#brought + at + 1, user));
    await this.#world.dovecot.deliverMany(user, mails, mailbox);
    this.#brought += count;
  }
}

const mailOf = (number: number, user: string): string =>
  [
    `From: Sender ${number} <sender${number % 50}@prospect.example>`,
    `To: ${user}@company.example`,
    `Subject: soak ${number}`,
    `Message-ID: <soak-${number}@prospect.example>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    '',
    `This is mail ${number}.`,
    '',
  ].join('\r\n');

/** The number of a mail, by its subject; null for mail of somebody else. */
export function numberIn(subject: string): number | null {
  const number = /^soak (\d+)$/.exec(subject)?.[1];
  return number === undefined ? null : Number(number);
}
