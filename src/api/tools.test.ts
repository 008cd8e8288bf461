// Which tools an agent has, by what its policy says.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agent } from '../contracts/rule.ts';
import { toolNames } from '../contracts/tool-names.ts';
import type { Principal } from './access.ts';
import { operations } from './operations.ts';
import { demandTool, toolsFor } from './tools.ts';

const key: Principal = { kind: 'key', id: 'admin', name: 'admin' };
const session: Principal = {
  kind: 'session',
  sessionId: 'ses_1',
  accountId: 'acc_1',
  threadId: 'thr_1',
  agent: 'writer',
};
const BEYOND = ['search_knowledge', 'read_document'];
const ALWAYS = ['get_session', 'ask_person', 'wait_for_reply', 'finish'];

const rulesWith = (may: object) => ({
  agents: new Map([['writer', agent.parse({ run: { command: ['x'] }, may })]]),
});
const namesOf = (may: object): string[] =>
  toolsFor(session, operations, rulesWith(may)).map(({ name }) => name);
const mayCall = (name: string, may: object): boolean => {
  const operation = operations.find(({ tool }) => tool?.name === name);
  assert.ok(operation, name);
  try {
    demandTool(session, operation, rulesWith(may));
    return true;
  } catch {
    return false;
  }
};

describe('the tools of an agent', () => {
  it('are all that stay within its conversation, where the policy names none', () => {
    const all = toolNames.filter((name) => !BEYOND.includes(name));
    assert.deepEqual(new Set(namesOf({ move: ['Archive'] })), new Set(all));
    for (const name of toolNames) assert.equal(mayCall(name, {}), !BEYOND.includes(name), name);
  });

  it('are those that the policy names, and what takes nothing', () => {
    const may = { tools: ['get_thread', 'create_draft'] };
    assert.deepEqual(new Set(namesOf(may)), new Set(['get_thread', 'create_draft', ...ALWAYS]));
    for (const name of toolNames)
      assert.equal(mayCall(name, may), [...may.tools, ...ALWAYS].includes(name), name);
  });

  it('that search the documents read them too', () => {
    const may = { tools: ['search_knowledge'] };
    assert.deepEqual(new Set(namesOf(may)), new Set([...BEYOND, ...ALWAYS]));
  });

  it('do not show what the policy would refuse in any case', () => {
    const shown = namesOf({ reply: 'never', label: false });
    for (const name of ['reply_to_message', 'send_message', 'create_draft', 'add_label', 'move_message'])
      assert.ok(!shown.includes(name), name);
    assert.ok(shown.includes('get_thread'));
  });

  it('are none where the agent is not in the rules any more', () => {
    const nobody = { agents: new Map() };
    assert.deepEqual(toolsFor(session, operations, nobody), []);
    const finish = operations.find(({ tool }) => tool?.name === 'finish');
    assert.ok(finish);
    assert.throws(() => demandTool(session, finish, nobody), { code: 'forbidden' });
  });

  it('of an operator are those that are not about a session', () => {
    const names = toolsFor(key, operations, rulesWith({})).map(({ name }) => name);
    assert.ok(names.includes('search_messages') && names.includes('add_label'));
    for (const name of ['reply_to_message', 'finish', 'ask_person']) assert.ok(!names.includes(name), name);
  });

  it('approve nothing', () => {
    const deciding = operations.filter(({ permission }) => permission === 'drafts:decide');
    assert.ok(deciding.length >= 3);
    assert.ok(deciding.every(({ tool }) => tool === undefined));
  });

  it('say what they do to a client: reading is no change, and mail cannot be taken back', () => {
    const tools = toolsFor(session, operations, rulesWith({}));
    const hints = (name: string) => tools.find((tool) => tool.name === name)?.annotations;
    assert.deepEqual(hints('get_thread'), { readOnly: true, destructive: false, idempotent: true });
    assert.deepEqual(hints('reply_to_message'), { readOnly: false, destructive: true, idempotent: false });
  });
});
