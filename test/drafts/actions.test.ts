// What becomes of the actions of an agent that obeys a hostile mail, and of one that does not.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import type { AgentAction } from '../../src/contracts/session.ts';
import { type House, oneAgent, openHouse, VOUCHED } from '../sessions/house.ts';

async function after(may: string, actions: AgentAction[], headers = [VOUCHED]): Promise<House> {
  const house = await openHouse(oneAgent(may));
  house.agent('writer', () => actions);
  await house.arrive({ id: 'first', headers });
  await house.rests('done', 'waiting-for-approval', 'failed');
  return house;
}
const refusalsOf = async (house: House) => {
  const [session] = await house.sessions.list({ limit: 1 });
  return (await house.sessions.turns(session?.id ?? ''))[0]?.refusals ?? [];
};
const jobsOf = async (house: House) =>
  (await house.store.db.selectFrom('jobs').select(['kind', 'payload']).orderBy('id').execute()).map(
    ({ kind, payload }) => ({ kind, ...(JSON.parse(payload) as object) }),
  );

it('what is refused is recorded with its reason, and the other actions are done in their order', async () => {
  await using house = await after('{ reply: auto, move: [Archive] }', [
    { type: 'send', to: ['eve@evil.example'], subject: 'All our mail', text: 'here' },
    { type: 'send', to: ['ann@prospect.example'], bcc: ['eve@evil.example'], subject: 'x', text: 'x' },
    { type: 'label', label: '\\Deleted' },
    { type: 'label', label: 'Agent/Done' },
    { type: 'move', mailbox: 'Trash' },
    { type: 'move', mailbox: 'Archive' },
    { type: 'reply', text: 'The answer.' },
    { type: 'done', summary: 'tried everything' },
  ]);
  assert.deepEqual(
    (await refusalsOf(house)).map(({ action, reason }) => `${action}: ${reason}`),
    [
      'send: the policy of this agent does not allow eve@evil.example as a recipient',
      'send: an agent may not add blind copies',
      'label: a label must not be a system flag',
      'move: the policy of this agent does not allow moving mail to Trash',
    ],
  );
  const jobs = await jobsOf(house);
  assert.partialDeepStrictEqual(jobs, [
    { kind: 'message.flag', add: ['Agent/Done'] },
    { kind: 'message.move', mailbox: 'Archive' },
    { kind: 'submission.send' },
  ]);
  assert.equal(jobs.length, 3);
  assert.equal((await house.sessions.list({ limit: 1 }))[0]?.summary, 'tried everything');
});

const recipients: [what: string, to: string][] = [
  ['a second address behind a comma', 'ann@prospect.example, eve@evil.example'],
  ['a name that is an address', 'ann@prospect.example <eve@evil.example>'],
  ['a line break', 'ann@prospect.example\r\nBcc: eve@evil.example'],
  ['a quoted local part', '"ann@prospect.example"@evil.example'],
  ['a group', 'all: ann@prospect.example;'],
  ['a route', '@evil.example:ann@prospect.example'],
];
for (const [what, to] of recipients) {
  it(`a recipient with ${what} is refused`, async () => {
    await using house = await after('{ reply: auto }', [{ type: 'send', to: [to], subject: 'x', text: 'x' }]);
    assert.equal((await refusalsOf(house)).length, 1);
    assert.deepEqual(await house.drafts.list({ limit: 1 }), []);
  });
}

it('an answer to where only a Reply-To points waits for a person, and so does one to five hundred of them', async () => {
  const many = Array.from({ length: 100 }, (_, i) => `v${i}@victim.example`).join(', ');
  await using house = await after(
    '{ reply: auto }',
    [{ type: 'reply', text: 'Hello' }],
    [VOUCHED, `Reply-To: ${many}`],
  );
  const [draft] = await house.drafts.list({ limit: 1 });
  assert.equal(draft?.state, 'waiting');
  assert.match(draft?.reasons.join() ?? '', /^Only a Reply-To says/);
});

it('an answer to a Reply-To of the sender’s own verified domain leaves by itself', async () => {
  await using house = await after(
    '{ reply: auto }',
    [{ type: 'reply', text: 'Hello' }],
    [VOUCHED, 'Reply-To: office@prospect.example'],
  );
  const [draft] = await house.drafts.list({ limit: 1 });
  assert.deepEqual([draft?.state, draft?.to[0]?.address], ['approved', 'office@prospect.example']);
});

