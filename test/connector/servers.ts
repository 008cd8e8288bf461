// The real servers that the connector is tested against, with the same user and the same mails.
import { startCyrus } from '../support/cyrus.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import type { ImapClient } from '../support/imap-client.ts';
import { mails } from './mails.ts';

export interface Server {
  imapPort: number;
  client(user: string): Promise<ImapClient>;
  stop(): Promise<void>;
}

export const USER = 'sales';
export const SERVERS = {
  dovecot: (): Promise<Server> => startDovecot({ users: { [USER]: DEFAULT_PASSWORD } }),
  cyrus: (): Promise<Server> => startCyrus(),
} as const;

export async function deliverMails(client: ImapClient): Promise<void> {
  for (const { raw, flags, date } of mails)
    await client.command(`APPEND INBOX (${flags.join(' ')}) "${date}" `, Buffer.from(raw));
}

/** An account that is not watched, with small limits. */
export const accountOf = (label: string, imapPort: number) => ({
  label,
  address: 'sales@company.example',
  imap: { host: '127.0.0.1', port: imapPort, security: 'none' },
  smtp: { host: '127.0.0.1', port: 1, security: 'none' },
  require_tls: false,
  timeout_ms: 10_000,
  default_page_limit: 3,
  max_message_bytes: 1_000_000,
  auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
  watch: { mode: 'off' },
});
