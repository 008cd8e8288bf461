// The record of a session, over its whole life: what came, what was answered and refused, who was asked and who decided.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import type { House } from './house.ts';
import { oneAgent, openHouse } from './house.ts';

async function told(house: House): Promise<string[]> {
  const [session] = await house.sessions.list({ limit: 1 });
  const records = await house.sessions.record(session?.id ?? '', { limit: 100 });
  assert.deepEqual(
    records.map(({ seq }) => seq),
    records.map((_, i) => i + 1),
  );
  return records.map(({ kind, data }) => {
    const { cause, call, decision, by, error } = data;
    return [kind, cause ?? call ?? decision, by, error].filter((word) => word !== undefined).join(' ');
  });
}

it('tells of mail, answer, refusal, question, decisions and the end, in their order', async () => {
  await using house = await openHouse(oneAgent('{ reply: approve, move: [] }'));
  house.agent('writer', ({ type }) =>
    type === 'message.received'
      ? [
          { type: 'reply', text: 'It costs 5.' },
          { type: 'move', mailbox: 'Trash' },
        ]
      : type === 'draft.rejected'
        ? [{ type: 'ask', question: 'What does it cost?' }]
        : [{ type: 'reply', text: 'It costs 6.' }],
  );
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-approval');
  const waiting = async () =>
    house.until(async () => (await house.drafts.list({ limit: 9, state: 'waiting' }))[0]);
  await house.drafts.reject((await waiting()).id, 'not 5', 'olga');
  const asking = await house.rests('waiting-for-answer');
  await house.sessions.answer(asking.id, '6', 'paul');
  await house.rests('waiting-for-approval');
  const draft = await waiting();
  await house.drafts.edit(draft.id, { text: 'It costs 7.' }, 'olga');
  const edited = await waiting();
  await house.drafts.approve(edited.id, edited.digest, 'olga');
  await house.rests('done');
  assert.deepEqual(await told(house), [
    'came message',
    'answered',
    'asked',
    'refused move',
    'decided rejected olga',
    'came feedback olga',
    'answered',
    'asked',
    'decided answered paul',
    'came answer paul',
    'answered',
    'asked',
    'decided edited olga',
    'decided approved olga',
    'ended',
  ]);
});

it('tells of attempts that failed, and of the turn that ended so', async () => {
  await using house = await openHouse();
  house.agent('writer', (_, { attempt }) => {
    if (attempt === 1) throw new PosternError('agent_busy', 'Not now.', { retry: { afterMs: 1 } });
    throw new PosternError('agent_failed', 'The agent ended with exit code 3.');
  });
  await house.arrive({ id: 'first' });
  await house.rests('failed');
  await house.until(async () => (await told(house)).length === 3);
  assert.deepEqual(await told(house), [
    'came message',
    'failed Not now.',
    'failed The agent ended with exit code 3.',
  ]);
});

it('tells of what policy let go by itself, and of a cancelled session', async () => {
  await using house = await openHouse(oneAgent('{ reply: auto, recipients: any }'));
  house.agent('writer', () => [{ type: 'reply', text: 'It costs 5.' }]);
  await house.arrive({ id: 'first' });
  const session = await house.rests('waiting-for-approval', 'done');
  await house.sessions.cancel(session.id, 'olga');
  await house.sessions.cancel(session.id, 'paul');
  const lines = await told(house);
  assert.equal(lines.at(-1), 'cancelled olga');
  assert.equal(lines.filter((line) => line.startsWith('cancelled')).length, 1);
});
