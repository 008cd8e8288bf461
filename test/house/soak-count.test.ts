// The soak can fail: whatever is lost or comes twice is counted, and memory that grows is seen.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { count, type Evidence, holds } from '../proofs/soak/count.ts';
import { flatness } from '../proofs/soak/memory.ts';

const well = (): Evidence => ({
  mails: [1, 2],
  messages: [1, 2].map((number) => ({ id: `msg_${number}`, subject: `soak ${number}` })),
  sessions: [1, 2].map((number) => ({
    id: `ses_${number}`,
    message_id: `msg_${number}`,
    state: 'done',
    turns: 1,
    error: null,
  })),
  deadLetters: [],
  asked: [1, 1, 2].map((number) => ({ session: `ses_${number}`, message: `msg_${number}` })), // one after a kill again
});

it('holds where each mail is one message and one session, and the agent was asked again for no other', () => {
  assert.equal(holds(count(well())), true);
});

const cases: [string, Partial<Evidence>, keyof ReturnType<typeof count>][] = [
  ['a mail that is not in the ledger', { mails: [1, 2, 3] }, 'lost'],
  ['a mail that started nothing', { sessions: well().sessions.slice(1) }, 'lost'],
  [
    'a session without an end',
    { sessions: well().sessions.map((one) => ({ ...one, state: 'failed' })) },
    'lost',
  ],
  [
    'a mail that is two messages',
    { messages: [...well().messages, { id: 'msg_3', subject: 'soak 2' }] },
    'messagesTwice',
  ],
  [
    'a message that started two sessions',
    {
      sessions: [...well().sessions, { ...well().sessions[0], id: 'ses_3' } as Evidence['sessions'][number]],
    },
    'sessionsTwice',
  ],
  [
    'a session with two turns',
    { sessions: well().sessions.map((one) => ({ ...one, turns: 2 })) },
    'sessionsTwice',
  ],
  [
    'an agent that was asked in two',
    { asked: [...well().asked, { session: 'ses_9', message: 'msg_1' }] },
    'sessionsTwice',
  ],
  ['a message of no mail', { mails: [1] }, 'unexpected'],
  ['a dead letter', { deadLetters: [{ id: 'job_1', kind: 'session.turn', error: 'broken' }] }, 'deadLetters'],
];
for (const [words, change, where] of cases)
  it(`does not hold with ${words}`, () => {
    const result = count({ ...well(), ...change });
    assert.equal(holds(result), false);
    assert.ok((result[where] as string[]).length > 0, JSON.stringify(result));
  });

it('sees memory that grows between the second quarter and the last, and no single moment', () => {
  const samples = (last: number) =>
    Array.from({ length: 400 }, (_, at) => (at === 150 ? 9_000 : at < 300 ? 200 : last));
  assert.ok(Math.abs(flatness(samples(200)).growth) < 0.001);
  assert.ok(flatness(samples(212)).growth > 0.05);
});
