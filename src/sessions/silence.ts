// Which mail starts no session, so that machines do not talk to each other for ever (RFC 3834 §2).
import type { MailKind } from '../contracts/mail.ts';
import { asksForKind } from '../rules/asked-kinds.ts';
import type { RuleSet } from '../rules/match.ts';

const SILENT_KINDS: ReadonlySet<MailKind> = new Set<MailKind>([
  ...(['own', 'bounce', 'complaint', 'receipt', 'auto-reply', 'invitation', 'list'] as const),
]);

/** Why a mail that a rule matches starts no session; null where it may. Our own mail never does. */
export function silenceOf(
  rules: RuleSet,
  rule: string,
  { kind, kindReason }: { kind: MailKind; kindReason: string },
): string | null {
  if (!SILENT_KINDS.has(kind)) return null;
  if (kind === 'own') return `no session: ${kindReason}`;
  if (asksForKind(rules, rule, kind)) return null;
  return `no session: ${kindReason}; a rule that says \`kind: ${kind}\` would start one`;
}
