// The ledger: every table and its columns, the same on every engine. Ids are text, times are epoch milliseconds, JSON
// is text, booleans are 0 or 1. Column names are those of DESIGN.md's words.
import type { ColumnType, Generated, Selectable } from 'kysely';
import type {
  BroadcastRecipientsTable,
  BroadcastsTable,
  DigestFiringsTable,
  DigestSchedulesTable,
} from './schema-digests.ts';

type Defaulted<T> = ColumnType<T, T | undefined, T>;

export interface Database {
  accounts: AccountsTable;
  account_keys: AccountKeysTable;
  account_secrets: AccountSecretsTable;
  mailboxes: MailboxesTable;
  backfills: BackfillsTable;
  messages: MessagesTable;
  locations: LocationsTable;
  contents: ContentsTable;
  thread_references: ThreadReferencesTable;
  decisions: DecisionsTable;
  correspondents: CorrespondentsTable;
  made_rules: MadeRulesTable;
  made_rule_versions: MadeRuleVersionsTable;
  deliveries: DeliveriesTable;
  sessions: SessionsTable;
  turns: TurnsTable;
  turn_records: TurnRecordsTable;
  model_steps: ModelStepsTable;
  agent_pauses: AgentPausesTable;
  disabled_endpoints: DisabledEndpointsTable;
  drafts: DraftsTable;
  draft_versions: DraftVersionsTable;
  automatic_replies: AutomaticRepliesTable;
  submissions: SubmissionsTable;
  domains: DomainsTable;
  dkim_keys: DkimKeysTable;
  submission_recipients: SubmissionRecipientsTable;
  submission_attempts: SubmissionAttemptsTable;
  send_counts: SendCountsTable;
  send_starts: SendStartsTable;
  send_waits: SendWaitsTable;
  objects: ObjectsTable;
  uploads: UploadsTable;
  links: LinksTable;
  part_uploads: PartUploadsTable;
  upload_parts: UploadPartsTable;
  artifacts: ArtifactsTable;
  jobs: JobsTable;
  idempotency_keys: IdempotencyKeysTable;
  audit: AuditTable;
  stored_queries: StoredQueriesTable;
  oauth_grants: OAuthGrantsTable;
  oauth_states: OAuthStatesTable;
  source_consumers: SourceConsumersTable;
  source_cursors: SourceCursorsTable;
  source_deliveries: SourceDeliveriesTable;
  vault_rotations: VaultRotationsTable;
  knowledge_documents: KnowledgeDocumentsTable;
  knowledge_contents: KnowledgeContentsTable;
  knowledge_chunks: KnowledgeChunksTable;
  knowledge_placements: KnowledgePlacementsTable;
  digest_schedules: DigestSchedulesTable;
  digest_firings: DigestFiringsTable;
  broadcasts: BroadcastsTable;
  broadcast_recipients: BroadcastRecipientsTable;
  suppressions: SuppressionsTable;
  bounces: BouncesTable;
}

export interface AccountsTable {
  id: string;
  label: string;
  /** 0 or 1; a copy of what `settings` says, for queries. */
  active: number;
  /** JSON of contracts/account accountSettings. */
  settings: string;
  /** JSON: how the account signs in, without secrets. */
  auth: string;
  /** Grows with every change, so that a watcher sees that its account is another one now. */
  version: number;
  created_at: number;
  updated_at: number;
}

/** One data key for each account, wrapped by the master key. */
export interface AccountKeysTable {
  account_id: string;
  master_key_id: string;
  wrapped_key: string;
}

export interface AccountSecretsTable {
  account_id: string;
  field: string;
  ciphertext: string;
}

