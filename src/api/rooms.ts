// What the operations need of the rooms before them. app.ts passes the real parts; nothing here holds state.
import type { AccountTransfer } from '../accounts/account-transfer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Discover } from '../accounts/autoconfig.ts';
import type { KeyRotation } from '../accounts/key-rotation.ts';
import type { OAuthSignIn } from '../accounts/oauth-sign-in.ts';
import type { StoredQueries } from '../accounts/stored-queries.ts';
import type { Bounces } from '../bounces/bounces.ts';
import type { Suppressions } from '../bounces/suppressions.ts';
import type { UnsubscribeLinks } from '../bounces/unsubscribe.ts';
import type { Bus } from '../cluster/bus.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { HoldStream } from '../delivery/held-stream.ts';
import type { MailEvents } from '../delivery/mail-events.ts';
import type { Broadcasts } from '../digests/broadcasts.ts';
import type { Digests } from '../digests/digests.ts';
import type { DomainChecks } from '../domains/domain-checks.ts';
import type { Domains } from '../domains/domains.ts';
import type { SessionCalls } from '../drafts/calls.ts';
import type { Drafts } from '../drafts/drafts.ts';
import type { OperatorAnswers } from '../drafts/operator-answers.ts';
import type { ImapPool } from '../imap/pool.ts';
import type { CheckImap } from '../imap/validate.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ReadAttachment } from '../knowledge/attachment-text.ts';
import type { Knowledge } from '../knowledge/knowledge.ts';
import type { parseMail } from '../mail/parse.ts';
import type { Artifacts } from '../objects/artifacts.ts';
import type { Links } from '../objects/links.ts';
import type { PartUploads } from '../objects/part-uploads.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { LeftMail } from '../outbound/left-mail.ts';
import type { Submissions } from '../outbound/submissions.ts';
import type { TemplateShelf } from '../outbound/template-preview.ts';
import type { checkSmtp } from '../outbound/validate.ts';
import type { MadeRules } from '../rules/made-rules.ts';
import type { RulesSource } from '../rules/source.ts';
import type { Agents } from '../sessions/agents.ts';
import type { Endpoints } from '../sessions/endpoints.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { SqlSandbox } from '../store/sql-sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Messages } from '../watch/messages.ts';
import type { Proofs } from '../watch/proofs.ts';
import type { Sources } from '../watch/sources.ts';
import type { Threads } from '../watch/threads.ts';
import type { Watchers } from '../watch/watchers.ts';
import type { Audit } from './audit.ts';

export type { SessionPrincipal } from '../sessions/tokens.ts';

export interface Rooms {
  accounts: Pick<Accounts, 'add' | 'get' | 'find' | 'list' | 'patch' | 'remove' | 'credentials' | 'signIn'>;
  signIn: Pick<OAuthSignIn, 'start' | 'complete' | 'startDevice'>;
  transfer: Pick<AccountTransfer, 'export' | 'import'>;
  keyRotation: Pick<KeyRotation, 'rotate' | 'status'>;
  imap: Pick<ImapPool, 'use'>;
  queries: Pick<StoredQueries, 'list' | 'get' | 'save' | 'remove'>;
  audit: Pick<Audit, 'record' | 'list'>;
  watchers: Pick<Watchers, 'status' | 'sweep'>;
  mailEvents: Pick<MailEvents, 'writer'>;
  sources: Pick<Sources, 'open' | 'list' | 'get' | 'stream' | 'next' | 'acknowledge' | 'seek' | 'remove'>;
  messages: Pick<Messages, 'list' | 'search' | 'get' | 'detail' | 'attachment'>;
  threads: Pick<Threads, 'list'>;
  readAttachment: ReadAttachment;
  holdStream: HoldStream;
  proofs: Pick<Proofs, 'prove'>;
  agents: Pick<Agents, 'list' | 'pause' | 'resume'>;
  sessions: Pick<
    Sessions,
    'list' | 'get' | 'turns' | 'record' | 'cancel' | 'retry' | 'answer' | 'principalOf'
  >;
  endpoints: Pick<Endpoints, 'list' | 'get' | 'test' | 'enable' | 'redrive'>;
  deliveries: Pick<Deliveries, 'list' | 'get' | 'retry'>;
  knowledge: Pick<Knowledge, 'search' | 'list' | 'get' | 'text' | 'retry' | 'remove'>;
  drafts: Pick<Drafts, 'list' | 'get' | 'raw' | 'approve' | 'edit' | 'reject' | 'submit'>;
  /** The replies and forwards of operators. */
  answers: Pick<OperatorAnswers, 'reply' | 'forward'>;
  /** What sessions ask for while their turns run. */
  calls: Pick<SessionCalls, 'reply' | 'send' | 'draft' | 'forward' | 'update' | 'do' | 'change'>;
  uploads: Pick<Uploads, 'add' | 'get' | 'isOf' | 'roomOf'>;
  links: Pick<Links, 'list' | 'get' | 'revoke' | 'extend' | 'follow' | 'take' | 'giveBack'>;
  partUploads: Pick<PartUploads, 'begin' | 'get' | 'add' | 'complete' | 'cancel'>;
  artifacts: Pick<Artifacts, 'stage' | 'keep' | 'find' | 'list' | 'get' | 'open'>;
  submissions: Pick<Submissions, 'list' | 'get' | 'settle' | 'cancel'>;
  leftMail: LeftMail;
  domains: Pick<Domains, 'list' | 'get' | 'add' | 'rotate' | 'removeKey' | 'remove'>;
  domainChecks: Pick<DomainChecks, 'run'>;
  digests: Pick<Digests, 'list' | 'get' | 'pause' | 'resume' | 'run' | 'preview'>;
  broadcasts: Pick<
    Broadcasts,
    'list' | 'get' | 'recipients' | 'create' | 'approve' | 'reject' | 'pause' | 'resume' | 'cancel'
  >;
  suppressions: Pick<Suppressions, 'list' | 'get' | 'add' | 'remove' | 'import'>;
  bounces: Pick<Bounces, 'list'>;
  unsubscribe: Pick<UnsubscribeLinks, 'read' | 'leaveNow'>;
  queue: Pick<JobQueue, 'deadLetters' | 'revive'>;
  rules: Pick<RulesSource, 'current' | 'problems' | 'compileWith'>;
  templates: TemplateShelf;
  madeRules: Pick<MadeRules, 'list' | 'create' | 'patch' | 'remove' | 'versions' | 'trial'>;
  checkImap: CheckImap;
  checkSmtp: typeof checkSmtp;
  discover: Discover;
  /** Reads `env:NAME` and `file:/path`. */
  resolveSecret: (reference: string) => string;
  parseMail: typeof parseMail;
  sql: Pick<SqlSandbox, 'query'>;
  bus: Bus;
  /** Takes secrets out of what an agent said. */
  conceal?: (text: string) => string;
  /** Resolves when it can. */
  secretsKnown?: () => Promise<void>;
  store: Store;
  clock: Clock;
  log: Logger;
}
