// The language of rules/*.yaml. This is the shape of one file; rules/ compiles it. Objects are strict, so
// that a typo is an error and never a condition that silently does not count.
import { z } from 'zod';
import { limits, may, rate } from './agent-policy.ts';
import { digestDefinition } from './digest.ts';
import { byteCount, duration, requestHeaders, signingSecret } from './endpoint.ts';
import { ingestOptions, knowledgeSink } from './knowledge-sink.ts';
import { retentionDays } from './mail-event.ts';
import { modelRun } from './model-run.ts';
import { condition, names, timezone, word } from './rule-condition.ts';
import { automaticReply, templateName } from './template.ts';

const MAX_NAME_CHARS = 200;
const MAX_LABEL_CHARS = 200;
const MAX_MAILBOX_CHARS = 1000;
const HIGHEST_PRIORITY = 1000;

export { duration, rate };

/** Every word that `then` knows. */
export const actionWords = [
  ...(['spawn', 'post', 'draft', 'forward', 'label', 'flag'] as const),
  ...(['mark_seen', 'move', 'ingest', 'stop'] as const),
] as const;

const label = z
  .string()
  .min(1)
  .max(MAX_LABEL_CHARS)
  .refine((text) => !/\p{C}/u.test(text), 'a label has no control characters');

/** Where `post` delivers mail to, and how. */
export const destination = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'write a URL such as https://crm.example/inbound' }),
  format: z
    .enum(['json', 'raw'])
    .default('json')
    .describe('`json`: the event. `raw`: the message as it lies on the server, as message/rfc822.'),
  secret_ref: signingSecret
    .optional()
    .describe(
      'A Standard Webhooks secret (`whsec_…`): what is posted is signed with it. A list while it is changed: each signs.',
    ),
  headers: requestHeaders
    .optional()
    .describe('Further request headers, such as `Authorization`, each with its value by reference.'),
  mark_seen: z.boolean().default(false).describe('Marks the mail as read once the receiver has handled it.'),
  include_attachments: z
    .boolean()
    .default(false)
    .describe('Attachments as base64, each part with its hashes; without this they are named alone.'),
  attachment_retention_days: retentionDays
    .optional()
    .describe(
      'Attachments are kept for so many days, and the event refers to them: instead of base64. `json` only.',
    ),
  journal: z
    .boolean()
    .default(false)
    .describe("A journal's report is opened: the event is that of the mail inside. `json` only."),
  max_body_size: byteCount
    .default('10MB')
    .describe('A part (`json`) or a message (`raw`) that is larger is left out.'),
  tags: z
    .array(z.string().min(1).max(MAX_LABEL_CHARS))
    .max(50)
    .default([])
    .describe("Words for the receiver, put into the event's `routing`."),
  timeout: duration.default('30s').describe('How long one attempt may take.'),
  attempts: z
    .number()
    .int()
    .min(1)
    .max(10)
    .default(10)
    .describe('How often it is tried before it is a dead letter.'),
  concurrency: z.number().int().min(1).max(64).default(4).describe('How many deliveries to it run at once.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Allows http, loopback and private addresses for this destination.'),
});
export type Destination = z.infer<typeof destination>;
export const destinationWords: readonly string[] = Object.keys(destination.shape);

const mailboxName = z
  .string()
  .min(1)
  .max(MAX_MAILBOX_CHARS)
  .refine((text) => !/\p{C}/u.test(text), 'the name of a folder has no control characters');

const move = z.strictObject({
  mailbox: mailboxName.describe('The folder, as the server spells it: Archive/2026.'),
  create: z.boolean().default(false).describe('Makes the folder where it is missing.'),
});

/** A system flag (`seen`, `flagged`, `answered`, `draft`) or a keyword; with `!` it is taken away. */
const flagName = z
  .string()
  .regex(/^!?\\?[A-Za-z0-9$_.-]{1,100}$/, 'write flags such as flagged, $Important or "!seen"')
  .refine(
    (name) => !/^!?\\?(deleted|recent)$/i.test(name),
    'no rule marks mail as deleted; `move` it to the folder for that',
  );
const flags = z.union([flagName, z.array(flagName).min(1).max(50)]);

const forwardAddresses = z.union([word, z.array(word).min(1).max(50)]);
const forward = z.strictObject({
  to: forwardAddresses.describe('The addresses it goes to.'),
  send: z
    .enum(['approve', 'auto'])
    .default('approve')
    .describe('Whether it waits for a person, or leaves by itself where the sender is sure.'),
  note: z.string().min(1).max(10_000).describe('What stands above the forwarded mail.').optional(),
  limit: rate.default('20/1h').describe('How many mails this rule forwards in a time, such as 20/1h.'),
});
export type Forward = z.infer<typeof forward> & { to: string[] };

const plainActions = [
  z.strictObject({ spawn: z.string().min(1).describe('The agent that is woken.') }),
  z.strictObject({ label: label.describe('A label that the mail gets.') }),
  z.strictObject({ mark_seen: z.literal(true).describe('Marks the mail as read.') }),
  z.strictObject({ stop: z.literal(true).describe('No further rule is tried on the mail.') }),
] as const;

/** An action as the other rooms see it: always an object with one key. `post` names a destination. */
export const ruleAction = z.union([
  ...plainActions,
  z.strictObject({ post: z.string().min(1) }),
  z.strictObject({ move: move.required() }),
  z.strictObject({ flag: z.strictObject({ add: z.array(z.string()), remove: z.array(z.string()) }) }),
  z.strictObject({ forward: forward.extend({ to: z.array(word) }) }),
  z.strictObject({ draft: automaticReply }),
  z.strictObject({ ingest: ingestOptions }),
]);
export type RuleAction = z.infer<typeof ruleAction>;