/** The checkpoint of a watched mailbox: all messages up to `last_uid` of `uid_validity` are in the ledger. */
export interface MailboxesTable {
  account_id: string;
  mailbox: string;
  /** Text, because UIDVALIDITY is an unsigned 32-bit number on the wire and a bigint in the library. */
  uid_validity: string;
  last_uid: number;
  /** When watching began, epoch milliseconds: what is older is history and not new mail. 0: everything is new. */
  attached_at: number;
  /** After the server renumbered the mailbox: messages up to this UID may be ones that are known already. */
  renumbered_to: number;
  /** The HIGHESTMODSEQ up to which flags and removals are known (RFC 7162), a 63-bit number; null: they are not. */
  modseq: Defaulted<string | null>;
  updated_at: number;
}

/** The reading of what was in a mailbox when watching began, or when the server numbered it anew. */
export interface BackfillsTable {
  account_id: string;
  mailbox: string;
  uid_validity: string;
  /** Only mail that arrived from then on, epoch milliseconds; null: all of it. */
  since: number | null;
  /** All wanted messages below are in the ledger. Behind `to_uid` when it is through. */
  next_uid: number;
  to_uid: number;
  /** How many messages there are to read, as counted at the start; null before they were. */
  total: number | null;
  done: number;
  started_at: number;
  ended_at: number | null;
}

export interface MessagesTable {
  id: string;
  account_id: string;
  /** Recognises the message after a move, a copy or a change of UIDVALIDITY; unique in an account. */
  fingerprint: string;
  message_id: string | null;
  thread_id: string;
  from_address: string | null;
  subject: string;
  /** The Date header, or the arrival where it has none. */
  date: number;
  arrived_at: number;
  size: number;
  kind: string;
  kind_reason: string;
  /** JSON of contracts/mail trust. */
  trust: string;
  /** JSON of contracts/mail mailMetadata. */
  metadata: string;
  created_at: number;
}

/** Where a message lies, or lay, on the IMAP server. */
export interface LocationsTable {
  account_id: string;
  mailbox: string;
  uid_validity: string;
  uid: number;
  message_id: string;
  /** JSON list of the IMAP flags as last seen, in the order of their names; null where none were noted. */
  flags: Defaulted<string | null>;
  /** When the server was found to have it there no more, epoch milliseconds. */
  gone_at: Defaulted<number | null>;
}

/** The text of a message, once it was needed. */
export interface ContentsTable {
  message_id: string;
  text: string;
  reply_text: string;
  html: string | null;
  truncated: number;
  /** The rest of the content as JSON; null in rows of before. */
  notes: string | null;
}

/** Which thread a Message-ID belongs to: of mail that was seen, mail that was referred to, and mail that was sent. */
export interface ThreadReferencesTable {
  account_id: string;
  message_id: string;
  thread_id: string;
}

/** Somebody whom an account has written to. */
export interface CorrespondentsTable {
  account_id: string;
  /** In lower case. */
  address: string;
  name: string;
  /** When first, epoch milliseconds. */
  noted_at: number;
}

/** One message and one rule decide once: the unique key of law 2. */
export interface DecisionsTable {
  message_id: string;
  rule: string;
  account_id: string;
  /** JSON list of the actions, as the rule had them. */
  actions: string;
  /** Why no session was started although the rule says so; null when nothing was held back. */
  suppressed: string | null;
  created_at: number;
}

/** A rule that was made in the console or over REST, as it is now. The rules of files are not here. */
export interface MadeRulesTable {
  id: string;
  /** A copy of the name in `text`. */
  name: string;
  /** Grows with every change. */
  version: number;
  /** The YAML of one rule, as it was written. */
  text: string;
  /** 0: kept, and not in force. */
  enabled: number;
  created_by: string;
  created_at: number;
  updated_by: string;
  updated_at: number;
}

/** What a made rule was with each change, its removal included. Rows are only ever added. */
export interface MadeRuleVersionsTable {
  id: string;
  /** Counts all changes of all made rules: whoever knows the highest knows whether anything changed. */
  number: number;
  rule_id: string;
  version: number;
  /** contracts/made-rule madeRuleChange. */
  change: string;
  name: string;
  text: string;
  enabled: number;
  author: string;
  created_at: number;
}

