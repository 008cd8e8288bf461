// Templates of mails as files of the operator: how they are named, what one says of itself, and how a rule answers by one.
import { z } from 'zod';
import { rate } from './agent-policy.ts';
import { word } from './rule-condition.ts';

/** The name of a template is that of its folder. */
export const templateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'name a template by lower-case letters, digits and hyphens');

/** `template.yaml`, beside the texts of a template. */
export const templateAbout = z.strictObject({
  description: z.string().max(1000).describe('What the template is for.').optional(),
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
