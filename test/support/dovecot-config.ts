// The configuration of a test's own Dovecot 2.3, for root and for a normal user.
import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';

export interface DovecotOptions {
  /** User names to passwords, to start with; more by `addUser`. */
  users?: Record<string, string>;
  /** Without TLS at all: no STARTTLS is offered, and there is no IMAPS port. */
  noStartTls?: boolean;
  /** IDLE is not announced. */
  noIdle?: boolean;
  /** Neither MOVE nor UIDPLUS, CONDSTORE, … are announced: only what every server has. */
  bareCapabilities?: boolean;
  /** Which certificate it shows; `good` by default. */
  certificate?: 'good' | 'wrong-name' | 'expired';
  /** How mail is stored; `sdbox` by default. */
  format?: 'sdbox' | 'maildir';
  /** Starts a submission service that relays to this server, without TLS on the way there. */
  relayTo?: { host: string; port: number };
  /** Access tokens are taken too (XOAUTH2, OAUTHBEARER): this server is asked about them (RFC 7662). */
  oauth?: { introspectionUrl: string; mechanisms?: readonly ('xoauth2' | 'oauthbearer')[] };
  /** Further settings, as lines of dovecot.conf. */
  extra?: string;
}

export interface DovecotPorts {
  imap: number;
  imaps: number;
  submission: number;
}

const ALL_CAPABILITIES =
  'IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE LITERAL+ SORT THREAD=REFERENCES MULTIAPPEND UNSELECT CHILDREN ' +
  'NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH ' +
  'LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY STATUS=SIZE SAVEDATE SPECIAL-USE';

/** As root, mail belongs to a user without rights, since Dovecot refuses to handle mail as root. */
export const mailUser = process.getuid?.() === 0 ? 'mail' : userInfo().username;

export function dovecotConfig(
  folder: string,
  ports: DovecotPorts,
  certificate: Certificate,
  options: DovecotOptions,
): string {
  const root = process.getuid?.() === 0;
  const protocols = options.relayTo ? 'imap submission' : 'imap';
  const location = options.format === 'maildir' ? 'maildir:~/Maildir' : 'sdbox:~/mail';
  const capability = options.bareCapabilities
    ? 'IMAP4rev1 LITERAL+ IDLE'
    : options.noIdle
      ? ALL_CAPABILITIES
      : undefined;
  const announced = options.noIdle ? capability?.replace(' IDLE', '') : capability;
  return `
base_dir = ${join(folder, 'run')}
state_dir = ${join(folder, 'run')}
instance_name = postern-test
log_path = /dev/stderr
protocols = ${protocols}
listen = 127.0.0.1
${root ? '' : asNormalUser()}
first_valid_uid = 1
first_valid_gid = 1
mail_location = ${location}
mail_fsync = never
mail_max_userip_connections = 4000
# Linux watches 128 folders at once for a user: an IDLE beyond that, of all Dovecots together, only looks at intervals.
mailbox_idle_check_interval = 5 secs
auth_mechanisms = plain login ${oauthMechanisms(options)}
auth_failure_delay = 0
disable_plaintext_auth = no
${
  options.noStartTls
    ? 'ssl = no'
    : `ssl = yes\nssl_cert = <${certificate.certFile}\nssl_key = <${certificate.keyFile}`
}
passdb {
  driver = passwd-file
  ${options.oauth ? 'mechanisms = plain login' : ''}
  args = scheme=PLAIN username_format=%u ${join(folder, 'users')}/%u
}
${options.oauth ? oauthPassdb(folder) : ''}
userdb {
  driver = static
  args = uid=${mailUser} gid=${root ? mailUser : mailGroup()} home=${join(folder, 'mail')}/%u
}
namespace inbox {
  inbox = yes
  separator = /
${['Drafts', 'Sent', 'Trash', 'Junk', 'Archive'].map(specialUse).join('\n')}
}
protocol imap {
  ${announced ? `imap_capability = ${announced}` : ''}
}
# Every test process has many connections of its own, and a wrong password must not slow the next sign-in.
default_client_limit = 8000
default_process_limit = 4000
service anvil {
  client_limit = 17000
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 25000
}
service imap {
  process_limit = 4000
  process_min_avail = 1
}
service imap-login {
  service_count = 0
  process_min_avail = 1
  process_limit = 4
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${options.noStartTls ? 0 : ports.imaps}
    ssl = yes
  }
}
${options.relayTo ? submission(ports.submission, options.relayTo) : ''}
${options.extra ?? ''}
`;
}

function oauthMechanisms({ oauth }: DovecotOptions): string {
  return oauth ? (oauth.mechanisms ?? ['oauthbearer', 'xoauth2']).join(' ') : '';
}

const oauthPassdb = (folder: string): string =>
  `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${join(folder, 'oauth2.conf')}\n}`;

/** How Dovecot asks whether a token is good, and whose it is; a file of its own. */
export function oauthConfig(introspectionUrl: string): string {
  return [
    'introspection_mode = post',
    `introspection_url = ${introspectionUrl}`,
    'username_attribute = sub',
    'active_attribute = active',
    'active_value = true',
    '',
  ].join('\n');
}

function specialUse(name: string): string {
  return `  mailbox ${name} {\n    auto = subscribe\n    special_use = \\${name}\n  }`;
}

/** Dovecot takes the group of a normal user by its name only. */
function mailGroup(): string {
  return execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
}

/** A normal user cannot change the user or the root folder of a process. */
function asNormalUser(): string {
  const user = userInfo().username;
  const unchrooted = ['anvil', 'imap-login', 'submission-login', 'stats', 'auth'];
  return [
    `default_internal_user = ${user}`,
    `default_internal_group = ${mailGroup()}`,
    `default_login_user = ${user}`,
    ...unchrooted.map((name) => `service ${name} {\n  chroot =\n}`),
  ].join('\n');
}

function submission(port: number, relay: { host: string; port: number }): string {
  return `
submission_relay_host = ${relay.host}
submission_relay_port = ${relay.port}
submission_relay_ssl = no
service submission-login {
  service_count = 0
  inet_listener submission {
    port = ${port}
  }
}`;
}