/** One message, one rule and one destination make one delivery; its id is what the receiver tells a repetition by. */
export interface DeliveriesTable {
  id: string;
  account_id: string;
  message_id: string;
  rule: string;
  /** Its name in the rules. What it is now stands in the rules in force. */
  destination: string;
  /** contracts/delivery deliveryState. */
  state: string;
  /** How often it was tried, also before it was a dead letter. */
  attempts: number;
  /** The HTTP status of the last answer; null where there was none. */
  status: number | null;
  error: string | null;
  /** The job of the last attempt: the dead letter, where it is one. */
  job_id: string | null;
  next_attempt_at: number | null;
  created_at: number;
  updated_at: number;
  handled_at: number | null;
}

export interface SessionsTable {
  id: string;
  account_id: string;
  agent: string;
  rule: string;
  thread_id: string;
  message_id: string;
  state: string;
  turns: number;
  /** SHA-256 of the bearer token, in hex; null while no turn runs. */
  token_hash: string | null;
  token_expires_at: number | null;
  summary: string | null;
  question: string | null;
  /** Until when the agent waits for an answer by mail, epoch milliseconds; null while it waits for none. */
  wake_at: Defaulted<number | null>;
  /**
   * Several sessions of one thread, rule and agent are told apart by it. Empty: the one that replies resume. The message's
   * id: a session per message. Its own id: it expired, and the next mail begins another.
   */
  branch: Defaulted<string>;
  /** Since when it waits for somebody, epoch milliseconds; null while it waits for nobody. */
  rested_at: Defaulted<number | null>;
  /** What its turns cost so far, in millionths of the currency of its agent's prices. */
  cost_micros: Defaulted<number>;
  /** JSON of contracts/capability: what the token of its latest turn was granted; null before the first one. */
  capability: Defaulted<string | null>;
  /** JSON list of contracts/capability taintCause: what it has read that is not to be trusted. It only grows. */
  taint: Defaulted<string>;
  /** Of its quota, by the turn that runs. */
  calls_used: Defaulted<number>;
  bytes_used: Defaulted<number>;
  error: string | null;
  created_at: number;
  updated_at: number;
}

export interface TurnsTable {
  id: string;
  session_id: string;
  number: number;
  cause: string;
  message_id: string | null;
  /** Of the message that caused the turn; for limits per sender. */
  sender: string | null;
  agent: string;
  account_id: string;
  draft_id: string | null;
  feedback: string | null;
  /** The person who gave the feedback or the answer. */
  author: string | null;
  state: string;
  /** JSON of contracts/session agentAnswer; null before the agent answered. */
  answer: string | null;
  /** JSON list of { action, reason }. */
  refusals: Defaulted<string>;
  error: string | null;
  /** The end of the agent's stderr. */
  log: string | null;
  /** JSON of what its model used, in all attempts; null where no model was asked. */
  usage: Defaulted<string | null>;
  /** Until when its agent may work on after it took the event; null where the answer of the agent ends the turn. */
  works_until: Defaulted<number | null>;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
}

/** What happened in a session, in order. Rows are only ever added. */
export interface TurnRecordsTable {
  id: string;
  session_id: string;
  turn_id: string | null;
  /** Counts the records of the session from 1. */
  seq: number;
  at: number;
  /** contracts/session-record recordKind. */
  kind: string;
  /** JSON object; bounded. */
  data: string;
}

/** What a model said at each step of a turn, and what its calls came to: a turn that was cut off goes on from there. */
export interface ModelStepsTable {
  turn_id: string;
  /** Within the turn, from 0. */
  number: number;
  /** JSON: the text, the calls, and the message as its provider wants it back. */
  said: string;
  /** JSON: those of its calls that were answered so far, in their order. */
  answers: string;
}

