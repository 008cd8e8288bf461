// Which mail of ours a report is about. Anybody can write a report: it counts only where it holds what nobody can guess,
// the token of the mail's return path, its envelope id, or its Message-ID of 128 random bits, and where the recipient that
// it names is one of that mail's.
import type { MailHeaders } from '../contracts/mail.ts';
import { headerValues } from '../mail/headers.ts';
import type { Store } from '../store/store.ts';
import type { Report, ReportedRecipient } from './report.ts';
import { addressesIn } from './returned.ts';
import { suppressionForm } from './suppressed.ts';
import type { TokenKeys } from './token-keys.ts';
import { tokenIn } from './tokens.ts';

const MOST_CANDIDATES = 20; // Message-IDs of a long conversation; the mail's own comes first

export interface MatchedMail {
  submissionId: string;
  accountId: string;
  sessionId: string | null;
  by: 'return-path' | 'envelope-id' | 'message-id';
}

export interface MatchedRecipient {
  reported: ReportedRecipient;
  /** Null: it is not proved to be about one of the mail's recipients. */
  position: number | null;
  /** As the submission has it, else as the report names it. */
  address: string;
}

export interface MatchedReport {
  mail: MatchedMail | null;
  recipients: MatchedRecipient[];
}

export interface MatchParts {
  store: Store;
  keys: Pick<TokenKeys, 'find'>;
}

/** @param headers of the report itself: to which address it came */
export async function matchReport(
  parts: MatchParts,
  report: Report,
  headers: MailHeaders,
): Promise<MatchedReport> {
  for await (const mail of candidates(parts, report, headers)) {
    const recipients = await recipientsOf(parts.store, mail.submissionId, report.recipients);
    if (recipients.some(({ position }) => position !== null)) return { mail, recipients };
  }
  return { mail: null, recipients: report.recipients.map((reported) => unmatched(reported)) };
}

async function* candidates(
  parts: MatchParts,
  report: Report,
  headers: MailHeaders,
): AsyncGenerator<MatchedMail> {
  for (const address of deliveredTo(headers)) {
    const mail = await byReturnPath(parts, address);
    if (mail) yield mail;
  }
  const { envelopeId } = report;
  if (envelopeId !== null) {
    const [row] = await rowsWhere(parts.store, 'id', envelopeId);
    if (row) yield { ...row, by: 'envelope-id' };
  }
  for (const id of report.messageIds.slice(0, MOST_CANDIDATES)) {
    for (const row of await rowsWhere(parts.store, 'message_id', id)) yield { ...row, by: 'message-id' };
  }
}

/** The addresses that a mail was delivered to, as servers note them, and those it names. */
function deliveredTo(headers: MailHeaders): string[] {
  const names = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'to'];
  const found = names
    .flatMap((name) => headerValues(headers, name).slice(0, 5))
    .flatMap((value) => addressesIn(value));
  return [...new Set(found)].slice(0, MOST_CANDIDATES);
}

async function byReturnPath({ store, keys }: MatchParts, address: string): Promise<MatchedMail | null> {
  const token = tokenIn(address);
  if (!token) return null;
  const start = token.messageIdStart;
  const rows = await store.db
    .selectFrom('submissions')
    .select(['id', 'account_id', 'session_id'])
    .where('message_id', '>=', start)
    .where('message_id', '<', `${start.slice(0, -1)}A`) // the character behind the @
    .limit(MOST_CANDIDATES)
    .execute();
  for (const row of rows) {
    const key = await keys.find(row.account_id);
    if (key && token.isGenuine(key)) return { ...mailOf(row), by: 'return-path' };
  }
  return null;
}

const rowsWhere = async ({ db }: Store, column: 'id' | 'message_id', value: string) => {
  const rows = await db
    .selectFrom('submissions')
    .select(['id', 'account_id', 'session_id'])
    .where(column, '=', value)
    .limit(2)
    .execute();
  return rows.map(mailOf);
};

const mailOf = (row: { id: string; account_id: string; session_id: string | null }) => ({
  submissionId: row.id,
  accountId: row.account_id,
  sessionId: row.session_id,
});

async function recipientsOf(
  { db }: Store,
  submissionId: string,
  reported: readonly ReportedRecipient[],
): Promise<MatchedRecipient[]> {
  const rows = await db
    .selectFrom('submission_recipients')
    .select(['position', 'address'])
    .where('submission_id', '=', submissionId)
    .execute();
  const known = new Map(rows.map((row) => [suppressionForm(row.address), row]));
  const only = rows.length === 1 ? rows[0] : undefined;
  return reported.map((one) => {
    const named = [one.address, one.original].flatMap((address) =>
      address === null || isRedacted(address) ? [] : suppressionForm(address),
    );
    const found =
      named.length === 0 ? only : named.map((form) => known.get(form)).find((row) => row !== undefined);
    return found ? { reported: one, position: found.position, address: found.address } : unmatched(one);
  });
}

/** Providers hide who complained. */
const isRedacted = (address: string): boolean => /redacted/i.test(address);

const unmatched = (reported: ReportedRecipient): MatchedRecipient => ({
  reported,
  position: null,
  address: reported.address ?? '',
});
