// What SQL may see of the ledger: named views, each column written out. A table or a column that stands in no view here
// cannot be read by SQL, so what is new in the ledger is hidden until somebody decides otherwise. Never in a view:
// account_keys, account_secrets, objects, idempotency_keys, hashes of tokens, payloads of jobs, and JSON as a whole that
// may come to hold a secret (accounts.auth). `ledger.` stands for the schema, whose name a query does not know. No `with`
// inside: the authorizer takes its name for the view's.

export interface SqlColumn {
  name: string;
  /** `json` is text that `->` and `json_each` read; `time` is epoch milliseconds. */
  type: 'text' | 'integer' | 'real' | 'json' | 'time';
}

export interface SqlView {
  name: string;
  about: string;
  columns: readonly SqlColumn[];
  /** What stands behind each column, in the same order, and the `from`. */
  select: string;
}

/** Columns as `name` or `name:type` (text where no type is given), each with an expression where it is not itself. */
function view(name: string, about: string, columns: Record<string, string>, from: string): SqlView {
  const parts = Object.entries(columns).map(([word, expression]) => {
    const [column, type = 'text'] = word.split(':') as [string, SqlColumn['type'] | undefined];
    return { column, type, expression: expression === '' ? `t.${column}` : expression };
  });
  const list = parts.map(({ column, expression }) => `${expression} as "${column}"`).join(', ');
  return {
    name,
    about,
    columns: parts.map(({ column, type }) => ({ name: column, type })),
    select: `select ${list} from ${from}`,
  };
}

/** The label of an account, which people know better than its id; null once the account is removed. */
const LABEL = '(select a.label from ledger.accounts a where a.id = t.account_id)';
const setting = (path: string): string => `t.settings ->> '$.${path}'`;
const meta = (path: string): string => `t.metadata ->> '$.${path}'`;
const content = (path: string): string => `v.content ->> '$.${path}'`;