/** Agents that do not run and whose drafts do not leave by themselves: one, those of an account, or all. */
export interface AgentPausesTable {
  scope: 'agent' | 'account' | 'all';
  /** The agent's name, the account's id, or nothing for all. */
  name: string;
  reason: string;
  paused_by: string;
  paused_at: number;
}

export interface DraftsTable {
  id: string;
  account_id: string;
  session_id: string | null;
  thread_id: string | null;
  /** The turn and the place in its answer that made the draft: an answer makes each draft once. */
  turn_id: string | null;
  action_index: number | null;
  /** The message in the ledger that this answers. */
  answers_message_id: string | null;
  state: string;
  version: number;
  digest: string;
  /** JSON list of sentences. */
  reasons: string;
  feedback: string | null;
  decided_by: string | null;
  decided_at: number | null;
  submission_id: string | null;
  created_at: number;
  updated_at: number;
}

export interface DraftVersionsTable {
  draft_id: string;
  version: number;
  digest: string;
  /** JSON of contracts/draft draftContent. */
  content: string;
  /** JSON { from, to: [] }: MAIL FROM and every RCPT TO. */
  envelope: string;
  /** The object that holds the bytes of the message. */
  raw_object_id: string;
  author: string;
  created_at: number;
}

/** One message, one rule and one of its actions make one answer from a template. */
export interface AutomaticRepliesTable {
  draft_id: string;
  account_id: string;
  message_id: string;
  rule: string;
  /** Which of the rule's actions. */
  action_index: number;
  template: string;
  /** To whom it goes, in the form in which addresses are compared. */
  recipient: string;
  created_at: number;
}

export interface SubmissionsTable {
  id: string;
  account_id: string;
  draft_id: string;
  session_id: string | null;
  answers_message_id: string | null;
  state: string;
  message_id: string;
  subject: string;
  /** The digest that was approved; what is sent is held against it. */
  digest: string;
  approved_by: string;
  envelope: string;
  raw_object_id: string;
  /** The Date header it leaves with, epoch milliseconds: the moment of approval. */
  dated_at: number;
  attempts: number;
  next_attempt_at: number | null;
  /** When the first byte after DATA was about to leave, in this attempt; null before. */
  data_begun_at: number | null;
  last_error: string | null;
  /** The DKIM-Signature lines of the last attempt whose content left, each with its CRLF; null: it left unsigned. */
  signature: string | null;
  created_at: number;
  sent_at: number | null;
  /** contracts/draft sendPriority: who goes first. */
  priority: Defaulted<string>;
  /** It leaves no sooner, epoch milliseconds: it was sent for a later time, or can still be undone. */
  not_before: Defaulted<number | null>;
  broadcast_id: Defaulted<string | null>;
  /** Why it waits although it could be tried, as a sentence; null where it does not. */
  waits_for: Defaulted<string | null>;
  /** When the first attempt ended that did not bring it to everybody, epoch milliseconds: it is given up from there. */
  tried_at: Defaulted<number | null>;
}

export type SubmissionRow = Selectable<SubmissionsTable>;

/** A domain that mail is sent from. */
export interface DomainsTable {
  id: string;
  /** In lower case and ASCII. */
  name: string;
  created_at: number;
  updated_at: number;
}

/** The public half of a key that signs a domain's mail; the private one is in the vault, under the domain's id. */
export interface DkimKeysTable {
  id: string;
  domain_id: string;
  selector: string;
  /** contracts/domain dkimAlgorithm. */
  algorithm: string;
  bits: number;
  /** As `p=` publishes it. */
  public_key: string;
  /** contracts/domain dkimKeyState. */
  state: string;
  /** Since when every look has found its record, epoch milliseconds; null: it is not there. */
  seen_at: number | null;
  checked_at: number | null;
  /** What the last look found wrong with its record. */
  problem: string | null;
  created_at: number;
  active_at: number | null;
  retiring_at: number | null;
  retired_at: number | null;
}

export interface SubmissionRecipientsTable {
  submission_id: string;
  position: number;
  address: string;
  state: string;
  response: string | null;
}

