// What an agent writes besides words: pictures of its own files, and replies to everybody of the conversation.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { AgentAction } from '../../src/contracts/session.ts';
import { type House, oneAgent, openHouse, VOUCHED } from '../sessions/house.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function after(actions: AgentAction[], may = '{ reply: approve }'): Promise<House> {
  const house = await openHouse(oneAgent(may));
  house.agent('writer', () => actions);
  await house.arrive({
    id: 'first',
    headers: [VOUCHED, 'Cc: sales@company.example, carl@prospect.example, "=?utf-8?q?=C3=84?=" <x@y@z>'],
  });
  await house.rests('done', 'waiting-for-approval', 'failed');
  return house;
}
const draftOf = async (house: House): Promise<DraftView | undefined> =>
  (await house.drafts.list({ limit: 1 }))[0];

it('a picture that an agent attaches is shown, and any other is taken out and told', async () => {
  await using house = await after([
    {
      ...{ type: 'reply', text: 'Hi', html: '<p>Hi <img src="cid:logo"><img src="cid:none"></p>' },
      attachments: [{ filename: 'logo.png', content_base64: PNG, content_id: 'logo' }],
    },
  ]);
  const draft = await draftOf(house);
  assert.match(draft?.html ?? '', /^<p>Hi <img src="cid:logo" alt=""><\/p>/);
  assert.deepEqual(
    draft?.attachments.map(({ content_type, content_id, disposition }) => [
      content_type,
      content_id,
      disposition,
    ]),
    [['image/png', 'logo', 'inline']],
  );
  assert.ok(
    draft?.reasons.some((reason) => /fetched was taken out: img/.test(reason)),
    String(draft?.reasons),
  );
});

it('a reply to all goes to whom policy allows, without those who cannot be written to', async () => {
  await using house = await after(
    [{ type: 'reply', text: 'Hi', all: true, quote: false }],
    '{ reply: approve, recipients: [prospect.example] }',
  );
  const draft = await draftOf(house);
  assert.equal(draft?.text.trim(), 'Hi');
  assert.deepEqual(
    draft?.cc.map(({ address }) => address),
    ['carl@prospect.example'],
  );
});

it('a reply to all is refused where somebody of them is not allowed', async () => {
  await using house = await after([{ type: 'reply', text: 'Hi', all: true }]);
  const [session] = await house.sessions.list({ limit: 1 });
  const [turn] = await house.sessions.turns(session?.id ?? '');
  assert.deepEqual(
    turn?.refusals.map(({ rule, reason }) => [rule, reason]),
    [
      [
        'recipient_not_allowed',
        'the policy of this agent does not allow carl@prospect.example as a recipient',
      ],
    ],
  );
  assert.equal(await draftOf(house), undefined);
});
