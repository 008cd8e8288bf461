// Templates of mails as files of the operator: how they are named, what one says of itself, how a rule answers by one, and
// what is told of them.
import { z } from 'zod';
import { rate } from './agent-policy.ts';
import { word } from './rule-condition.ts';
import { templateName } from './template-name.ts';

export { templateName };

/** BCP 47, as far as the names of languages need it: `de`, `de-CH`, `zh-Hans`. */
export const languageTag = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'write a language such as de or de-CH');

export const timezone = z.string().min(1).max(64);

/** `template.yaml`, beside the texts of a template. */
export const templateAbout = z.strictObject({
  description: z.string().max(1000).describe('What the template is for.').optional(),
  layout: templateName.describe('The layout that its bodies stand in: a file of _layouts/.').optional(),
  language: languageTag.describe('The language of the files that name none; en where absent.').optional(),
  timezone: timezone.describe('Of the dates, where nothing else is said; UTC where absent.').optional(),
  data: z
    .record(z.string(), z.unknown())
    .describe('A JSON Schema of the data that it needs: it is checked before the template is filled.')
    .optional(),
});
export type TemplateAbout = z.infer<typeof templateAbout>;

/** An answer that is made from a template. */
export const automaticReply = z.strictObject({
  template: templateName.describe('The template that the answer is made from: a folder of templates/.'),
  send: z
    .enum(['approve', 'auto'])
    .default('approve')
    .describe('Whether it waits for a person, or leaves by itself where the sender is sure.'),
  per_sender: rate.default('1/1d').describe('How many answers of this rule one sender gets in a time: 1/1d.'),
  limit: rate.default('20/1h').describe('How many answers this rule writes in a time, such as 20/1h.'),
  addresses: z
    .array(word)
    .min(1)
    .max(50)
    .describe('Further addresses of the mailbox: mail to none of its addresses waits for a person.')
    .optional(),
});
export type AutomaticReply = z.infer<typeof automaticReply>;

/** What a template is filled with. */
export const templateData = z.record(z.string(), z.unknown());

export const templateView = z.object({
  name: templateName,
  description: z.string().nullable(),
  /** That of the files that name none, and then those of the others. */
  languages: z.array(z.string()),
  layout: z.string().nullable(),
  /** The JSON Schema of its data; null where it takes any. */
  data: z.record(z.string(), z.unknown()).nullable(),
  has_sample: z.boolean(),
  /** What is wrong with its files as they are now; the last good ones are in force where there are such. */
  problem: z.string().nullable(),
});
export type TemplateView = z.infer<typeof templateView>;

/** What mail programs make of it that its author may not want. */
export const templateWarning = z.object({
  code: z.string(),
  message: z.string(),
});
export type TemplateWarning = z.infer<typeof templateWarning>;

/** The files of a template that is not saved, by their names: `subject.hbs`, `html.de.hbs`, `template.yaml`. */
export const templateSource = z
  .record(
    z
      .string()
      .regex(
        /^((subject|text|html)(\.[A-Za-z0-9-]{2,35})?\.hbs|template\.yaml)$/,
        'is no file of a template',
      ),
    z.string().max(256 * 1024),
  )
  .refine((files) => Object.keys(files).length <= 100, 'are more than 100 files');

export const templatePreviewInput = z.strictObject({
  name: templateName,
  /** Absent: that of sample.yaml. */
  data: templateData.optional(),
  language: languageTag.optional(),
  timezone: timezone.optional(),
  /** A template that is not saved, in place of the files; pictures, partials and layouts are those of the folder. */
  source: templateSource.optional(),
});
export type TemplatePreviewInput = z.infer<typeof templatePreviewInput>;

export const templatePreview = z.object({
  name: templateName,
  language: z.string(),
  subject: z.string().nullable(),
  text: z.string(),
  html: z.string().nullable(),
  inline: z.array(
    z.object({ cid: z.string(), filename: z.string(), content_type: z.string(), content_base64: z.string() }),
  ),
  warnings: z.array(templateWarning),
});
export type TemplatePreview = z.infer<typeof templatePreview>;

export const templateCheck = z.object({
  ok: z.boolean(),
  data: z.array(
    z.object({
      name: templateName,
      problem: z.string().nullable(),
      warnings: z.array(templateWarning.extend({ language: z.string() })),
    }),
  ),
});
export type TemplateCheck = z.infer<typeof templateCheck>;
