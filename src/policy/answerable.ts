// Mail that must not be answered by a machine (RFC 3834 §2), whatever a policy or a rule says.
import type { MailKind } from '../contracts/mail.ts';

export const UNANSWERABLE: ReadonlySet<MailKind> = new Set<MailKind>([
  ...(['own', 'bounce', 'complaint', 'receipt'] as const),
  ...(['auto-reply', 'auto-generated', 'list', 'bulk'] as const),
]);
