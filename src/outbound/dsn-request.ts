// Asks the servers on the way to report what becomes of a mail (RFC 3461), under an id by which the report is matched again.
import type { DeliveryReports } from '../contracts/sending.ts';

const MAX_RECIPIENT_CHARS = 300; // RFC 3461 §4.2 allows 500 of xtext; whoever is longer is known by the id alone

/** What is asked for, where the server offers it. */
export interface ReportWish {
  /** The submission's id: it comes back as Original-Envelope-Id. */
  id: string;
  reports: Exclude<DeliveryReports, 'off'>;
}

/** As nodemailer takes it. */
interface DsnBooks {
  to: readonly string[];
  /** nodemailer's own: those whose RCPT TO is still to be said. */
  rcptQueue?: readonly string[];
}

/**
 * Adds the wish to the books that nodemailer keeps of an envelope. It knows one original recipient for all of them, so it
 * is told who is meant at each RCPT TO.
 */
export function askForReports(books: DsnBooks, { id, reports }: ReportWish): void {
  const dsn = {
    ret: 'HDRS',
    envid: id,
    notify: reports === 'failure' ? 'FAILURE' : 'FAILURE,DELAY',
    get orcpt(): string | null {
      const address = books.to[books.to.length - (books.rcptQueue?.length ?? 0) - 1] ?? '';
      const fits = address.length <= MAX_RECIPIENT_CHARS && /^[\x21-\x7e]+$/.test(address);
      return fits ? `rfc822;${address}` : null;
    },
  };
  // It writes its own reading of the wish back, which would have the first recipient for all.
  Object.defineProperty(books, 'dsn', { get: () => dsn, set: () => undefined });
}
