// What zod says about an input, as an error that a person can act on.
import type { z } from 'zod';
import { PosternError } from '../kernel/errors.ts';

const ISSUES_SHOWN = 50; // enough to mend a form at once; a list of 10,000 wrong items says nothing more

export interface InputIssue {
  /** Dotted, such as `imap.port`; empty for the whole. */
  path: string;
  message: string;
}

/** `invalid_input`, with each issue at its place. Values are never repeated: they may be secrets. */
export function invalidInput(error: z.ZodError): PosternError {
  const errors = error.issues.slice(0, ISSUES_SHOWN).map(issueOf);
  const shown = errors.slice(0, 3).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const more = error.issues.length > 3 ? ` (and ${error.issues.length - 3} more)` : '';
  return new PosternError('invalid_input', `The input is not right: ${shown.join('; ')}${more}.`, {
    details: { errors },
  });
}

function issueOf(issue: z.core.$ZodIssue): InputIssue {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return { path, message: issue.message };
  const names = issue.keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 100)));
  return { path, message: `there is no field ${names.join(', ')} here` };
}
