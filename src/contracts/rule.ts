// The language of rules/*.yaml. This is the shape of one file; rules/ compiles it. Objects are strict, so
// that a typo is an error and never a condition that silently does not count.
import { z } from 'zod';

const MAX_WORD_CHARS = 1000; // longer than any address, domain or sensible pattern
const MAX_LIST_ITEMS = 10_000; // room for a list of customers' domains
const MAX_NAME_CHARS = 200;
const MAX_LABEL_CHARS = 200;

const word = z.string().min(1).max(MAX_WORD_CHARS);
const names = z.union([word, z.array(word).min(1).max(MAX_LIST_ITEMS)]);
const DURATION = /^\d{1,9}(ms|s|m|h|d)$/;
const RATE = /^[1-9]\d{0,8}\/\d{1,9}(s|m|h|d)$/;
const SIZE = /^\s*(<=|>=|<|>)\s*\d{1,12}(\.\d{1,3})?\s*(B|kB|KB|MB|GB)\s*$/;
const COUNT = /^\s*(<=|>=|<|>|=)?\s*\d{1,6}\s*$/;

/** `250ms`, `30s`, `5m`, `1h` or `7d`. */
export const duration = z.string().regex(DURATION, 'write a duration such as 30s, 5m or 1h');
/** So many in a time: `5/1h`. */
export const rate = z.string().regex(RATE, 'write a rate such as 5/1h');
/** A comparison of octets: `<10MB`, `>=1kB`. A kB has 1,024 octets, as mail servers count. */
export const sizeCondition = z.string().regex(SIZE, 'write a size such as "<10MB" or ">=1kB"');
/** So many octets: `1MB`. A kB has 1,024. */
const byteCount = z
  .string()
  .regex(/^\s*\d{1,12}(\.\d{1,3})?\s*(B|kB|KB|MB|GB)\s*$/, 'write a size such as 1MB');
const countCondition = z.union([
  z.number().int().nonnegative(),
  z.string().regex(COUNT, 'write a count such as 2 or ">=2"'),
]);

export const attachmentCondition = z.strictObject({
  type: names.optional(),
  name: names.optional(),
  size: sizeCondition.optional(),
  /** How many attachments meet the other conditions; at least one when this is absent. */
  count: countCondition.optional(),
});
export type AttachmentCondition = z.infer<typeof attachmentCondition>;

export type Names = string | string[];

export interface Condition {
  from?: Names | undefined;
  to?: Names | undefined;
  cc?: Names | undefined;
  reply_to?: Names | undefined;
  subject?: Names | undefined;
  header?: Record<string, Names> | undefined;
  list_id?: Names | undefined;
  type?: Names | undefined;
  attachment?: AttachmentCondition | boolean | undefined;
  size?: string | undefined;
  flag?: Names | undefined;
  mailbox?: Names | undefined;
  account?: Names | undefined;
  thread?: 'new' | 'reply' | undefined;
  /** At least this level: `asserted` also takes verified mail. */
  trust?: 'verified' | 'asserted' | undefined;
  all?: Condition[] | undefined;
  any?: Condition[] | undefined;
  not?: Condition | undefined;
}

const headerName = z
  .string()
  .regex(/^[!-9;-~]{1,100}$/, 'a header name has letters, digits and hyphens, and no colon');

const plainConditions = {
  from: names.optional(),
  to: names.optional(),
  cc: names.optional(),
  reply_to: names.optional(),
  subject: names.optional(),
  header: z.record(headerName, names).optional(),
  list_id: names.optional(),
  type: names.optional(),
  attachment: z.union([z.boolean(), attachmentCondition]).optional(),
  size: sizeCondition.optional(),
  flag: names.optional(),
  mailbox: names.optional(),
  account: names.optional(),
  thread: z.enum(['new', 'reply']).optional(),
  trust: z.enum(['verified', 'asserted']).optional(),
};
/** Every word that `when` knows. */
export const conditionWords: readonly string[] = [...Object.keys(plainConditions), 'all', 'any', 'not'];

/** Every condition named must hold. A list means any of its items; `"!…"` excludes. */
export const condition: z.ZodType<Condition> = z.lazy(() =>
  z.strictObject({
    ...plainConditions,
    all: z.array(condition).min(1).max(MAX_LIST_ITEMS).optional(),
    any: z.array(condition).min(1).max(MAX_LIST_ITEMS).optional(),
    not: condition.optional(),
  }),
);

/** Every word that `then` knows. */
export const actionWords = ['spawn', 'post', 'label', 'mark_seen', 'stop'] as const;

const label = z
  .string()
  .min(1)
  .max(MAX_LABEL_CHARS)
  .refine((text) => !/\p{C}/u.test(text), 'a label has no control characters');

/** A secret by reference: its value stands in no file of rules, and is read when it is needed. */
const secretRef = z.string().regex(/^(env|file):.+$/, 'write env:NAME or file:/path');

/** Postern sets these itself, or Node does. */
const OWN_HEADERS =
  /^(host|connection|content-(type|length)|transfer-encoding|expect|webhook-.*|postern-.*)$/i;