/** An action as it is written: one without a value may stand as a bare word, and others may be described where they stand. */
export const writtenAction = z.union([
  ...plainActions,
  z.strictObject({
    post: z
      .union([z.string().min(1), destination])
      .describe('The destination that the mail is posted to, by its name, or its url and more.'),
  }),
  z.strictObject({ move: z.union([mailboxName, move]).describe('The folder that the mail is moved to.') }),
  z.strictObject({
    flag: flags.describe('Flags that the mail gets, such as flagged or $Important; "!seen" takes one away.'),
  }),
  z.strictObject({
    forward: z
      .union([...forwardAddresses.options, forward])
      .describe('The addresses that the mail is forwarded to, once a person has approved it.'),
  }),
  z.strictObject({
    draft: z
      .union([templateName, automaticReply])
      .describe('The template of an automatic reply, which leaves once a person has approved it.'),
  }),
  z.strictObject({
    ingest: ingestOptions.describe('What of the mail becomes knowledge, and the sinks it goes to.'),
  }),
  z
    .enum(['mark_seen', 'ingest', 'stop'])
    .describe(
      'mark_seen: marks the mail as read. ingest: attachments go to the local index. stop: no further rule is tried.',
    ),
]);
export type WrittenAction = z.infer<typeof writtenAction>;
export const moveWords: readonly string[] = Object.keys(move.shape);
export const forwardWords: readonly string[] = Object.keys(forward.shape);
export const draftWords: readonly string[] = Object.keys(automaticReply.shape);

const priority = z.number().int().min(-HIGHEST_PRIORITY).max(HIGHEST_PRIORITY);

/** What the rules of a file have where they do not say it themselves. */
export const ruleDefaults = z.strictObject({
  account: names.describe('The account of rules that name none.').optional(),
  mailbox: names.describe('The folder of rules that name none.').optional(),
  priority: priority.describe('The priority of rules that have none.').optional(),
  timezone: timezone.describe('The time zone of `sent` where it names none: Europe/Zurich.').optional(),
});

export const rule = z.strictObject({
  name: z.string().min(1).max(MAX_NAME_CHARS).describe('Used once in all files.'),
  /** The account's label, several, or `*`. Absent: any that is watched. */
  account: names.describe('The label of the account, several, or "*"; any where it is absent.').optional(),
  mailbox: names.describe('The folder, several, or "*"; any that is watched where it is absent.').optional(),
  /** Those with the highest come first; 0 where nothing is said. Of the same priority, the order of the files counts. */
  priority: priority.describe('Rules with a higher one are tried first; 0 where it is absent.').optional(),
  when: condition.optional().describe('What must hold of the mail; any mail where it is absent.'),
  // biome-ignore lint/suspicious/noThenProperty: the language of DESIGN.md says when and then
  then: z.array(writtenAction).min(1).max(20).describe('What is done, in order.'),
});
export type Rule = z.infer<typeof rule>;

const command = z.strictObject({
  command: z.array(z.string()).min(1).describe('The program and its arguments; no shell reads them.'),
  env: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name an environment variable')
        .refine((name) => !/^POSTERN_/i.test(name), "Postern's own settings are not passed through"),
    )
    .optional()
    .describe('Names of environment variables that are passed through.'),
  output: z
    .enum(['actions', 'text', 'json-result'])
    .default('actions')
    .describe(
      'What it prints. `actions`: `{"actions": […]}`. `text`: the words of a reply. `json-result`: JSON whose `result` is the reply, as coding agents print it.',
    ),
  processes: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(256)
    .describe('How many processes it may have at once, with all that it starts.'),
  memory: byteCount.optional().describe('How much memory it may take, with all that it starts: 2GB.'),
});
const webhook = z.strictObject({
  webhook: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    secret_ref: signingSecret.describe(
      'A Standard Webhooks secret (`whsec_…`) by reference: `env:NAME` or `file:/path`. A list while it is changed: each signs.',
    ),
    timeout: duration
      .default('30s')
      .describe('How long the endpoint may take to answer; never longer than limits.time.'),
    concurrency: z
      .number()
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('How many requests the endpoint gets at once from all agents that share it.'),
    allow_private: z
      .boolean()
      .optional()
      .describe('Allows http, loopback and private addresses for this endpoint.'),
  }),
});
const model = z.strictObject({ model: modelRun.describe('A language model, asked by Postern itself.') });
export const commandWords: readonly string[] = Object.keys(command.shape);
/** The keys of each way to run an agent. */
export const runWords: readonly string[] = [command, webhook, model].flatMap(({ shape }) =>
  Object.keys(shape),
);
export const webhookWords: readonly string[] = Object.keys(webhook.shape.webhook.shape);

export const agent = z.strictObject({
  run: z.union([command, webhook, model]),
  may: may.prefault({}),
  limits: limits.prefault({}),
  session: z
    .enum(['per-thread', 'per-message'])
    .default('per-thread')
    .describe('Whether an answer in the thread goes on with the session that is there, or starts another.'),
});
export type Agent = z.infer<typeof agent>;

const handle = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use lower-case letters, digits and hyphens');

export const rulesFile = z.strictObject({
  defaults: ruleDefaults
    .describe('What the rules of this file have where they do not say it themselves.')
    .optional(),
  agents: z.record(handle, agent).describe('Who is woken by mail, by name.').optional(),
  destinations: z
    .record(handle, destination)
    .describe('Websites that `post` delivers to, by name.')
    .optional(),
  knowledge: z
    .record(handle, knowledgeSink)
    .describe('Where `ingest` puts documents, by name; `local` is always there.')
    .optional(),
  rules: z.array(rule).describe('In the order in which they are tried.').optional(),
  digests: z.array(digestDefinition).describe('Mail that is made on a schedule.').optional(),
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
