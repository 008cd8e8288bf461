// A mail as the rules look at it: one that is in the ledger, or the bytes of any other.
import type { MailKind, MailMetadata } from '../contracts/mail.ts';
import { notFound } from '../kernel/errors.ts';
import { kindOf } from '../mail/kind.ts';
import type { ParsedMail } from '../mail/parse.ts';
import { trustOf } from '../mail/trust.ts';
import type { RuleInput } from '../rules/mail-view.ts';
import { storedMails } from '../rules/stored-mail.ts';
import type { Rooms } from './rooms.ts';

export interface TriedMail {
  kind: MailKind;
  kindReason: string;
  input: RuleInput;
}

/** @throws PosternError `not_found` */
export async function storedRuleInput({ store }: Pick<Rooms, 'store'>, id: string): Promise<TriedMail> {
  const [mail] = await storedMails(store.db, { id, limit: 1, withText: true });
  if (!mail) throw notFound('message', id);
  return mail;
}

export interface RawPlace {
  /** The account's label. */
  account: string;
  /** Where the account's own mail is from; null where that is not known. */
  address: string | null;
  authservId: string | null;
  mailbox?: string;
}

/** A mail that comes in, as far as its bytes tell: it has no flags yet. */
export function rawRuleInput(mail: Pick<ParsedMail, 'metadata' | 'content'>, place: RawPlace): TriedMail {
  const { metadata, content } = mail;
  const { kind, reason } = kindOf(metadata, {
    addresses: place.address === null ? [] : [place.address],
    isOwnMessageId: () => false,
  });
  const { level, flags } = trustOf(metadata, place.authservId);
  return {
    kind,
    kindReason: reason,
    input: {
      account: place.account,
      mailbox: place.mailbox ?? 'INBOX',
      metadata,
      flags: [],
      isReply: pointsBack(metadata),
      trust: level,
      kind,
      trustFlags: flags,
      unproved: true,
      text: content.text,
    },
  };
}

const pointsBack = (metadata: MailMetadata): boolean =>
  metadata.in_reply_to !== null || metadata.references.length > 0;
