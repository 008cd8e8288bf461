// Secrets of requests, named by reference in rules and read when they are needed: those that sign them, and headers whose
// values are secrets.
import { PosternError } from '../kernel/errors.ts';

/** Those that sign, in their order; null where nothing is signed. @throws PosternError `secret_missing` */
export function signingSecrets(
  references: string | readonly string[] | undefined,
  resolveSecret: (reference: string) => string,
): string[] | null {
  return references === undefined ? null : [references].flat().map((reference) => resolveSecret(reference));
}

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
