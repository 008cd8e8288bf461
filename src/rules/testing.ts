// Mail and rules for this room's tests.
import type { MailPart } from '../contracts/mail.ts';
import type { Condition } from '../contracts/rule-condition.ts';
import { compileRules } from './compile.ts';
import type { RuleInput } from './mail-view.ts';

export interface SampleMail {
  from?: string | null;
  to?: string[];
  cc?: string[];
  reply_to?: string[];
  subject?: string;
  headers?: Record<string, string[]>;
  parts?: Partial<MailPart>[];
  size?: number;
  flags?: string[];
  account?: string;
  mailbox?: string;
  isReply?: boolean;
  trust?: RuleInput['trust'];
  trustFlags?: string[];
  /** What the text parts say; null for a text that was not read. */
  text?: string | null;
  /** The Date, as a text that Date.parse reads; null for a mail without one. */
  date?: string | null;
  arrivedAt?: number;
}

/** A mail from anna@prospect.example to sales@example.org, but for what is given. */
export function sampleMail(mail: SampleMail = {}): RuleInput {
  const address = (text: string) => ({ name: '', address: text });
  const { from = 'anna@prospect.example', text = 'Hello', date = '2026-11-20T00:00Z' } = mail;
  return {
    account: mail.account ?? 'sales',
    mailbox: mail.mailbox ?? 'INBOX',
    flags: mail.flags ?? [],
    isReply: mail.isReply ?? false,
    trust: mail.trust ?? 'unverified',
    trustFlags: mail.trustFlags ?? [],
    ...(text !== null && { text }),
    ...(mail.arrivedAt !== undefined && { arrivedAt: mail.arrivedAt }),
    metadata: {
      message_id: '<1@prospect.example>',
      in_reply_to: null,
      references: [],
      date: date === null ? null : Date.parse(date),
      subject: mail.subject ?? 'A quote for 300 pumps',
      from: from === null ? null : address(from),
      sender: null,
      reply_to: (mail.reply_to ?? []).map(address),
      to: (mail.to ?? ['sales@example.org']).map(address),
      cc: (mail.cc ?? []).map(address),
      headers: mail.headers ?? {},
      parts: (mail.parts ?? [{}]).map(part),
      size: mail.size ?? 4000,
    },
  };
}

function part(given: Partial<MailPart>, index: number): MailPart {
  return {
    path: String(index + 1),
    type: 'text/plain',
    charset: 'utf-8',
    encoding: '7bit',
    size: 300,
    disposition: null,
    filename: null,
    content_id: null,
    flowed: false,
    delsp: false,
    ...given,
  };
}

/** An attached file of so many octets as they are transferred. */
export function attached(type: string, filename: string, size: number, encoding = '8bit'): Partial<MailPart> {
  return { type, filename, size, encoding, disposition: 'attachment' };
}

/** The text of a rules file with one rule for each condition, named by its number. JSON is YAML. */
export function rulesText(...conditions: Condition[]): string {
  const rules = conditions.map((when, i) => {
    // biome-ignore lint/suspicious/noThenProperty: the language says then
    return { name: String(i), when, then: ['mark_seen'] };
  });
  return JSON.stringify({ rules });
}

/** Whether a rule with the condition matches, by the way of the index and by the way of explain alike. */
export function matches(when: Condition, mail: SampleMail = {}): boolean {
  const set = compileRules([{ name: 'test.yaml', text: rulesText(when) }]);
  const input = sampleMail(mail);
  const matched = set.match(input).length === 1;
  const [explained] = set.explain(input);
  if (explained?.matched !== matched)
    throw new Error(`match says ${matched}, explain says ${explained?.text}`);
  if (!matched && explained.failed.length === 0) throw new Error('explain gives no reason');
  return matched;
}
