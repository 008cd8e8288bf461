// One mail as the conditions see it: every value brought into form once, and only when a rule asks for it.
import type { Address, MailKind, MailMetadata, MailPart, Trust } from '../contracts/mail.ts';
import { attachmentsOf, decodedSizeOf } from '../mail/structure.ts';
import { unprovable } from '../mail/trust/level.ts';
import { type AddressForm, addressForm } from './addresses.ts';
import { type LocalTime, localTime } from './local-time.ts';
import { MAX_BODY_CHARS, MAX_TEXT_CHARS, TextForm } from './text.ts';

/** What rules decide on: all that is known of a mail before its body was read. */
export interface RuleInput {
  /** The account's label. */
  account: string;
  mailbox: string;
  metadata: MailMetadata;
  /** IMAP flags and keywords, such as `\Seen`. */
  flags: string[];
  /** Whether it belongs to a thread that was there before. */
  isReply: boolean;
  trust: Trust['level'];
  /** What it is by the standards that let one tell. */
  kind?: MailKind;
  /** What warns of it, such as `lookalike`. */
  trustFlags?: readonly string[];
  /** Whether its signatures were not checked yet: where they may prove it, it is not known whether it is verified. */
  unproved?: boolean;
  /** When it came in, epoch milliseconds: it stands for the date of a mail that has none. */
  arrivedAt?: number;
  /** What a person reads of it; absent where it was not read. */
  text?: string;
  /** What is not known of it: not read yet, or not kept. A condition about it neither holds nor fails. */
  unknown?: readonly Fact[];
}

/** What a mail may be judged without. */
export type Fact = 'flags' | 'text' | 'trust';

export interface AttachmentForm {
  readonly type: string;
  readonly name: TextForm;
  readonly shownName: string;
  /** Octets after decoding, as far as the transferred size tells. */
  readonly size: number;
}

const MAX_HEADER_VALUES = 100; // of one name: more is an attack, and a rule must not pay for it

export class MailView {
  readonly input: RuleInput;
  /** How a condition about what is not known is taken: as one that holds, or not. Turned over within `not`. */
  assumed = false;
  readonly #headers = new Map<string, readonly TextForm[]>();
  #subject: TextForm | undefined;
  #text: TextForm | undefined;
  readonly #sent = new Map<string, LocalTime | null>();
  #from: readonly AddressForm[] | undefined;
  #to: readonly AddressForm[] | undefined;
  #cc: readonly AddressForm[] | undefined;
  #replyTo: readonly AddressForm[] | undefined;
  #listIds: readonly TextForm[] | undefined;
  #types: readonly string[] | undefined;
  #attachments: readonly AttachmentForm[] | undefined;
  #flags: readonly string[] | undefined;
  #account: string | undefined;
  #mailbox: string | undefined;
  #provable: boolean | undefined;

  constructor(input: RuleInput) {
    this.input = input;
  }

  lacks(fact: Fact): boolean {
    if (fact === 'text' && this.input.text === undefined) return true;
    if (fact === 'trust' && this.input.unproved === true) {
      this.#provable ??= unprovable(this.input.metadata) === null;
      return this.#provable;
    }
    return this.input.unknown?.includes(fact) ?? false;
  }

  get subject(): TextForm {
    this.#subject ??= new TextForm(this.input.metadata.subject);
    return this.#subject;
  }

  get text(): TextForm {
    this.#text ??= new TextForm(this.input.text ?? '', MAX_BODY_CHARS);
    return this.#text;
  }

  /** When it was sent, by its Date (which the sender chooses), or else when it came in; null where neither is known. */
  sentIn(timeZone: string): LocalTime | null {
    let found = this.#sent.get(timeZone);
    if (found === undefined) {
      const at = this.input.metadata.date ?? this.input.arrivedAt;
      found = at === undefined ? null : localTime(at, timeZone);
      this.#sent.set(timeZone, found);
    }
    return found;
  }

  get from(): readonly AddressForm[] {
    const { from } = this.input.metadata;
    this.#from ??= from ? forms([from]) : [];
    return this.#from;
  }

  get to(): readonly AddressForm[] {
    this.#to ??= forms(this.input.metadata.to);
    return this.#to;
  }

  get cc(): readonly AddressForm[] {
    this.#cc ??= forms(this.input.metadata.cc);
    return this.#cc;
  }

  get replyTo(): readonly AddressForm[] {
    this.#replyTo ??= forms(this.input.metadata.reply_to);
    return this.#replyTo;
  }

  /** The ids between the angle brackets of List-Id (RFC 2919 §3), or the whole value where there are none. */
  get listIds(): readonly TextForm[] {
    this.#listIds ??= this.rawHeader('list-id').map((value) => {
      const end = value.lastIndexOf('>');
      const start = end < 0 ? -1 : value.lastIndexOf('<', end);
      return new TextForm(start < 0 ? value : value.slice(start + 1, end));
    });
    return this.#listIds;
  }

  /** The MIME type of every part. */
  get types(): readonly string[] {
    this.#types ??= [...new Set(this.input.metadata.parts.map((part) => part.type.toLowerCase()))];
    return this.#types;
  }

  get attachments(): readonly AttachmentForm[] {
    this.#attachments ??= attachmentsOf(this.input.metadata.parts).map(attachmentForm);
    return this.#attachments;
  }

  get flags(): readonly string[] {
    this.#flags ??= this.input.flags.map(flagForm);
    return this.#flags;
  }

  get account(): string {
    this.#account ??= accountForm(this.input.account);
    return this.#account;
  }

  get mailbox(): string {
    this.#mailbox ??= mailboxForm(this.input.mailbox);
    return this.#mailbox;
  }

  /** In lower case, each once. */
  headerNames(): readonly string[] {
    return Object.keys(this.input.metadata.headers);
  }

  hasHeader(name: string): boolean {
    return Object.hasOwn(this.input.metadata.headers, name);
  }

  rawHeader(name: string): readonly string[] {
    const values = this.hasHeader(name) ? (this.input.metadata.headers[name] ?? []) : [];
    return values.length > MAX_HEADER_VALUES ? values.slice(0, MAX_HEADER_VALUES) : values;
  }

  /** @param name in lower case */
  header(name: string): readonly TextForm[] {
    let values = this.#headers.get(name);
    if (!values) {
      values = this.rawHeader(name).map((value) => new TextForm(value));
      this.#headers.set(name, values);
    }
    return values;
  }
}

function forms(addresses: readonly Address[]): AddressForm[] {
  return addresses.map((address) => addressForm(address.address));
}

/** A system flag may be written with or without its backslash, and in any case (RFC 9051 §2.3.2). */
export function flagForm(flag: string): string {
  return (flag.startsWith('\\') ? flag.slice(1) : flag).toLowerCase();
}

export function accountForm(label: string): string {
  return label.normalize('NFC').toLowerCase();
}

/** INBOX in any case is one mailbox; all other names are as the server has them (RFC 9051 §5.1). */
export function mailboxForm(name: string): string {
  return name.length === 5 && name.toUpperCase() === 'INBOX' ? 'INBOX' : name.normalize('NFC');
}

function attachmentForm(part: MailPart): AttachmentForm {
  const shownName = (part.filename ?? '').slice(0, MAX_TEXT_CHARS);
  return {
    type: part.type.toLowerCase(),
    name: new TextForm(shownName),
    shownName,
    size: decodedSizeOf(part),
  };
}
