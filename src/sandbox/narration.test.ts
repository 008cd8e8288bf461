import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DraftView, SubmissionView } from '../contracts/draft.ts';
import type { MessageView } from '../contracts/mail.ts';
import type { SessionView } from '../contracts/session.ts';
import { isSettled, type Snapshot } from './follower.ts';
import { narrate, showDraft } from './narration.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const message: MessageView = {
  id: 'msg_1',
  account_id: 'acc_1',
  thread_id: 'thr_1',
  mailbox: 'INBOX',
  uid: 7,
  message_id: '<a@prospect.example>',
  from: { name: 'Paula', address: 'customer@prospect.example' },
  reply_to: [],
  to: [],
  cc: [],
  subject: 'Quote',
  date: '2026-11-20T15:00:00.000Z',
  size: 1,
  kind: 'personal',
  trust: {
    level: 'unverified',
    ...{ dkim: 'none', spf: 'none', dmarc: 'none', arc: 'none' },
    reason: 'It has no signature.',
    flags: [],
    checked: false,
  },
  attachments: [],
  flags: [],
  gone: false,
  decisions: [],
};
const session: SessionView = {
  id: 'ses_1',
  account_id: 'acc_1',
  agent: 'quote-writer',
  rule: 'prospect quotes',
  thread_id: 'thr_1',
  message_id: 'msg_1',
  state: 'queued',
  turns: 1,
  summary: null,
  question: null,
  error: null,
  cost: 0,
  created_at: 1,
  updated_at: 1,
};
const draft: DraftView = {
  id: 'drf_1',
  from: { name: 'Company Sales', address: 'sales@company.example' },
  to: [{ name: '', address: 'customer@prospect.example' }],
  cc: [],
  bcc: [{ name: '', address: 'boss@company.example' }],
  subject: 'Re: Quote',
  text: 'Dear Paula,\n',
  html: '<p>',
  attachments: [],
  in_reply_to: null,
  references: [],
  message_id: '<b@company.example>',
  auto_submitted: 'auto-replied',
  state: 'waiting',
  version: 1,
  digest,
  account_id: 'acc_1',
  session_id: 'ses_1',
  thread_id: 'thr_1',
  reasons: ['The policy of quote-writer says approve.'],
  feedback: null,
  decided_by: null,
  submission_id: null,
  created_at: 1,
  updated_at: 1,
};
const submission: SubmissionView = {
  id: 'sub_1',
  state: 'queued',
  account_id: 'acc_1',
  draft_id: 'drf_1',
  session_id: 'ses_1',
  message_id: '<b@company.example>',
  from: 'sales@company.example',
  subject: 'Re: Quote',
  digest,
  priority: 'person',
  broadcast_id: null,
  send_at: null,
  attempts: 0,
  next_attempt_at: null,
  waits_for: null,
  last_error: null,
  approved_by: 'admin',
  recipients: [{ address: 'customer@prospect.example', state: 'queued', response: null }],
  attempt_log: [],
  created_at: 1,
  sent_at: null,
};

describe('the narration', () => {
  it('tells each step once, with the part that did it, in the order in which mail flows', () => {
    const told = follow(
      { messages: [message], sessions: [session] },
      { messages: [message], sessions: [{ ...session, state: 'running' }] },
      { messages: [message], sessions: [{ ...session, state: 'waiting-for-approval' }], drafts: [draft] },
      {
        messages: [message],
        sessions: [{ ...session, state: 'done', summary: 'Quoted.' }],
        drafts: [{ ...draft, state: 'approved', decided_by: 'admin' }],
        submissions: [
          {
            ...submission,
            state: 'sent',
            attempts: 1,
            recipients: [{ address: 'customer@prospect.example', state: 'sent', response: '250 Delivered' }],
          },
        ],
      },
    );
    assert.deepEqual(
      told.map(({ part }) => part),
      [
        'watch',
        'rules',
        'sessions',
        'sessions',
        'policy',
        'drafts',
        'sessions',
        'drafts',
        'outbound',
        'outbound',
      ],
    );
    const text = told.map((step) => step.text).join('\n');
    assert.match(text, /from customer@prospect\.example arrived in INBOX \(UID 7\): "Quote"/);
    assert.match(text, /rule "prospect quotes" holds: it wakes the agent quote-writer/);
    assert.match(text, /approved by admin/);
    assert.match(text, /server said: 250 Delivered/);
  });

  it('names the draft again after an edit, and what is wrong as wrong', () => {
    const edited = follow({ drafts: [draft] }, { drafts: [{ ...draft, version: 2 }] });
    assert.deepEqual(
      edited.map(({ waiting }) => waiting?.version),
      [undefined, 1, undefined, 2],
    );
    const failed = follow({
      submissions: [{ ...submission, state: 'failed', last_error: '550 no such user' }],
    });
    assert.deepEqual(
      failed.map(({ bad }) => bad),
      [undefined, true],
    );
  });

  it('shows all that leaves, the hidden copies too, and the digest', () => {
    const shown = showDraft(draft);
    for (const part of [
      'Company Sales <sales@company.example>',
      'Bcc:      boss@company.example',
      digest,
      'Dear',
    ]) {
      assert.ok(shown.includes(part), part);
    }
  });
});

describe('the sandbox is settled', () => {
  const settled = (part: Partial<Snapshot>, mails = 0) => isSettled(snapshot(part), mails);

  it('when all mail was seen and nothing runs, and not before', () => {
    assert.equal(settled({ messages: [message], followed: 1 }, 1), true);
    assert.equal(
      settled({ messages: [message], followed: 0 }, 1),
      false,
      'its session may not have been read',
    );
    assert.equal(settled({ messages: [message], followed: 1 }, 2), false);
    assert.equal(settled({ sessions: [session] }), false);
    assert.equal(settled({ sessions: [{ ...session, state: 'done' }] }), true);
  });

  it('when an agent waits for approval only once its draft is there', () => {
    const waiting = { ...session, state: 'waiting-for-approval' as const };
    assert.equal(settled({ sessions: [waiting] }), false);
    assert.equal(settled({ sessions: [waiting], drafts: [draft] }), true);
  });

  it('when mail has left, or waits for a later attempt', () => {
    assert.equal(settled({ submissions: [submission] }), false);
    assert.equal(settled({ submissions: [{ ...submission, state: 'sent' }] }), true);
    assert.equal(settled({ submissions: [{ ...submission, next_attempt_at: Date.now() + 60_000 }] }), true);
  });
});

const snapshot = (part: Partial<Snapshot>): Snapshot => ({
  accounts: [],
  messages: [],
  followed: 0,
  sessions: [],
  drafts: [],
  submissions: [],
  ...part,
});

function follow(...parts: Partial<Snapshot>[]) {
  return parts.flatMap((part, i) => narrate(snapshot(parts[i - 1] ?? {}), snapshot(part)));
}
