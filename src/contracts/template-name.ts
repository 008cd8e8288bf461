// How templates are named: apart, because policies name them as well.
import { z } from 'zod';

/** The name of a template is that of its folder. */
export const templateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'name a template by lower-case letters, digits and hyphens');
