// What both IMAP baselines share: the task, a bare connection, and the fields that Postern fetches.
import { ImapFlow } from 'imapflow';

export interface FetchTask {
  port: number;
  user: string;
  password: string;
  /** PEM of the authority to trust; the connection is then by TLS from the first byte. */
  ca?: string;
}

/** The same as src/imap/fetch.ts asks for: the rules decide on the header block, so ENVELOPE is not among them. */
export const FIELDS = {
  uid: true,
  flags: true,
  internalDate: true,
  size: true,
  bodyStructure: true,
  headers: true,
} as const;
export const FIELDS_IN_WORDS = 'uid, flags, internalDate, size, bodyStructure, headers';

export const bareClient = ({ port, user, password, ca }: FetchTask): ImapFlow =>
  new ImapFlow({
    host: '127.0.0.1',
    port,
    ...(ca === undefined ? { secure: false, doSTARTTLS: false } : { secure: true, tls: { ca } }),
    auth: { user, pass: password },
    logger: false,
  });
