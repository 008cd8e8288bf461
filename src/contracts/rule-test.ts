// What trying rules answers: for one mail, or for those of a time.
import { z } from 'zod';

export const ruleExplanation = z.object({
  rule: z.string(),
  matched: z.boolean(),
  /** Whether it matches hangs on what is not known of the mail. */
  unsure: z.boolean(),
  stopped_by: z.string().nullable(),
  failed: z.array(z.object({ condition: z.string(), wanted: z.string(), had: z.string() })),
  text: z.string(),
});

const action = z.record(z.string(), z.unknown());

/** Of one mail. Nothing was done. */
export const mailTest = z.object({
  rules_version: z.string(),
  /** The rules that match for certain, in order, with the actions as the rule has them. */
  matches: z.array(z.object({ rule: z.string(), actions: z.array(action) })),
  /** What would be done, in order. */
  would: z.array(
    z.object({
      rule: z.string(),
      action,
      /** Why it would not be done although the rule matches; null where it would. */
      held: z.string().nullable(),
      /** What an answer from a template would say. */
      draft: z.object({ to: z.array(z.string()), subject: z.string(), text: z.string() }).optional(),
    }),
  ),
  explanation: z.array(ruleExplanation),
});
export type MailTest = z.infer<typeof mailTest>;

/** Of the mails of a time. Nothing was done. */
export const backTestView = z.object({
  rules_version: z.string(),
  /** Null: of all accounts. */
  account_id: z.string().nullable(),
  since: z.number().int(),
  /** How many mails were looked at. */
  messages: z.number().int(),
  /** True where there is older mail of that time that was not looked at. */
  truncated: z.boolean(),
  /** Mails that no rule matches, for certain. */
  unmatched: z.number().int(),
  /** Of how many mails something is not known that a rule hangs on: `flags`, `text`. */
  unknown: z.record(z.string(), z.number().int()),
  actions: z.array(z.object({ action, count: z.number().int(), held: z.number().int() })),
  /** Rules that match, may match or acted then, in their order. */
  rules: z.array(
    z.object({
      rule: z.string(),
      matches: z.number().int(),
      /** How many mails it may match for all that is known of them. */
      unsure: z.number().int(),
      /** Of those that it matches: how many it did not act on when they came in. */
      added: z.number().int(),
      /** How many it acted on when they came in, and does not match. */
      removed: z.number().int(),
      samples: z.array(
        z.object({
          message_id: z.string(),
          date: z.number().int(),
          from: z.string().nullable(),
          subject: z.string(),
          sure: z.boolean(),
        }),
      ),
    }),
  ),
});
export type BackTestView = z.infer<typeof backTestView>;
