// The proof of the outbox must be able to fail: each kind of breach is put into evidence that is otherwise sound, and found.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { type Count, count, type Evidence, holds } from '../proofs/outbox/count.ts';
import type { Asked } from '../proofs/outbox/operator.ts';

const anna = 'r-1-0@example.com';
const bert = 'nobody-1-1@example.com';
const asked: Asked = {
  number: 1,
  by: 'operator',
  account: 'plain',
  recipients: [anna, bert],
  confirmed: true,
};
const submission = {
  id: 'sub_1',
  state: 'sent',
  message_id: '<m1>',
  subject: 'Offer #1',
  last_error: null,
  recipients: [
    { address: anna, state: 'sent', response: '250 ok' },
    { address: bert, state: 'failed', response: '550 no such user' },
  ],
} as unknown as SubmissionView;
const arrival = { messageId: '<m1>', recipients: [anna] };

/** The same mail with other fates. */
const fates = (state: string, ofAnna: string, ofBert = 'failed'): SubmissionView =>
  ({
    ...submission,
    state,
    recipients: [
      { address: anna, state: ofAnna, response: 'words' },
      { address: bert, state: ofBert, response: 'words' },
    ],
  }) as unknown as SubmissionView;

/** One mail to two recipients, of whom one was refused; and what differs. */
function evidenceWith(change: Partial<Evidence>): Evidence {
  return {
    asked: [asked],
    submissions: [submission],
    taken: [arrival],
    refused: new Map([[bert, ['550 no such user']]]),
    resentBlindly: new Set<string>(),
    unknown: new Map(),
    deadLetters: [],
    ...change,
  };
}

it('a sound run holds', () => {
  const result = count(evidenceWith({}));
  assert.ok(holds(result), JSON.stringify(result));
});

it('a mail that was unknown is listed with its cause and whether it arrived, and the law still holds', () => {
  const came = count(
    evidenceWith({
      submissions: [fates('unknown', 'unknown')],
      unknown: new Map([['sub_1', { cause: 'killed', arrived: true }]]),
    }),
  );
  assert.deepEqual(came.unknown, [{ id: 'sub_1', cause: 'killed', arrived: true }]);
  assert.ok(holds(came), JSON.stringify(came));
  const lost = count(evidenceWith({ submissions: [fates('unknown', 'unknown')], taken: [] }));
  assert.equal(lost.unknown[0]?.arrived, false);
  assert.ok(holds(lost), JSON.stringify(lost));
});

it('a second copy that a person asked for without knowing is his', () => {
  assert.ok(holds(count(evidenceWith({ taken: [arrival, arrival], resentBlindly: new Set(['sub_1']) }))));
});

const breaches: [string, keyof Count, Partial<Evidence>][] = [
  ['a mail that is not in the outbox', 'lost', { submissions: [], taken: [] }],
  [
    'a mail of an agent that is not in the outbox',
    'lost',
    { asked: [{ ...asked, by: 'agent' }], submissions: [], taken: [] },
  ],
  ['a recipient who is sent and never got it', 'lost', { taken: [] }],
  ['a recipient who got it twice', 'twice', { taken: [arrival, arrival] }],
  [
    'a recipient who got it twice, once in another transaction',
    'twice',
    { taken: [arrival, { messageId: '<m1>', recipients: [anna, 'other'] }] },
  ],
  [
    'a mail that became two',
    'twice',
    { submissions: [submission, { ...submission, id: 'sub_2', message_id: '<m2>' }] },
  ],
  ['a recipient who failed and got it', 'wrong', { submissions: [fates('failed', 'failed')] }],
  ['a recipient who failed without a refusal', 'wrong', { refused: new Map() }],
  [
    'a mail whose state does not follow from its recipients',
    'wrong',
    { submissions: [fates('failed', 'sent')] },
  ],
  ['a mail that hides what is unknown', 'wrong', { submissions: [fates('sent', 'unknown')] }],
  ['a mail to others than were asked for', 'wrong', { asked: [{ ...asked, recipients: [anna] }] }],
  ['a recipient who still waits', 'unexpected', { submissions: [fates('queued', 'queued')], taken: [] }],
  ['a mail that nobody wanted', 'unexpected', { asked: [] }],
  [
    'a recipient whom nobody wanted',
    'unexpected',
    { taken: [{ messageId: '<m1>', recipients: [anna, 'evil@example.net'] }] },
  ],
  [
    'a mail at the server that the ledger does not know',
    'unexpected',
    { taken: [arrival, { messageId: '<m9>', recipients: [anna] }] },
  ],
  ['a dead letter', 'deadLetters', { deadLetters: ['submission.send job_1: it broke'] }],
];

for (const [what, where, change] of breaches) {
  it(`finds ${what}`, () => {
    const result = count(evidenceWith(change));
    assert.ok(result[where].length > 0, JSON.stringify(result));
    assert.ok(!holds(result));
  });
}
