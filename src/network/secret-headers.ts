// Request headers whose values are secrets, named by reference in rules and read when they are needed.
import { PosternError } from '../kernel/errors.ts';

/** @throws PosternError `secret_missing`, `header_invalid`, neither of which shows the value */
export function secretHeaders(
  references: Readonly<Record<string, string>> | undefined,
  resolveSecret: (reference: string) => string,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, reference] of Object.entries(references ?? {})) {
    const value = resolveSecret(reference);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new PosternError(
        'header_invalid',
        `The value of the header ${name} (${reference}) cannot be in a header.`,
      );
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
