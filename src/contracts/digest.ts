// Digests as rules files define them: mail that is made on a schedule, from Postern's own data or from elsewhere, for a list
// of recipients.
import { z } from 'zod';
import { duration, requestHeaders } from './endpoint.ts';
import { timezone, word } from './rule-condition.ts';
import { templateName } from './template.ts';

const MAX_NAME_CHARS = 200;
const MAX_CRON_CHARS = 200;
const MAX_LISTED = 10_000; // in a rules file; longer lists stand in a file of their own, or come from a query
const MAX_SOURCES = 20;
const MAX_QUERY_CHARS = 20_000;
const MAX_ITEMS = 500; // of a source: a mail that lists more is read by nobody
const MAX_SUBJECT_CHARS = 900;

/** How a value is named in the data of a template. */
export const fieldName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'name it by lower-case letters, digits and underscores');

/** BCP 47, such as `de` or `fr-CH`. */
export const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'write a language such as de or fr-CH');

const since = z
  .union([z.literal('last'), duration])
  .default('last')
  .describe('`last`: what came since the digest was made last. Or a duration before it is made: 7d.');
const limit = z
  .number()
  .int()
  .min(1)
  .max(MAX_ITEMS)
  .default(50)
  .describe('How many are listed, the newest; all are counted.');
const account = word.describe('The label of the account; all where it is absent.').optional();

const messages = z.strictObject({
  since,
  account,
  from: word.describe('An address, or a domain: `@example.org`.').optional(),
  subject: word.describe('Words that its subject holds.').optional(),
  limit,
});
const sessions = z.strictObject({
  since,
  account,
  agent: word.describe('The name of the agent.').optional(),
  state: word.describe('Such as done, failed or waiting-for-approval.').optional(),
  limit,
});
const drafts = z.strictObject({
  since: since.removeDefault().describe('As in the others; any that there is where it is absent.').optional(),
  account,
  state: word.default('waiting').describe('Such as waiting or rejected.'),
  limit,
});
const submissions = z.strictObject({
  since,
  account,
  state: word.describe('Such as sent or failed.').optional(),
  limit,
});
const http = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'write a URL such as https://reports.example/today' }),
  headers: requestHeaders
    .optional()
    .describe('Further request headers, such as `Authorization`, each with its value by reference.'),
  timeout: duration.default('30s').describe('How long it may take to answer.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Allows http, loopback and private addresses for this source.'),
});
/** Where one value of the template's data comes from. */
export const digestSource = z.union([
  z.strictObject({ messages: messages.describe('Messages that came in.') }),
  z.strictObject({
    sessions: sessions.describe('What agents did, with the summary that each of them gave.'),
  }),
  z.strictObject({ drafts: drafts.describe('Drafts, by default those that wait for a person.') }),
  z.strictObject({ submissions: submissions.describe('Mail that left, or did not.') }),
  z.strictObject({
    sql: z
      .string()
      .min(1)
      .max(MAX_QUERY_CHARS)
      .describe('Rows of a query that reads; `:since` and `:until` are the span, in epoch milliseconds.'),
  }),
  z.strictObject({ http: http.describe('JSON that is fetched.') }),
  z.strictObject({ value: z.unknown().describe('A value as it stands here.') }),
]);
export type DigestSource = z.infer<typeof digestSource>;
export const sourceWords: readonly string[] = digestSource.options.flatMap(({ shape }) => Object.keys(shape));
/** The keys of what is written under each of those words. */
export const sourceOptions: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({ messages, sessions, drafts, submissions, http }).map(([name, { shape }]) => [
    name,
    Object.keys(shape),
  ]),
);

/** Who gets it: named here, in a file beside the rules, or found by a query. */
export const digestRecipients = z.union([
  z.array(word).min(1).max(MAX_LISTED),
  z.strictObject({
    file: z
      .string()
      .regex(
        /^(?![/\\])(?!.*\.\.)[^\0]{1,200}\.(csv|ya?ml)$/i,
        'name a .csv or .yaml file below the rules folder',
      )
      .describe('A .csv or .yaml file below the rules folder, with a column `address`.'),
  }),
  z.strictObject({
    query: z
      .string()
      .min(1)
      .max(MAX_QUERY_CHARS)
      .describe('A query that reads, with a column `address`; `name` and `language` too where there are.'),
  }),
]);
export type DigestRecipients = z.infer<typeof digestRecipients>;

export const missedPolicy = z.enum(['skip', 'once', 'all']);
export type MissedPolicy = z.infer<typeof missedPolicy>;

export const digestDefinition = z.strictObject({
  name: z.string().min(1).max(MAX_NAME_CHARS).describe('Used once in all files.'),
  cron: z
    .string()
    .min(1)
    .max(MAX_CRON_CHARS)
    .describe('When: minute, hour, day of the month, month, weekday: "0 8 * * 1-5".'),
  timezone: timezone.default('UTC').describe('The time zone of `cron`: Europe/Zurich.'),
  template: templateName.describe('The template that it is made from: a folder of templates/.'),
  account: word.describe('The label of the account that sends; may be absent where there is one.').optional(),
  subject: z
    .string()
    .min(1)
    .max(MAX_SUBJECT_CHARS)
    .regex(/^[^\r\n]*$/, 'write one line')
    .describe("Instead of the template's own subject.")
    .optional(),
  language: language.describe('Of recipients whose list names none.').optional(),
  to: digestRecipients.describe('Who gets it: addresses, or `{ file }`, or `{ query }`.'),
  data: z
    .record(fieldName, digestSource)
    .refine((sources) => Object.keys(sources).length <= MAX_SOURCES, `at most ${MAX_SOURCES} sources`)
    .prefault({
      ...{ messages: { messages: {} }, sessions: { sessions: {} } },
      ...{ drafts: { drafts: {} }, submissions: { submissions: {} } },
    })
    .describe('What the template is filled with, by name; absent: what came in, was done, waits and left.'),
  approve: z.boolean().default(true).describe('Whether a person looks at each one before it leaves.'),
  missed: missedPolicy
    .default('once')
    .describe('What becomes of times that passed while Postern did not run: skip, once or all.'),
  unsubscribe: z
    .boolean()
    .describe('Whether each mail has a link to unsubscribe; by default where there are several recipients.')
    .optional(),
  report: z
    .union([word, z.array(word).min(1).max(10)])
    .describe('Who is told how it ended.')
    .optional(),
});
export type DigestDefinition = z.infer<typeof digestDefinition>;
export const digestWords: readonly string[] = Object.keys(digestDefinition.shape);
export const recipientsWords: readonly string[] = ['file', 'query'];