/** How an attempt ended that did not bring a mail to everybody at once. */
export interface SubmissionAttemptsTable {
  submission_id: string;
  /** 1 is the first. */
  number: number;
  at: number;
  /** 0: the server was not reached. */
  connected: number;
  /** JSON list of { address, state, response }; bounded. */
  results: string;
}

/** How many mails and recipients left in a stretch of time. */
export interface SendCountsTable {
  account_id: string;
  /** `account`, `domain:example.org`, `to:anna@example.org`. */
  scope: string;
  /** The window that it counts for: `minute`, `hour`, `day`. */
  span: string;
  /** When the stretch began, epoch milliseconds. */
  bucket_at: number;
  mails: number;
  recipients: number;
}

/** When the warm-up of an account began. */
export interface SendStartsTable {
  account_id: string;
  started_at: number;
}

/** Why an account's mail waits at the moment. */
export interface SendWaitsTable {
  account_id: string;
  /** 1: broadcasts alone, which leave the others a part of each limit. */
  is_bulk: number;
  /** Epoch milliseconds. */
  until: number;
  reason: string;
}

/** Blobs: small ones in the ledger, large ones in the object store. */
export interface ObjectsTable {
  id: string;
  sha256: string;
  size: number;
  bytes: Uint8Array | null;
  /** The key in the object store where `bytes` is null. */
  store_key: string | null;
  created_at: number;
}

/** Of an object that somebody uploaded. */
export interface UploadsTable {
  object_id: string;
  filename: string;
  content_type: string;
  uploaded_by: string;
  /** Null once a mail names it. */
  expires_at: number | null;
}

/** A file that a mail links to, since it is too large for the mail. */
export interface LinksTable {
  id: string;
  /** SHA-256 of the token in hexadecimal digits; the token itself stands in the mail alone. */
  token_hash: string;
  object_id: string;
  filename: string;
  content_type: string;
  size: number;
  account_id: string;
  draft_id: string;
  /** The version of the draft that names it; each has links of its own. */
  version: number;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
  /** When its days were over and its claim to the bytes ended. */
  removed_at: number | null;
  /** Null: as often as anybody likes. */
  max_downloads: number | null;
  /** Octets that went out, or are on their way: a download is as many as the file has. */
  bytes_sent: number;
  last_download_at: number | null;
}

/** An upload that comes in parts and is not whole yet. */
export interface PartUploadsTable {
  id: string;
  filename: string;
  content_type: string;
  uploaded_by: string;
  /** Of the whole, where its sender has told. */
  size: number | null;
  created_at: number;
  expires_at: number;
}

export interface UploadPartsTable {
  upload_id: string;
  /** From 1 on. */
  number: number;
  object_id: string;
  size: number;
  sha256: string;
}

/** Of an object that is an attachment which an event refers to. */
export interface ArtifactsTable {
  object_id: string;
  event_id: string;
  account_id: string;
  /** The section number in the message. */
  part: string;
  filename: string | null;
  content_type: string;
  /** Beside the object's own SHA-256, in hexadecimal. */
  md5: string;
  sha1: string;
  expires_at: number;
}

export interface JobsTable {
  id: string;
  kind: string;
  /** Jobs of one lane run one at a time and in the order of their ids; null: no order. */
  lane: string | null;
  /** Whose share of the workers it takes, such as an agent's; null: only its kind's. */
  pool: Defaulted<string | null>;
  state: 'ready' | 'running' | 'dead';
  payload: string;
  run_at: number;
  attempts: number;
  max_attempts: number;
  lease_owner: string | null;
  lease_until: number | null;
  error: string | null;
  created_at: number;
  updated_at: number;
}

export interface IdempotencyKeysTable {
  /** SHA-256 of principal, operation and key. */
  id: string;
  request_hash: string;
  /** JSON { status, body }; null while the first request still runs. */
  response: string | null;
  created_at: number;
}

