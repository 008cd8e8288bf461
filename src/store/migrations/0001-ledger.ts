// The first ledger: accounts, mail, rules' decisions, sessions, drafts, submissions, objects and jobs.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0001-ledger';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);

  await table(
    'accounts',
    {
      id: 'key',
      label: 'text',
      active: 'integer',
      settings: 'text',
      auth: 'text',
      version: 'integer',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['label']] },
  );
  await table('account_keys', { account_id: 'key', master_key_id: 'text', wrapped_key: 'text' });
  await table(
    'account_secrets',
    { account_id: 'text', field: 'text', ciphertext: 'text' },
    { key: ['account_id', 'field'] },
  );

  await table(
    'mailboxes',
    {
      account_id: 'text',
      mailbox: 'text',
      uid_validity: 'text',
      last_uid: 'integer',
      attached_at: 'integer',
      renumbered_to: 'integer',
      updated_at: 'integer',
    },
    { key: ['account_id', 'mailbox'] },
  );
  await table(
    'messages',
    {
      id: 'key',
      account_id: 'text',
      fingerprint: 'text',
      message_id: 'text?',
      thread_id: 'text',
      from_address: 'text?',
      subject: 'text',
      date: 'integer',
      arrived_at: 'integer',
      size: 'integer',
      kind: 'text',
      kind_reason: 'text',
      trust: 'text',
      metadata: 'text',
      created_at: 'integer',
    },
    { unique: [['account_id', 'fingerprint']], index: [['thread_id'], ['account_id', 'message_id']] },
  );
  await table(
    'locations',
    { account_id: 'text', mailbox: 'text', uid_validity: 'text', uid: 'integer', message_id: 'text' },
    { key: ['account_id', 'mailbox', 'uid_validity', 'uid'], index: [['message_id']] },
  );
  await table('contents', {
    message_id: 'key',
    text: 'text',
    reply_text: 'text',
    html: 'text?',
    truncated: 'integer',
  });
  await table(
    'thread_references',
    { account_id: 'text', message_id: 'text', thread_id: 'text' },
    { key: ['account_id', 'message_id'] },
  );
  await table(
    'decisions',
    {
      message_id: 'text',
      rule: 'text',
      account_id: 'text',
      actions: 'text',
      suppressed: 'text?',
      created_at: 'integer',
    },
    { key: ['message_id', 'rule'] },
  );

  await table(
    'sessions',
    {
      id: 'key',
      account_id: 'text',
      agent: 'text',
      rule: 'text',
      thread_id: 'text',
      message_id: 'text',
      state: 'text',
      turns: 'integer',
      token_hash: 'text?',
      token_expires_at: 'integer?',
      summary: 'text?',
      question: 'text?',
      error: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['thread_id', 'rule', 'agent']], index: [['state'], ['token_hash'], ['account_id']] },
  );
  await table(
    'turns',
    {
      id: 'key',
      session_id: 'text',
      number: 'integer',
      cause: 'text',
      message_id: 'text?',
      sender: 'text?',
      agent: 'text',
      account_id: 'text',
      draft_id: 'text?',
      feedback: 'text?',
      author: 'text?',
      state: 'text',
      answer: 'text?',
      refusals: "text='[]'",
      error: 'text?',
      log: 'text?',
      created_at: 'integer',
      started_at: 'integer?',
      ended_at: 'integer?',
    },
    {
      unique: [
        ['session_id', 'number'],
        ['session_id', 'message_id'],
      ],
      index: [
        ['agent', 'sender', 'started_at'],
        ['agent', 'started_at'],
      ],
    },
  );

  await table(
    'drafts',
    {
      id: 'key',
      account_id: 'text',
      session_id: 'text?',
      thread_id: 'text?',
      turn_id: 'text?',
      action_index: 'integer?',
      answers_message_id: 'text?',
      state: 'text',
      version: 'integer',
      digest: 'text',
      reasons: 'text',
      feedback: 'text?',
      decided_by: 'text?',
      decided_at: 'integer?',
      submission_id: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['turn_id', 'action_index']], index: [['state', 'id'], ['session_id']] },
  );
  await table(
    'draft_versions',
    {
      draft_id: 'text',
      version: 'integer',
      digest: 'text',
      content: 'text',
      envelope: 'text',
      raw_object_id: 'text',
      author: 'text',
      created_at: 'integer',
    },
    { key: ['draft_id', 'version'] },
  );
  await table(
    'submissions',
    {
      id: 'key',
      account_id: 'text',
      draft_id: 'text',
      session_id: 'text?',
      answers_message_id: 'text?',
      state: 'text',
      message_id: 'text',
      subject: 'text',
      digest: 'text',
      approved_by: 'text',
      envelope: 'text',
      raw_object_id: 'text',
      dated_at: 'integer',
      attempts: 'integer',
      next_attempt_at: 'integer?',
      data_begun_at: 'integer?',
      last_error: 'text?',
      created_at: 'integer',
      sent_at: 'integer?',
    },
    { unique: [['draft_id'], ['account_id', 'message_id']], index: [['state', 'id'], ['message_id']] },
  );
  await table(
    'submission_recipients',
    { submission_id: 'text', position: 'integer', address: 'text', state: 'text', response: 'text?' },
    { key: ['submission_id', 'position'] },
  );

  await table('objects', {
    id: 'key',
    sha256: 'text',
    size: 'integer',
    bytes: 'bytes?',
    store_key: 'text?',
    created_at: 'integer',
  });
  await table(
    'jobs',
    {
      id: 'key',
      kind: 'text',
      lane: 'text?',
      state: 'text',
      payload: 'text',
      run_at: 'integer',
      attempts: 'integer',
      max_attempts: 'integer',
      lease_owner: 'text?',
      lease_until: 'integer?',
      error: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    {
      index: [
        ['state', 'kind', 'run_at'],
        ['lane', 'id'],
        ['state', 'lease_until'],
      ],
    },
  );
  await table('idempotency_keys', {
    id: 'key',
    request_hash: 'text',
    response: 'text?',
    created_at: 'integer',
  });
}
