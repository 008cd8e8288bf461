// The account of most end-to-end tests: a Dovecot user over TLS, and a sink for what leaves.
import type { AccountInput } from '../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot } from './dovecot.ts';
import type { SmtpSink } from './smtp-sink.ts';

/** @param dovecot where the user `sales` has the default password */
export const salesAccount = (dovecot: Dovecot, sink: SmtpSink) =>
  ({
    label: 'sales',
    address: 'sales@company.example',
    from: 'Sales <sales@company.example>',
    imap: { host: '127.0.0.1', port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
    smtp: { host: '127.0.0.1', port: sink.port, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
  }) satisfies Partial<AccountInput>;

/** The same user where nothing leaves: in the clear, and looked at each second, since a slow server is not the matter. */
export const watchedAccount = (dovecot: Dovecot) =>
  ({
    label: 'sales',
    address: 'sales@company.example',
    imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
    smtp: { host: '127.0.0.1', port: 1, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
    watch: { interval: '1s' },
  }) satisfies Partial<Record<keyof AccountInput, unknown>>;
