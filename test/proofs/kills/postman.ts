// Brings mail, and does what mail servers and people do to mailboxes meanwhile: moves, copies, another numbering.
import type { Random } from '../random.ts';
import {
  type Answerable,
  kindsInTurn,
  MAILBOXES,
  type Mail,
  OLD,
  USERS,
  type User,
  writeMail,
} from './mails.ts';
import type { World } from './world.ts';

const REMEMBERED = 30; // conversations that go on are mostly young ones

export class Postman {
  readonly mails: Mail[] = [];
  moves = 0;
  copies = 0;
  renumberings = 0;
  readonly #world: World;
  readonly #random: Random;
  readonly #kinds: ReturnType<typeof kindsInTurn>;
  readonly #answerable: Answerable[] = [];
  /** One thing at a time: another numbering ends the user's connections. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#kinds = kindsInTurn(random);
  }

  /** A new mail, in one of the mailboxes or, one in twelve, the same in two of them. Counted once the server has it. */
  deliver(): Promise<void> {
    return this.#alone(async () => {
      const mail = writeMail(this.#random, this.mails.length + 1, this.#kinds.next().value, this.#answerable);
      const [first, second] = this.#random.shuffled(MAILBOXES);
      await this.#world.dovecot.deliver(mail.user, mail.raw, first);
      this.mails.push(mail);
      if (mail.messageId !== null) this.#remember({ ...mail, messageId: mail.messageId });
      if (!this.#random.chance(1 / 12)) return;
      await this.#world.dovecot.deliver(mail.user, mail.raw, second);
      this.copies++;
    });
  }

  /** A mail that came in the proof goes to another watched mailbox. */
  move(): Promise<void> {
    return this.#alone(async () => {
      const user = this.#random.pick(USERS);
      const [from = 'INBOX', to = 'Support'] = this.#random.shuffled(MAILBOXES);
      const there = (await this.#world.dovecot.list(user, from)).filter(({ flags }) => !flags.includes(OLD));
      if (there.length === 0) return;
      await this.#world.dovecot.move(user, this.#random.pick(there).uid, to, from);
      this.moves++;
    });
  }

  /** A mailbox gets another UIDVALIDITY and every mail in it another UID. */
  renumber(): Promise<string> {
    return this.#alone(async () => {
      const user = this.#random.pick(USERS);
      const mailbox = this.#random.pick(MAILBOXES);
      await this.#world.dovecot.changeUidValidity(user, mailbox, { renumber: true });
      this.renumberings++;
      return `${user}/${mailbox}`;
    });
  }

  /** A mail that reached its customer may be answered from now on. */
  canBeAnswered(user: User, messageId: string, { conversation, references, ...mail }: Mail): void {
    const before = mail.messageId === null ? references : [...references, mail.messageId];
    this.#remember({ user, messageId, conversation, references: before });
  }

  #remember({ user, messageId, conversation, references }: Answerable): void {
    this.#answerable.push({ user, messageId, conversation, references });
    if (this.#answerable.length > REMEMBERED) this.#answerable.shift();
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
