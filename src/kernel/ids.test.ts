// Ids sort by the time they were made, whatever the clock does.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { beforeIdsOf, newId } from './ids.ts';

const MANY = 20_000;
const strictlyIncreasing = (ids: string[]) => ids.every((id, at) => at === 0 || (ids[at - 1] as string) < id);

it('an id is its prefix and a ULID in lower case, whose first ten characters are the time', () => {
  const now = Date.now() + 1_000;
  const id = newId('msg', now);
  assert.match(id, /^msg_[0-9a-hjkmnp-tv-z]{26}$/);
  const digits = '0123456789abcdefghjkmnpqrstvwxyz';
  const time = [...id.slice(4, 14)].reduce((sum, char) => sum * 32 + digits.indexOf(char), 0);
  assert.equal(time, now);
});

it('ids of one millisecond increase strictly, and none comes twice', () => {
  const now = Date.now() + 2_000;
  const ids = Array.from({ length: MANY }, () => newId('job', now));
  assert.ok(strictlyIncreasing(ids));
  assert.equal(new Set(ids).size, MANY);
});

it('more ids of one millisecond than its four digits count go on in the next', () => {
  const now = Date.now() + 2_500;
  let last = newId('job', now);
  for (let made = 1; made < 2 ** 20 + 10; made++) {
    const next = newId('job', now);
    if (next <= last) assert.fail(`${next} came after ${last}`);
    last = next;
  }
});

it('ids increase strictly also when the clock goes back', () => {
  const now = Date.now() + 3_500;
  const clock = [now, now - 1, now - 86_400_000, now - 1, 0, now, now + 1, now];
  assert.ok(strictlyIncreasing(clock.map((at) => newId('job', at))));
});

it('ids of a later millisecond are above all of an earlier one, so that ids of several processes sort by time', () => {
  const now = Date.now() + 4_000;
  const early = Array.from({ length: 100 }, () => newId('job', now)).at(-1) as string;
  assert.ok(early.slice(0, 14) < newId('job', now + 1).slice(0, 14));
});

it('ids of two that began at the same millisecond do not meet', async () => {
  const copy = './ids.ts?another'; // a module of its own, as in another process
  const other = (await import(copy)) as { newId: typeof newId };
  const now = Date.now() + 5_000;
  assert.notEqual(newId('job', now), other.newId('job', now));
});

it('what was made since a time can be told by its id alone', () => {
  const now = Date.now() * 2; // later than any id of this process
  const [earlier, later] = [newId('drf', now), newId('drf', now + 5)];
  const bound = beforeIdsOf('drf', now + 5);
  assert.ok(earlier < bound && bound < later);
});
