// Lists come in pages, and errors as problem details (RFC 9457).
import { z } from 'zod';

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  page_token: z.string().max(500).optional(),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), next_page_token: z.string().nullable() });

export interface Page<T> {
  data: T[];
  next_page_token: string | null;
}

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;

export const deadLetterView = z.object({
  id: z.string(),
  kind: z.string(),
  lane: z.string().nullable(),
  attempts: z.number().int(),
  error: z.string().nullable(),
  payload: z.record(z.string(), z.unknown()),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type DeadLetterView = z.infer<typeof deadLetterView>;
