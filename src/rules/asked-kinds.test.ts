// Which kinds a rule asks for by their name.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Condition } from '../contracts/rule-condition.ts';
import { askedKinds } from './asked-kinds.ts';

const cases: [condition: Condition | undefined, kinds: string[]][] = [
  [undefined, []],
  [{ from: 'a.example' }, []],
  [{ kind: 'bounce' }, ['bounce']],
  [{ kind: ['list', '!bounce'] }, ['list']],
  [{ kind: '!personal' }, []],
  [{ not: { kind: 'bounce' } }, []],
  [{ any: [{ from: 'a.example' }, { all: [{ kind: 'auto-reply' }] }] }, ['auto-reply']],
  [{ list_id: '*.lists.example' }, ['list']],
  [{ list_id: '!*.lists.example' }, []],
  [{ header: { 'List-Post': '*' } }, ['list']],
  [{ header: { 'X-Spam': '*' } }, []],
  [{ type: 'text/calendar' }, ['invitation']],
  [{ attachment: { type: ['application/pdf', 'text/calendar'] } }, ['invitation']],
  [{ type: 'text/*' }, []],
];
for (const [condition, kinds] of cases) {
  it(`${JSON.stringify(condition)} asks for ${kinds.join(', ') || 'none'}`, () => {
    assert.deepEqual([...askedKinds(condition)], kinds);
  });
}
