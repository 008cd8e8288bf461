// What a test of an account's servers found, step by step, for people and for programs.
import { z } from 'zod';

/**
 * In the order in which they happen; with STARTTLS the greeting comes before `tls`. Each has its own `details`:
 * - `settings`: none. It fails where the account requires TLS and the endpoint says none: nothing is connected then.
 * - `dns`: `addresses`.
 * - `connect`: `address`, `port`.
 * - `tls`: `version`, `cipher`, `certificate` (`subject`, `names`, `issuer`, `valid_from`, `valid_to`, `days_left`).
 * - `greeting`: `text`.
 * - `sign_in`: `username`.
 * - `capabilities`: `capabilities` as announced, `features` with what Postern does without each, for SMTP also `auth`
 *   and `size`.
 * - `mailboxes` (IMAP): `count`, `special` by use (`sent`: a path or null), `missing` of those that are watched.
 */
export const checkStep = z.object({
  step: z.enum(['settings', 'dns', 'connect', 'tls', 'greeting', 'sign_in', 'capabilities', 'mailboxes']),
  ok: z.boolean(),
  /** A sentence that a person understands. */
  message: z.string(),
  /** What to do, or what to look out for, also where the step is ok. */
  hint: z.string().nullable(),
  /** How long it took. */
  ms: z.number().int(),
  details: z.record(z.string(), z.unknown()),
});
export type CheckStep = z.infer<typeof checkStep>;
export type StepName = CheckStep['step'];

/** An extension that Postern can use. */
export const checkFeature = z.object({
  name: z.string(),
  offered: z.boolean(),
  /** What Postern does where it is missing; null where it is offered. */
  instead: z.string().nullable(),
});
export type CheckFeature = z.infer<typeof checkFeature>;

export const signInCheck = z.object({
  ok: z.boolean(),
  /** `ok`, or the stable code of what is wrong, such as `wrong_password` or `certificate_invalid`. */
  code: z.string(),
  /** A sentence that a person understands. */
  message: z.string(),
  hint: z.string().nullable(),
  capabilities: z.array(z.string()),
  /** Up to the one that failed. */
  steps: z.array(checkStep),
});
export type SignInCheck = z.infer<typeof signInCheck>;

export const accountCheck = z.object({ ok: z.boolean(), imap: signInCheck, smtp: signInCheck });
export type AccountCheck = z.infer<typeof accountCheck>;
