// The proof of kills must be able to fail: each kind of breach is put into evidence that is otherwise sound, and found.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DraftView, SubmissionView } from '../../src/contracts/draft.ts';
import type { MessageView } from '../../src/contracts/mail.ts';
import { type Count, count, holds } from '../proofs/kills/count.ts';
import type { Arrived, Evidence, Session } from '../proofs/kills/evidence.ts';
import { LABEL, type Mail, RULES } from '../proofs/kills/mails.ts';

const DIGEST = 'sha256:approved';
const turn = { number: 1, cause: 'message', message_id: 'msg_1', state: 'done', error: null, refusals: [] };
const session = {
  id: 'ses_1',
  thread_id: 'thr_1',
  rule: RULES.questions,
  agent: 'clerk',
  state: 'done',
  error: null,
  history: [turn],
} as unknown as Session;
const draft = {
  id: 'drf_1',
  session_id: 'ses_1',
  state: 'approved',
  decided_by: 'admin',
  message_id: '<m1>',
  digest: DIGEST,
} as DraftView;
const submission = { id: 'sub_1', draft_id: 'drf_1', state: 'sent', message_id: '<m1>' } as SubmissionView;
const message = { id: 'msg_1', thread_id: 'thr_1', subject: 'A question #1' } as MessageView;
const arrived: Arrived = {
  messageId: '<m1>',
  digest: DIGEST,
  dated: true,
  sha256: 'raw',
  answers: 'ses_1 turn 1',
};

/** One question that was taken in, answered, approved, sent and filed; and what differs. */
function evidenceWith(change: Partial<Evidence>): Evidence {
  return {
    mails: [{ number: 1, conversation: 1, rules: [RULES.questions], vouched: false } as unknown as Mail],
    messages: [message],
    sessions: [session],
    drafts: [draft],
    submissions: [submission],
    deadLetters: [],
    arrived: [arrived],
    rawOf: new Map([['drf_1', 'raw']]),
    sentCopies: ['<m1>'],
    flags: new Map([[1, new Set([LABEL, '\\Answered'])]]),
    agentNotes: [],
    asked: new Map([['drf_1', new Set([DIGEST])]]),
    confirmed: new Map([['drf_1', 'sub_1']]),
    rejected: new Set<string>(),
    ...change,
  };
}

it('a sound run holds', () => {
  const result = count(evidenceWith({}));
  assert.ok(holds(result), JSON.stringify(result));
});

it('a submission of which nobody knows is listed, with whether it arrived, and the law still holds', () => {
  const unknown = { ...submission, state: 'unknown', last_error: 'killed' } as SubmissionView;
  const came = count(evidenceWith({ submissions: [unknown], sentCopies: [] }));
  assert.deepEqual(came.unknown, [{ id: 'sub_1', cause: 'killed', arrived: true }]);
  assert.ok(holds(came));
  const lost = count(evidenceWith({ submissions: [unknown], sentCopies: [], arrived: [] }));
  assert.equal(lost.unknown[0]?.arrived, false);
});

const breaches: [string, keyof Count, Partial<Evidence>][] = [
  ['a mail that is not in the ledger', 'lost', { messages: [] }],
  ['a mail without its session', 'lost', { sessions: [], drafts: [] }],
  ['an answer without a draft', 'lost', { drafts: [], submissions: [], arrived: [], confirmed: new Map() }],
  ['an approved draft without a submission', 'lost', { submissions: [] }],
  ['a submission that says sent and never arrived', 'lost', { arrived: [] }],
  ['a submission that stays queued', 'lost', { submissions: [{ ...submission, state: 'queued' }] }],
  ['a label that was not set', 'lost', { flags: new Map([[1, new Set(['\\Answered'])]]) }],
  ['an answered mail that is not marked', 'lost', { flags: new Map([[1, new Set([LABEL])]]) }],
  ['a copy that was not filed', 'lost', { sentCopies: [] }],
  ['a rejection that was forgotten', 'lost', { rejected: new Set(['drf_1']) }],
  ['a confirmed approval that was forgotten', 'lost', { confirmed: new Map([['drf_1', 'sub_9']]) }],
  ['a mail that is two messages', 'messagesTwice', { messages: [message, { ...message, id: 'msg_2' }] }],
  ['two sessions for one mail', 'sessionsTwice', { sessions: [session, { ...session, id: 'ses_2' }] }],
  [
    'agents that were asked in two sessions',
    'sessionsTwice',
    {
      agentNotes: ['ses_1', 'ses_2'].map((id) => ({
        session: id,
        turn: 1,
        message: 'msg_1',
        rule: RULES.questions,
        agent: 'clerk',
      })),
    },
  ],
  ['two drafts of one turn', 'draftsTwice', { drafts: [draft, { ...draft, id: 'drf_2', state: 'waiting' }] }],
  ['a mail that arrived twice', 'mailsTwice', { arrived: [arrived, arrived] }],
  ['two mails for one turn', 'mailsTwice', { arrived: [arrived, { ...arrived, messageId: '<m2>' }] }],
  ['two copies in Sent', 'copiesTwice', { sentCopies: ['<m1>', '<m1>'] }],
  ['a mail that nobody asked for', 'unapprovedSent', { asked: new Map() }],
  ['a mail of a rejected draft', 'unapprovedSent', { drafts: [{ ...draft, state: 'rejected' }] }],
  [
    'a mail let go by policy whose sender nobody vouched for',
    'unapprovedSent',
    { drafts: [{ ...draft, decided_by: 'policy:shop' }] },
  ],
  ['other bytes than were approved', 'unapprovedSent', { arrived: [{ ...arrived, digest: 'sha256:other' }] }],
  ['bytes that differ from the draft', 'changed', { rawOf: new Map([['drf_1', 'other']]) }],
  [
    'mail from before that became new',
    'unexpected',
    { messages: [message, { ...message, id: 'msg_2', subject: 'An old question in INBOX' }] },
  ],
];

for (const [what, where, change] of breaches) {
  it(`finds ${what}`, () => {
    const result = count(evidenceWith(change));
    assert.ok(result[where].length > 0, JSON.stringify(result));
    assert.ok(!holds(result));
  });
}