/** What is known of an account's OAuth2 grant; the tokens themselves are in the vault. */
export interface OAuthGrantsTable {
  account_id: string;
  /** contracts/sign-in grantState. */
  state: string;
  /** Why a person has to sign in again. */
  reason: string | null;
  /** The life of the access token in the vault, epoch milliseconds, counted from before it was asked for. */
  issued_at: number | null;
  expires_at: number | null;
  /** When the next token is to be fetched, ahead of the end. */
  refresh_at: number | null;
  /** The fence of the request that brought the tokens in the vault: a set with a lower one comes too late. */
  token_fence: number;
  /** Grows with every request that may bring tokens. */
  fence: number;
  /** Who asks the provider now, and until when nobody else does. */
  lease_owner: string | null;
  lease_until: number | null;
  /** A request was on its way when its process ended, and its answer may be lost; null once tokens came again. */
  interrupted_at: number | null;
  /** Failed requests in a row, and before when no other is made. */
  failures: number;
  next_attempt_at: number | null;
  last_error: string | null;
  updated_at: number;
}

/** A sign-in that waits for a person at the provider. Its secret (PKCE verifier, device code) is in the vault. */
export interface OAuthStatesTable {
  /** SHA-256 of the state parameter, in hex; for a device code a name of our own. */
  id: string;
  account_id: string;
  /** The account as it was when the sign-in began: consent given for other settings does not count. */
  account_version: number;
  kind: 'code' | 'device';
  redirect_uri: string | null;
  /** How often a device code may be asked about. */
  interval_ms: number | null;
  created_at: number;
  expires_at: number;
}

/** Endpoints of webhook agents that said they are gone. */
export interface DisabledEndpointsTable {
  /** Origin and path. */
  endpoint: string;
  /** Made from it; it stands in addresses. */
  id: string;
  /** The agent whose turn was told so. */
  agent: string;
  reason: string;
  disabled_at: number;
}

/** What was done and by whom. Rows are only ever added. */
export interface AuditTable {
  id: string;
  at: number;
  /** Such as `key:admin`. */
  principal: string;
  operation: string;
  /** The account, mailbox and UID it was about; never content. */
  target: string;
  /** `ok` or `failed`; a change has a row `begun` before. */
  outcome: string;
  /** The stable code of the failure. */
  code: string | null;
  /** Holds the two rows of a change together. */
  request_id: string;
}

export interface StoredQueriesTable {
  id: string;
  account_id: string;
  name: string;
  /** JSON of contracts/connector storedSearch. */
  search: string;
  created_at: number;
  updated_at: number;
}

/** A program outside that takes the messages of an account's mailboxes in order. */
export interface SourceConsumersTable {
  id: string;
  account_id: string;
  name: string;
  /** JSON list of mailboxes; null: all. */
  mailboxes: string | null;
  /** Grows with every stream and every seek: whoever reads under an older one stops. */
  epoch: number;
  created_at: number;
  last_seen_at: number | null;
}

/** How far a consumer has acknowledged a mailbox. */
export interface SourceCursorsTable {
  consumer_id: string;
  mailbox: string;
  uid_validity: string;
  last_uid: number;
  /** How many messages it has acknowledged here. */
  acknowledged: number;
  /** Where it did not begin at zero: older mail is not new because the server numbered it again. */
  skipped_before: number | null;
  /** The UIDVALIDITY before, until the consumer has acknowledged something under the one now. */
  renumbered_from: string | null;
  /** UIDs up to this one were given by the last renumbering. */
  renumbered_to: number;
  updated_at: number;
}

/** What was handed out. Below the cursor, and under an older UIDVALIDITY, it is what mail is recognised by. */
export interface SourceDeliveriesTable {
  consumer_id: string;
  mailbox: string;
  uid_validity: string;
  uid: number;
  fingerprint: string;
  /** 1: acknowledged under an older UIDVALIDITY, and not handed out again. */
  recognised: number;
}

