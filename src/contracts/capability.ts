// What the token of a session is worth: granted at the beginning of a turn by the policy of its agent. A change of the rules
// that narrows counts at once, one that widens only for the next turn.
import { z } from 'zod';
import { limits, may } from './agent-policy.ts';

/** Beside the account and the thread that its session names. */
export const capability = z.object({
  may,
  quota: limits.pick({ calls: true, drafts: true, bytes: true }),
  /** Epoch milliseconds. */
  granted_at: z.number().int(),
  expires_at: z.number().int(),
});
export type Capability = z.infer<typeof capability>;

/** Why a session is tainted, by a rule of the policy (docs/policy.md). */
export const taintCause = z.object({ rule: z.string(), text: z.string() });
export type TaintCause = z.infer<typeof taintCause>;