/** Where `post` delivers mail to, and how. */
export const destination = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'write a URL such as https://crm.example/inbound' }),
  /** `json`: the event. `raw`: the message as it lies on the server, as message/rfc822. */
  format: z.enum(['json', 'raw']).default('json'),
  /** A Standard Webhooks secret (`whsec_…`): what is posted is signed with it. */
  secret_ref: secretRef.optional(),
  /** Further request headers, such as `Authorization`, each with its value by reference. */
  headers: z
    .record(
      z
        .string()
        .regex(
          /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/,
          'a header name has letters, digits and hyphens, and no colon',
        )
        .refine((name) => !OWN_HEADERS.test(name), 'Postern sets this header itself'),
      secretRef,
    )
    .optional(),
  /** Marks the mail as read once the receiver has handled it. */
  mark_seen: z.boolean().default(false),
  /** Attachments as base64, each part with its hashes; without this they are named alone. */
  include_attachments: z.boolean().default(false),
  /** A part (`json`) or a message (`raw`) that is larger is left out. */
  max_body_size: byteCount.default('10MB'),
  /** Words for the receiver, put into the event's `routing`. */
  tags: z.array(z.string().min(1).max(MAX_LABEL_CHARS)).max(50).default([]),
  /** How long one attempt may take. */
  timeout: duration.default('30s'),
  /** How often it is tried before it is a dead letter. */
  attempts: z.number().int().min(1).max(10).default(10),
  /** How many deliveries to it run at once. */
  concurrency: z.number().int().min(1).max(64).default(4),
  /** Allows http, loopback and private addresses for this destination. */
  allow_private: z.boolean().default(false),
});
export type Destination = z.infer<typeof destination>;
export const destinationWords: readonly string[] = Object.keys(destination.shape);

const plainActions = [
  z.strictObject({ spawn: z.string().min(1) }),
  z.strictObject({ label }),
  z.strictObject({ mark_seen: z.literal(true) }),
  z.strictObject({ stop: z.literal(true) }),
] as const;

/** An action as the other rooms see it: always an object with one key. `post` names a destination. */
export const ruleAction = z.union([...plainActions, z.strictObject({ post: z.string().min(1) })]);
export type RuleAction = z.infer<typeof ruleAction>;

/** An action as it is written: one without a value may stand as a bare word, and `post` may describe its destination. */
export const writtenAction = z.union([
  ...plainActions,
  z.strictObject({ post: z.union([z.string().min(1), destination]) }),
  z.enum(['mark_seen', 'stop']),
]);

export const rule = z.strictObject({
  name: z.string().min(1).max(MAX_NAME_CHARS),
  /** The account's label, several, or `*`. Absent: any that is watched. */
  account: names.optional(),
  mailbox: names.optional(),
  when: condition.optional(),
  // biome-ignore lint/suspicious/noThenProperty: the language of DESIGN.md says when and then
  then: z.array(writtenAction).min(1).max(20),
});
export type Rule = z.infer<typeof rule>;

const command = z.strictObject({
  /** The program and its arguments; no shell reads them. */
  command: z.array(z.string()).min(1),
  /** Names of environment variables that are passed through. */
  env: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable')).optional(),
});
const webhook = z.strictObject({
  webhook: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    /** A Standard Webhooks secret (`whsec_…`) by reference: `env:NAME` or `file:/path`. */
    secret_ref: secretRef,
    /** Allows http, loopback and private addresses for this endpoint. */
    allow_private: z.boolean().optional(),
  }),
});
/** The keys of each way to run an agent. */
export const runWords: readonly string[] = [...Object.keys(command.shape), ...Object.keys(webhook.shape)];
export const webhookWords: readonly string[] = Object.keys(webhook.shape.webhook.shape);

const may = z.strictObject({
  /** Whether the agent's mail leaves: never, after a person's approval, or by itself. */
  reply: z.enum(['never', 'approve', 'auto']).default('approve'),
  /**
   * To whom: the people of the thread, named addresses and domains, or anybody. An empty list means nobody.
   */
  recipients: z.union([z.enum(['thread', 'any']), z.array(word).max(MAX_LIST_ITEMS)]).default('thread'),
  tools: z.array(z.string()).default([]),
  label: z.boolean().default(true),
  move: z.array(z.string()).default([]),
});
export const mayWords: readonly string[] = Object.keys(may.shape);

const limits = z.strictObject({
  time: duration.default('5m'),
  per_sender: rate.default('5/1h'),
  per_day: z.number().int().positive().default(200),
  /** How many sessions of this agent run at once. */
  concurrency: z.number().int().positive().default(4),
});
export const limitWords: readonly string[] = Object.keys(limits.shape);

export const agent = z.strictObject({
  run: z.union([command, webhook]),
  may: may.prefault({}),
  limits: limits.prefault({}),
});
export type Agent = z.infer<typeof agent>;

const handle = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use lower-case letters, digits and hyphens');

export const rulesFile = z.strictObject({
  agents: z.record(handle, agent).optional(),
  destinations: z.record(handle, destination).optional(),
  rules: z.array(rule).optional(),
});
export type RulesFile = z.infer<typeof rulesFile>;

/** One mistake in a rules file, at the place where it is written. */
export const ruleProblem = z.object({
  /** The file's name within the rules folder. */
  file: z.string(),
  /** Counted from 1. */
  line: z.number().int(),
  /** Counted from 1, in UTF-16 code units. */
  column: z.number().int(),
  message: z.string(),
});
export type RuleProblem = z.infer<typeof ruleProblem>;