export const sqlViews: readonly SqlView[] = [
  view(
    'accounts',
    'The mailbox accounts, without anything secret.',
    {
      id: '',
      label: '',
      address: setting('address'),
      'active:integer': '',
      imap_host: setting('imap.host'),
      'imap_port:integer': setting('imap.port'),
      imap_security: setting('imap.security'),
      smtp_host: setting('smtp.host'),
      'smtp_port:integer': setting('smtp.port'),
      smtp_security: setting('smtp.security'),
      auth_type: "t.auth ->> '$.type'",
      watch_mode: setting('watch.mode'),
      node_group: setting('node_group'),
      'created_at:time': '',
      'updated_at:time': '',
    },
    'ledger.accounts t',
  ),
  view(
    'mailboxes',
    'The watched mailboxes and how far each was read.',
    {
      account_id: '',
      account: LABEL,
      mailbox: '',
      uid_validity: '',
      'last_uid:integer': '',
      'attached_at:time': '',
      'updated_at:time': '',
    },
    'ledger.mailboxes t',
  ),
  view(
    'backfills',
    'How far the mail that was in a mailbox before has been read, for mailboxes where that is wanted.',
    {
      account_id: '',
      account: LABEL,
      mailbox: '',
      uid_validity: '',
      'since:time': '',
      'total:integer': '',
      'done:integer': '',
      'started_at:time': '',
      'ended_at:time': '',
    },
    'ledger.backfills t',
  ),
  view(
    'messages',
    'The messages that were seen.',
    {
      id: '',
      account_id: '',
      account: LABEL,
      thread_id: '',
      message_id: '',
      in_reply_to: meta('in_reply_to'),
      from_address: '',
      from_name: meta('from.name'),
      'to:json': "t.metadata -> '$.to'",
      'cc:json': "t.metadata -> '$.cc'",
      subject: '',
      'date:time': '',
      'arrived_at:time': '',
      'size:integer': '',
      kind: '',
      kind_reason: '',
      trust_level: "t.trust ->> '$.level'",
      dkim: "t.trust ->> '$.dkim'",
      spf: "t.trust ->> '$.spf'",
      dmarc: "t.trust ->> '$.dmarc'",
      'parts:json': "t.metadata -> '$.parts'",
      'headers:json': "t.metadata -> '$.headers'",
    },
    'ledger.messages t',
  ),
  view(
    'texts',
    'The texts of the messages whose text was needed so far.',
    { message_id: '', text: '', reply_text: '', html: '', 'truncated:integer': '' },
    'ledger.contents t',
  ),
  view(
    'locations',
    'Where a message (messages.id) lies, or lay, on the IMAP server.',
    {
      message_id: '',
      account_id: '',
      account: LABEL,
      mailbox: '',
      uid_validity: '',
      'uid:integer': '',
      'flags:json': '',
      'gone_at:time': '',
    },
    'ledger.locations t',
  ),
  view(
    'threads',
    'The conversations, with the subject of their first message.',
    {
      id: 't.thread_id',
      account_id: '',
      account: LABEL,
      subject:
        '(select f.subject from ledger.messages f where f.thread_id = t.thread_id order by f.date, f.id limit 1)',
      'messages:integer': 'count(*)',
      'first_at:time': 'min(t.date)',
      'last_at:time': 'max(t.date)',
    },
    'ledger.messages t group by t.account_id, t.thread_id',
  ),
  view(
    'decisions',
    'What the rules decided about a message (messages.id).',
    {
      message_id: '',
      account_id: '',
      account: LABEL,
      rule: '',
      'actions:json': '',
      suppressed: '',
      'created_at:time': '',
    },
    'ledger.decisions t',
  ),
  view(
    'deliveries',
    'What was posted to websites, and what became of it.',
    {
      id: '',
      account_id: '',
      account: LABEL,
      message_id: '',
      rule: '',
      destination: '',
      state: '',
      'attempts:integer': '',
      'status:integer': '',
      error: '',
      'next_attempt_at:time': '',
      'created_at:time': '',
      'updated_at:time': '',
      'handled_at:time': '',
    },
    'ledger.deliveries t',
  ),
  view(
    'artifacts',
    'The attachments that events refer to, until their days are over.',
    {
      id: 't.object_id',
      event_id: '',
      account_id: '',
      account: LABEL,
      part: '',
      filename: '',
      content_type: '',
      md5: '',
      sha1: '',
      'expires_at:time': '',
    },
    'ledger.artifacts t',
  ),
  view(
    'sessions',
    'The runs of agents, without their tokens.',
    {
      id: '',
      account_id: '',
      account: LABEL,
      agent: '',
      rule: '',
      thread_id: '',
      message_id: '',
      state: '',
      'turns:integer': '',
      summary: '',
      question: '',
      error: '',
      'created_at:time': '',
      'updated_at:time': '',
    },
    'ledger.sessions t',
  ),
  view(
    'turns',
    'The turns of the sessions.',
    {
      id: '',
      session_id: '',
      account_id: '',
      'number:integer': '',
      cause: '',
      message_id: '',
      sender: '',
      agent: '',
      draft_id: '',
      state: '',
      'refusals:json': '',
      error: '',
      'created_at:time': '',
      'started_at:time': '',
      'ended_at:time': '',
    },
    'ledger.turns t',
  ),
  view(
    'drafts',
    'The drafts, each in its newest version.',
    {
      id: '',
      account_id: '',
      account: LABEL,
      session_id: '',
      thread_id: '',
      answers_message_id: '',
      state: '',
      'version:integer': '',
      digest: '',
      'reasons:json': '',
      feedback: '',
      decided_by: '',
      'decided_at:time': '',
      submission_id: '',
      from_address: content('from.address'),
      'to:json': "v.content -> '$.to'",
      'cc:json': "v.content -> '$.cc'",
      'bcc:json': "v.content -> '$.bcc'",
      subject: content('subject'),
      text: content('text'),
      author: 'v.author',
      'created_at:time': '',
      'updated_at:time': '',
    },
    'ledger.drafts t left join ledger.draft_versions v on v.draft_id = t.id and v.version = t.version',
  ),
  view(
    'submissions',
    'The outgoing mails in the outbox.',
    {
      id: '',
      account_id: '',
      account: LABEL,
      draft_id: '',
      session_id: '',
      answers_message_id: '',
      state: '',
      message_id: '',
      subject: '',
      digest: '',
      approved_by: '',
      'attempts:integer': '',
      'next_attempt_at:time': '',
      last_error: '',
      'created_at:time': '',
      'sent_at:time': '',
    },
    'ledger.submissions t',
  ),
  view(
    'recipients',
    'What became of each recipient of a submission.',
    { submission_id: '', 'position:integer': '', address: '', state: '', response: '' },
    'ledger.submission_recipients t',
  ),
  view(
    'dead_letters',
    'Work that failed at every attempt.',
    {
      id: '',
      kind: '',
      lane: '',
      'attempts:integer': '',
      error: '',
      'created_at:time': '',
      'updated_at:time': '',
    },
    "ledger.jobs t where t.state = 'dead'",
  ),
  view(
    'audit',
    'What was asked of the mail servers, by whom, and how it ended.',
    {
      id: '',
      'at:time': '',
      principal: '',
      operation: '',
      target: '',
      outcome: '',
      code: '',
      request_id: '',
    },
    'ledger.audit t',
  ),
];