/** A rotation of the master key. The newest with a `to_id` says which key new data keys are wrapped with. */
export interface VaultRotationsTable {
  id: string;
  state: 'open' | 'done';
  /** Names of keys, see accounts/master-keys.ts. */
  from_id: string;
  /** Null until the key is there. */
  to_id: string | null;
  /** 1: data keys are renewed too. */
  data_keys: number;
  /** Why it does not go on; null while it does. */
  error: string | null;
  started_at: number;
  finished_at: number | null;
}

/** A document that a rule took from a mail: one for a message and a part of it. */
export interface KnowledgeDocumentsTable {
  id: string;
  account_id: string;
  message_id: string;
  /** The IMAP section number; empty: the mail itself. */
  part: string;
  rule: string;
  filename: string;
  declared_type: string | null;
  /** What is larger is not taken. */
  max_bytes: number;
  /** JSON list of the names of sinks. */
  sinks: string;
  /** Null until its bytes are there. */
  content_id: string | null;
  /** `queued`, `fetched` or `failed`: of its way from the IMAP server. */
  state: string;
  code: string | null;
  error: string | null;
  job_id: string | null;
  created_at: number;
  updated_at: number;
}

/** The same bytes are one content, however many mails they came with. */
export interface KnowledgeContentsTable {
  id: string;
  sha256: string;
  sha1: string;
  md5: string;
  size: number;
  /** `mail`: a mail that was taken as a whole; `file`: what was attached. */
  kind: string;
  object_id: string;
  /** `queued`, `reading`, `ready` or `failed`: of its text. */
  state: string;
  /** The MIME type by its content; null before it was read. */
  type: string | null;
  /** JSON list of sentences. */
  notes: string;
  chunks: number;
  code: string | null;
  error: string | null;
  job_id: string | null;
  created_at: number;
  updated_at: number;
}

/** The text of a content in pieces; `number` counts from 0. */
export interface KnowledgeChunksTable {
  id: Generated<number>;
  content_id: string;
  number: number;
  text: string;
  /** JSON: where in the document it stands. */
  source: string;
}

/** A content and a sink meet once: the unique key. */
export interface KnowledgePlacementsTable {
  id: string;
  content_id: string;
  sink: string;
  /** contracts/knowledge placementState. */
  state: string;
  /** How many chunks the sink has. */
  done: number;
  attempts: number;
  /** The HTTP status of the last answer; null where there was none. */
  status: number | null;
  error: string | null;
  job_id: string | null;
  next_attempt_at: number | null;
  created_at: number;
  updated_at: number;
  placed_at: number | null;
}

/** An address or a domain to which no mail goes. */
export interface SuppressionsTable {
  id: string;
  /** The account whose mail does not go there; empty: that of all. */
  scope: string;
  /** The address in the form in which addresses are compared, or `@` and a domain. */
  value: string;
  /** Empty: no mail at all. `*`: no broadcast. Else the one broadcast that it is about. */
  list: string;
  /** contracts/suppression suppressionReason. */
  reason: string;
  note: string | null;
  /** What it comes from: the id of a submission or of a message. */
  source: string | null;
  created_by: string;
  created_at: number;
  /** Epoch milliseconds; null: for good. */
  expires_at: number | null;
}

/** What a report said of one recipient of a mail: each report and recipient once. */
export interface BouncesTable {
  id: string;
  /** The message in the ledger that is the report. */
  message_id: string;
  account_id: string;
  /** Null where it is about no mail of ours, as far as can be proved. */
  submission_id: string | null;
  /** As the submission has it where there is one, else as the report names it. */
  address: string;
  /** contracts/suppression reportType. */
  report: string;
  /** contracts/suppression bounceKind. */
  kind: string;
  /** Such as `5.1.1` (RFC 3463). */
  status: string | null;
  reason: string;
  diagnostic: string | null;
  remote_mta: string | null;
  /** By what it was matched to the submission. */
  matched_by: string | null;
  created_at: number;
}
