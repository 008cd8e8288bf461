// The actions of rules as other rooms see them, and the order in which rules are tried.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compileRules } from './compile.ts';
import { sampleMail } from './testing.ts';

const actionsOf = (then: string): unknown => {
  const text = `rules:\n  - { name: a, then: [${then}] }`;
  return compileRules([{ name: 'a.yaml', text }]).match(sampleMail())[0]?.actions;
};

it('a move names its folder, which is made only where the rule says so', () => {
  assert.deepEqual(actionsOf('move: Archive/2026'), [{ move: { mailbox: 'Archive/2026', create: false } }]);
  assert.deepEqual(actionsOf('move: { mailbox: A, create: true }'), [
    { move: { mailbox: 'A', create: true } },
  ]);
});

it('flags are system flags by their names in any case, or keywords, and ! takes one away', () => {
  assert.deepEqual(actionsOf('flag: flagged'), [{ flag: { add: ['\\Flagged'], remove: [] } }]);
  assert.deepEqual(actionsOf("flag: ['\\Answered', $Work, '!SEEN', '!$Junk']"), [
    { flag: { add: ['\\Answered', '$Work'], remove: ['\\Seen', '$Junk'] } },
  ]);
});

it('a forward waits for a person unless it says otherwise', () => {
  const usual = { send: 'approve', limit: '20/1h' };
  assert.deepEqual(actionsOf('forward: a@b.example'), [{ forward: { ...usual, to: ['a@b.example'] } }]);
  assert.deepEqual(actionsOf('forward: [a@b.example, B <b@b.example>]'), [
    { forward: { ...usual, to: ['a@b.example', 'B <b@b.example>'] } },
  ]);
  assert.deepEqual(actionsOf('forward: { to: a@b.example, send: auto, note: New, limit: 5/1d }'), [
    { forward: { to: ['a@b.example'], send: 'auto', note: 'New', limit: '5/1d' } },
  ]);
});

it('an answer from a template waits for a person unless it says otherwise', () => {
  const usual = { send: 'approve', per_sender: '1/1d', limit: '20/1h' };
  assert.deepEqual(actionsOf('draft: received'), [{ draft: { ...usual, template: 'received' } }]);
  assert.deepEqual(actionsOf('draft: { template: a, send: auto, addresses: [b@c.example] }'), [
    { draft: { ...usual, template: 'a', send: 'auto', addresses: ['b@c.example'] } },
  ]);
});

it('rules with a higher priority are tried first, those of the same one in the order of the files', () => {
  const text = `rules:
  - { name: second, then: [mark_seen] }
  - { name: last, priority: -1, then: [mark_seen] }
  - { name: first, priority: 10, then: [mark_seen] }
  - { name: third, then: [mark_seen] }`;
  const set = compileRules([{ name: 'a.yaml', text }]);
  assert.deepEqual(
    set.match(sampleMail()).map(({ rule }) => rule),
    ['first', 'second', 'third', 'last'],
  );
});

it('the defaults of a file are its rules’ where they say nothing, and no other file’s', () => {
  const rules = (prefix: string) => `rules:
  - { name: ${prefix} silent, then: [mark_seen] }
  - { name: ${prefix} speaks, account: sales, priority: 0, then: [mark_seen] }`;
  const set = compileRules([
    { name: 'a.yaml', text: rules('a') },
    {
      name: 'b.yaml',
      text: `defaults: { account: [support, office], mailbox: INBOX, priority: 5 }\n${rules('b')}`,
    },
  ]);
  const names = (account: string): string[] => set.match(sampleMail({ account })).map(({ rule }) => rule);
  assert.deepEqual(names('sales'), ['a silent', 'a speaks', 'b speaks']);
  assert.deepEqual(names('support'), ['b silent', 'a silent']);
  assert.deepEqual(set.match(sampleMail({ account: 'support', mailbox: 'Sent' })).length, 1);
});

it('a rule made over REST forwards and answers only what a person approves', () => {
  const made = (action: string) => () =>
    compileRules([{ name: 'rul_1', made: true, text: `{ name: a, then: [{ ${action} }] }` }]);
  assert.equal(made('forward: a@b.example')().rules.length, 1);
  assert.throws(made('forward: { to: a@b.example, send: auto }'), /cannot forward without a person/);
  assert.equal(made('draft: received')().rules.length, 1);
  assert.throws(made('draft: { template: received, send: auto }'), /cannot answer without a person/);
});
