// Whether a mail may be about one that was sent: a report that came back, or somebody who leaves a list by mail. Only a
// hint by which it is read at all; what it says is found out then.
import type { MailKind, MailMetadata } from '../contracts/mail.ts';

const REPORTS: ReadonlySet<MailKind> = new Set<MailKind>(['bounce', 'complaint', 'receipt']);
const SERVER = /^(?:mailer-daemon|post-?master)@/i;
const LEAVES = /^(?:re: )?unsubscribe [\w-]{8,}\.[\w-]{14}$/i;

export function mayBeReport(
  kind: MailKind,
  { from, subject }: Pick<MailMetadata, 'from' | 'subject'>,
): boolean {
  if (REPORTS.has(kind)) return true;
  if (kind === 'own' || kind === 'list') return false;
  return SERVER.test(from?.address ?? '') || LEAVES.test(subject);
}
