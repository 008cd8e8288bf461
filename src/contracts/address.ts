// A plain address, as accounts name it.
import { z } from 'zod';

export const emailAddress = z
  .string()
  .trim()
  .min(3)
  .max(320)
  .regex(/^[^\s<>@,;:"()[\]\\]+@[^\s<>@,;:"()[\]\\]+$/, 'write a plain address such as sales@example.org');
