// Facts of providers, the first half: gathered from their help pages and from the field in November 2026. Numbers are
// those of an ordinary account; providers change them. The other half is in provider-data-east.ts.
import type { ProviderId, ProviderPreset } from '../contracts/provider.ts';
import { knownOAuth } from './provider-oauth.ts';

export const NO_LIMITS: ProviderPreset['limits'] = {
  messages_per_day: null,
  recipients_per_day: null,
  recipients_per_message: null,
  messages_per_minute: null,
  message_bytes: null,
  imap_connections: null,
  smtp_connections: null,
};

export const TLS_PORTS = {
  imap: { port: 993, security: 'tls' },
  smtp: { port: 465, security: 'tls' },
} as const;
const STARTTLS_SUBMISSION = { port: 587, security: 'starttls' } as const;
const MB = 1024 * 1024;

export const WESTERN = {
  gmail: {
    name: 'Gmail and Google Workspace',
    hosts: [
      {
        imap: 'imap.gmail.com',
        smtp: 'smtp.gmail.com',
        domains: ['gmail.com', 'googlemail.com'],
        mx: ['google.com', 'googlemail.com'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'server',
    idle_reissue_ms: 9 * 60_000, // connections that say nothing have been seen to end after ten minutes
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://myaccount.google.com/apppasswords' },
    oauth2: knownOAuth('gmail', true),
    limits: {
      ...NO_LIMITS,
      recipients_per_day: 500,
      recipients_per_message: 100,
      message_bytes: 25 * MB,
      imap_connections: 15,
    },
    setup: [
      'With OAuth2: make a client of type "web application" in the Google Cloud console, with the scope https://mail.google.com/.',
      'With a password: switch 2-step verification on, then make an app password. A Workspace may have switched app passwords off.',
    ],
    notes: [
      'Google Workspace accounts may send to 2,000 recipients a day.',
      'A label is a mailbox: a mail with two labels is in two mailboxes and in [Gmail]/All Mail.',
      'About 2.5 GB may be read a day over IMAP; after that the account is locked for up to a day.',
    ],
  },
  microsoft365: {
    name: 'Microsoft 365 (Exchange Online)',
    hosts: [
      {
        imap: 'outlook.office365.com',
        smtp: 'smtp.office365.com',
        domains: ['.onmicrosoft.com'],
        mx: ['mail.protection.outlook.com', 'mx.microsoft'],
      },
    ],
    imap: TLS_PORTS.imap,
    smtp: STARTTLS_SUBMISSION,
    username: 'address',
    sent_copy: 'server',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'none', page: null },
    oauth2: knownOAuth('microsoft', true),
    limits: {
      ...NO_LIMITS,
      recipients_per_day: 10_000,
      recipients_per_message: 500,
      messages_per_minute: 30,
      message_bytes: 35 * MB,
      smtp_connections: 3,
    },
    setup: [
      'Register an application in Microsoft Entra with the delegated permissions IMAP.AccessAsUser.All, SMTP.Send and offline_access.',
      'For access without a person (client credentials): give it the application permissions IMAP.AccessAsApp and SMTP.SendAsApp, and register its service principal in Exchange Online.',
      'Switch "Authenticated SMTP" on for the mailbox: many tenants have it off.',
    ],
    notes: ['IMAP takes no passwords, and SMTP is losing them: use OAuth2.'],
  },
  outlook: {
    name: 'Outlook.com, Hotmail and Live',
    hosts: [
      {
        imap: 'outlook.office365.com',
        smtp: 'smtp-mail.outlook.com',
        domains: [
          'outlook.com',
          'hotmail.com',
          'live.com',
          'msn.com',
          'outlook.de',
          'outlook.fr',
          'hotmail.de',
          'hotmail.fr',
          'hotmail.co.uk',
          'live.de',
          'live.fr',
          'live.co.uk',
        ],
        mx: ['olc.protection.outlook.com'],
      },
    ],
    imap: TLS_PORTS.imap,
    smtp: STARTTLS_SUBMISSION,
    username: 'address',
    sent_copy: 'server',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'none', page: null },
    oauth2: knownOAuth('microsoft', true),
    limits: { ...NO_LIMITS, recipients_per_message: 100, message_bytes: 25 * MB },
    setup: [
      'Register an application in Microsoft Entra that allows personal Microsoft accounts, with IMAP.AccessAsUser.All, SMTP.Send and offline_access.',
      'In Outlook.com, Settings, Mail, Forwarding and IMAP: let devices and apps use IMAP.',
    ],
    notes: [
      'Passwords and app passwords are not taken any more.',
      'A new account may send to few people a day.',
    ],
  },
  exchange: {
    name: 'Exchange on your own premises',
    hosts: [],
    imap: TLS_PORTS.imap,
    smtp: STARTTLS_SUBMISSION,
    username: 'ask',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'account', page: null },
    oauth2: null,
    limits: { ...NO_LIMITS, imap_connections: 16 },
    setup: [
      'Start the services "Microsoft Exchange IMAP4" and "Microsoft Exchange IMAP4 Backend", and set them to start by themselves: they are off after the installation.',
      'Enable IMAP for the mailbox (Set-CASMailbox -ImapEnabled $true).',
      'Give the certificate to the services IMAP and SMTP (Enable-ExchangeCertificate), or give its authority as "ca".',
    ],
    notes: [
      'The user name is user@company.example or DOMAIN\\user, as the company says.',
      'Sending goes over the receive connector "Client Frontend" on port 587.',
      'The server keeps no copy of what is sent over SMTP: Postern files it.',
    ],
  },
  'postfix-dovecot': {
    name: 'Postfix with Dovecot',
    hosts: [],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'account', page: null },
    oauth2: null,
    limits: {
      ...NO_LIMITS,
      recipients_per_message: 1_000,
      message_bytes: 10_240_000,
      imap_connections: 10,
    },
    setup: [
      'Enable "submissions" (465) or "submission" (587) with sign-in in master.cf: port 25 is between servers.',
    ],
    notes: [
      'The limits are the defaults: smtpd_recipient_limit, message_size_limit, mail_max_userip_connections.',
      'Sign-in by OAuth2 is possible where Dovecot has an oauth2 passdb: name the URLs in "auth".',
    ],
  },
  yahoo: {
    name: 'Yahoo Mail',
    hosts: [
      {
        imap: 'imap.mail.yahoo.com',
        smtp: 'smtp.mail.yahoo.com',
        domains: [
          'yahoo.com',
          'ymail.com',
          'rocketmail.com',
          'yahoo.co.uk',
          'yahoo.de',
          'yahoo.fr',
          'yahoo.it',
        ],
        mx: ['yahoodns.net'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: 150_000, // it ends an IDLE after three minutes
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://login.yahoo.com/account/security' },
    oauth2: knownOAuth('yahoo', false),
    limits: {
      ...NO_LIMITS,
      messages_per_day: 500,
      recipients_per_message: 100,
      message_bytes: 25 * MB,
      imap_connections: 5,
    },
    setup: ['Make an app password under Account security.'],
    notes: [
      'OAuth2 for mail needs a client that Yahoo has approved.',
      'At most 20 mails go over one SMTP connection.',
    ],
  },
  icloud: {
    name: 'iCloud Mail',
    hosts: [
      {
        imap: 'imap.mail.me.com',
        smtp: 'smtp.mail.me.com',
        domains: ['icloud.com', 'me.com', 'mac.com'],
        mx: ['mail.icloud.com'],
      },
    ],
    imap: TLS_PORTS.imap,
    smtp: STARTTLS_SUBMISSION,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://account.apple.com/account/manage' },
    oauth2: null,
    limits: {
      ...NO_LIMITS,
      messages_per_day: 1_000,
      recipients_per_day: 1_000,
      recipients_per_message: 500,
      message_bytes: 20 * MB,
    },
    setup: ['With two-factor authentication on, make an app-specific password under Sign-In and Security.'],
    notes: ['Where IMAP refuses the whole address, its part before the @ is the user name.'],
  },
  fastmail: {
    name: 'Fastmail',
    hosts: [
      {
        imap: 'imap.fastmail.com',
        smtp: 'smtp.fastmail.com',
        domains: ['fastmail.com', 'fastmail.fm'],
        mx: ['messagingengine.com'],
      },
    ],
    ...TLS_PORTS,
    username: 'address',
    sent_copy: 'append',
    idle_reissue_ms: null,
    id_command: 'when_offered',
    password: { kind: 'app_password', page: 'https://app.fastmail.com/settings/security' },
    oauth2: null,
    limits: { ...NO_LIMITS, message_bytes: 70 * MB },
    setup: ['Make an app password with access to IMAP and SMTP under Settings, Privacy & Security.'],
    notes: ['Basic plans have no access by IMAP.', 'The numbers of sent mails depend on the plan.'],
  },
} as const satisfies Partial<Record<ProviderId, ProviderPreset>>;
