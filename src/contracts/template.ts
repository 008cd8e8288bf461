// Templates of mails as files of the operator: how they are named, and what a template says of itself.
import { z } from 'zod';

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