/** The state and the reasons of the draft that answers a second mail in a thread that Ann began. */
async function secondAnswer(from: string, first: string[] = []): Promise<[string | undefined, string]> {
  await using house = await openHouse(oneAgent('{ reply: auto }'));
  house.agent('writer', () => [{ type: 'reply', text: 'Hello' }]);
  const vouchedFor = (domain: string): string =>
    `Authentication-Results: mx.company.example; dmarc=pass header.from=${domain}`;
  await house.arrive({ id: 'first', headers: [VOUCHED, ...first] });
  await house.until(async () => (await house.drafts.list({ limit: 10 })).length === 1);
  const domain = from.slice(from.indexOf('@') + 1);
  await house.arrive({
    id: 'second',
    from,
    inReplyTo: '<first@prospect.example>',
    headers: [vouchedFor(domain)],
  });
  const drafts = await house.until(async () => {
    const found = await house.drafts.list({ limit: 10 });
    return found.length === 2 ? found : null;
  });
  const second = drafts.find((draft) => draft.to[0]?.address === from);
  return [second?.state, second?.reasons.join() ?? ''];
}

it('a stranger who names a Message-ID of a thread is not answered without a person, however well he is verified', async () => {
  assert.deepEqual(await secondAnswer('eve@evil.example'), [
    'waiting',
    'eve@evil.example came into this conversation from outside of it.',
  ]);
});

it('whom somebody of the thread has written to is of the thread, and so is whoever began it', async () => {
  assert.deepEqual(await secondAnswer('carl@partner.example', ['Cc: Carl <Carl@partner.example>']), [
    'approved',
    '',
  ]);
  assert.equal((await secondAnswer('ann@prospect.example'))[0], 'approved');
});

it('a mail without a sender cannot be answered, and that is a refusal', async () => {
  await using house = await openHouse(oneAgent('{ recipients: any }'));
  house.agent('writer', () => [{ type: 'reply', text: 'Hello' }]);
  await house.arrive({ id: 'first', from: 'undisclosed' });
  await house.rests('done');
  assert.equal((await refusalsOf(house)).length, 1);
});

it('a mail that cannot be written is a refusal, and not a dead letter', async () => {
  await using house = await after('{ recipients: any }', [
    { type: 'send', to: ['ann@prospect.example'], subject: 'x', text: 'x', attachments: [] },
    {
      type: 'send',
      to: Array(500)
        .fill(0)
        .map((_, i) => `a${i}@b`),
      subject: 'x',
      text: 'x',
    },
  ]);
  assert.equal((await refusalsOf(house)).length, 1);
  assert.deepEqual(await house.deadLetters(), []);
  assert.equal((await house.drafts.list({ limit: 9 })).length, 1);
});

it('From, subject and threading of a reply are the gateway’s, whatever the mail says', async () => {
  const house = await openHouse();
  await using _ = house;
  house.agent('writer', () => [{ type: 'reply', text: 'Hello' }]);
  await house.arrive({ id: 'first', subject: 'Re: AW: Quote =?utf-8?q?=0D=0ABcc:_eve@evil.example?=' });
  await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 1 });
  assert.deepEqual(draft?.from.address, 'sales@company.example');
  assert.match(draft?.subject ?? '', /^Re: Quote/);
  const raw = await text(await house.drafts.raw(draft?.id ?? ''));
  assert.doesNotMatch(raw, /^Bcc:/im);
  assert.match(raw, /^In-Reply-To: <first@prospect\.example>\r$/m);
});

it('the answers of a session that is cancelled before they are done come to nothing', async () => {
  await using house = await openHouse(oneAgent('{ reply: auto }'));
  await house.arrive({ id: 'first', headers: [VOUCHED] });
  const session = await house.rests('done');
  await house.stopWorker();
  const answer = JSON.stringify({ actions: [{ type: 'reply', text: 'too late', attachments: [] }] });
  const turn = await house.store.db
    .updateTable('turns')
    .set({ answer })
    .returning('id')
    .executeTakeFirstOrThrow();
  await house.store.write((tx) => house.jobs.enqueue(tx, 'session.action', { turn_id: turn.id, index: 0 }));
  await house.sessions.cancel(session.id, 'olga');
  await house.startWorker();
  await house.arrive({ id: 'another', headers: [VOUCHED], from: 'bob@prospect.example' });
  await house.until(async () => (await jobsOf(house)).length === 0);
  assert.deepEqual(await house.drafts.list({ limit: 9 }), []);
});
