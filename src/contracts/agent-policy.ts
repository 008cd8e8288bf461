// What an agent may do and how much of it, as rules files say it: `may` and `limits`. The policy (src/policy) judges by it,
// and docs/policy.md tells what each word does. Objects are strict, so that a typo is an error and never a permission.
import { z } from 'zod';
import { byteCount, duration } from './endpoint.ts';
import { MAX_LIST_ITEMS, sentCondition, word } from './rule-condition.ts';
import { templateName } from './template-name.ts';
import { toolNames } from './tool-names.ts';

const RATE = /^[1-9]\d{0,8}\/\d{1,9}(s|m|h|d)$/;

/** So many in a time: `5/1h`. */
export const rate = z.string().regex(RATE, 'write a rate such as 5/1h');

const addresses = z.array(word).max(MAX_LIST_ITEMS);

/** The reasons to ask a person that need nothing beside their name. */
export const plainAskWords = [
  ...(['first_contact', 'outside_domain', 'attachment', 'new_link_domain'] as const),
  ...(['unverified', 'tainted'] as const),
] as const;

const officeHours = sentCondition
  .pick({ time: true, weekday: true, timezone: true })
  .refine(({ time, weekday }) => time !== undefined || weekday !== undefined, 'name a time or a weekday');

/** A reason to ask a person, of `needs_approval_when`. */
export const askWhen = z.union([
  z
    .enum(plainAskWords)
    .describe(
      'first_contact: nobody has written to a recipient before. outside_domain: a recipient is not of the domain of ' +
        'the account. attachment: it has files. new_link_domain: it links to where no mail of the conversation does. ' +
        'unverified: a mail is only asserted. tainted: the agent has read what is not to be trusted (always asked).',
    ),
  z.strictObject({ amount: z.number().nonnegative().describe('It names an amount of money over this.') }),
  z.strictObject({ outside_hours: officeHours.describe('It is written outside of these hours.') }),
  z.strictObject({ words: z.array(word).min(1).max(MAX_LIST_ITEMS).describe('It has one of these words.') }),
]);
export type AskWhen = z.infer<typeof askWhen>;
export const askWords: readonly string[] = [...plainAskWords, 'amount', 'outside_hours', 'words'];

export const may = z.strictObject({
  read: z
    .enum(['thread', 'account'])
    .default('thread')
    .describe('Which mail its tools reach: that of its own conversation, or all of its account.'),
  reply: z
    .enum(['never', 'approve', 'auto'])
    .default('approve')
    .describe("Whether the agent's mail leaves: never, after a person's approval, or by itself."),
  recipients: z
    .union([z.enum(['thread', 'any']), addresses])
    .default('thread')
    .describe(
      'To whom: the people of the thread, addresses and domains, or anybody. An empty list means nobody.',
    ),
  bcc: z
    .union([z.literal('never'), addresses])
    .default('never')
    .describe('To whom blind copies may go: nobody, or the addresses and domains of a list.'),
  reply_to: z
    .union([z.literal('never'), addresses])
    .default('never')
    .describe('Where it may direct answers to: nowhere else, or the addresses and domains of a list.'),
  attach: z
    .enum(['never', 'thread', 'session', 'account'])
    .default('session')
    .describe(
      'Which files it may attach: none, those of its conversation, those that it made too, or those of all its ' +
        "account's mail.",
    ),
  needs_approval_when: z
    .array(askWhen)
    .max(50)
    .default([])
    .describe('When a person is asked although mail may leave by itself.'),
  tools: z
    .array(z.enum(toolNames))
    .default([])
    .describe(
      'The tools that it may call, and no other; empty: all that stay within its conversation. To ask, to wait and to ' +
        'finish are always there.',
    ),
  templates: z
    .array(templateName)
    .max(MAX_LIST_ITEMS)
    .default([])
    .describe('The templates that it may write a new mail by; empty: none.'),
  label: z.boolean().default(true).describe('Whether it may label mail.'),
  move: z.array(z.string()).default([]).describe('The folders that it may move mail to.'),
});
export type May = z.infer<typeof may>;
export const mayWords: readonly string[] = Object.keys(may.shape);

export const limits = z.strictObject({
  time: duration.default('5m').describe('How long one turn may take.'),
  session: duration
    .default('30d')
    .describe(
      'How long a session waits for a person or an answer before it expires: its drafts are withdrawn.',
    ),
  turns: z.number().int().positive().default(50).describe('How many turns one session may have.'),
  cost: z
    .number()
    .positive()
    .optional()
    .describe("What one session may cost, in the currency of the model's `price`."),
  per_sender: rate.default('5/1h').describe('How many turns the mail of one sender may wake: 5/1h.'),
  per_thread: rate.default('20/1h').describe('How many turns it may have in one conversation: 20/1h.'),
  per_day: z.number().int().positive().default(200).describe('How many turns it may have in 24 hours.'),
  mails: rate.default('100/1h').describe('How many mails it may write from one account: 100/1h.'),
  burst: rate
    .default('60/1m')
    .describe('How many mails it may write at a stretch; with one more it is paused and the operator told.'),
  calls: z.number().int().positive().default(1000).describe('How many calls of tools one turn may make.'),
  drafts: z.number().int().positive().default(50).describe('How many mails one turn may write.'),
  bytes: byteCount.default('100MB').describe('How much its tools may give one turn to read.'),
  concurrency: z
    .number()
    .int()
    .positive()
    .default(4)
    .describe('How many sessions of this agent run at once.'),
});
export type Limits = z.infer<typeof limits>;
export const limitWords: readonly string[] = Object.keys(limits.shape);
