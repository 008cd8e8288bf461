import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { actionWords } from '../contracts/rule.ts';
import { conditionWords, trustWords } from '../contracts/rule-condition.ts';
import { silentLogger } from '../kernel/logger.ts';
import { compileRules } from './compile.ts';
import { loadRules } from './load.ts';
import type { RuleSet } from './match.ts';
import { type SampleMail, sampleMail } from './testing.ts';

const root = new URL('../../', import.meta.url);
const page = await readFile(new URL('docs/rules.md', root), 'utf8');
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
const compiled = (holds: string): RuleSet => {
  const text = examples.find((example) => example.includes(holds));
  assert.ok(text, `docs/rules.md has an example with ${holds}`);
  return compileRules([{ name: 'docs.yaml', text }]);
};

it('every example of docs/rules.md compiles', () => {
  assert.ok(examples.length >= 7);
  for (const text of examples) compileRules([{ name: 'docs.yaml', text }]);
});

it('docs/rules.md names every condition and action that there is', () => {
  for (const word of [...conditionWords, ...actionWords]) assert.ok(page.includes(`\`${word}`), word);
});

it('the examples do what the page says', () => {
  assert.equal(compiled('prospect quotes').match(sampleMail({ subject: 'Pricing?' })).length, 1);
  const files = compiled('suspicious files');
  const parts = [{ type: 'application/x-dosexec', filename: 'a.EXE', disposition: 'attachment' as const }];
  assert.equal(files.match(sampleMail({ parts })).length, 1);
  assert.equal(files.match(sampleMail({ parts, from: 'a@it.example.org' })).length, 0);
  const invoice = sampleMail({
    account: 'office-zh',
    subject: 'Ihre RECHNUNG 7',
    trust: 'verified',
    parts: [{}, { type: 'application/pdf' }],
  });
  assert.equal(compiled('name: invoices').match(invoice).length, 1);
});

it('the examples of times, texts, warnings and forwarding do what the page says', () => {
  const names = (holds: string, mail: SampleMail): string[] =>
    compiled(holds)
      .match(sampleMail(mail))
      .map(({ rule }) => rule);
  const at = (date: string) => names('name: holidays', { account: 'support', date });
  assert.deepEqual(at('2026-12-24T10:00Z'), ['holidays']);
  assert.deepEqual(at('2026-11-20T17:30Z'), ['out of hours'], 'half past six in Zurich');
  assert.deepEqual(at('2026-11-20T16:30Z'), []);
  assert.deepEqual(names('name: holidays', { date: '2026-12-24T10:00Z' }), [], 'another account');
  assert.deepEqual(names('name: urgent', { text: 'Bitte, es ist DRINGEND' }), ['urgent']);
  assert.deepEqual(names('name: urgent', { text: 'urgent! unsubscribe here' }), []);
  assert.deepEqual(names('name: urgent', { headers: { 'list-unsubscribe': ['<https://x.example>'] } }), [
    'newsletters',
  ]);
  assert.deepEqual(names('name: pretenders', { trust: 'verified', trustFlags: ['lookalike'] }), [
    'pretenders',
  ]);
  assert.deepEqual(names('name: orders', { subject: 'Order 7' }), []);
  const [order] = compiled('name: orders').match(sampleMail({ subject: 'Order 7', trust: 'asserted' }));
  const note = "From the shop's mailbox:";
  const forward = { to: ['warehouse@example.org'], send: 'auto', note, limit: '100/1d' };
  assert.deepEqual(order?.actions, [{ forward }]);
});

it('docs/rules.md names every warning that trust takes', () => {
  for (const word of trustWords) assert.ok(page.includes(`\`${word}\``), word);
});

it('the rules of the sandbox wake the quote-writer for an unverified request, and for nothing else', async () => {
  const set = await loadRules(fileURLToPath(new URL('rules/', root)), silentLogger);
  assert.deepEqual(set.match(sampleMail({ subject: 'Request for quotation: pumps' })), [
    { rule: 'prospect quotes', actions: [{ spawn: 'quote-writer' }, { label: 'Agent/Quotes' }] },
  ]);
  assert.deepEqual(set.match(sampleMail({ subject: 'Lunch' })), []);
  assert.deepEqual(set.match(sampleMail({ subject: 'Quote', account: 'support' })), []);
  assert.equal(set.agents.get('quote-writer')?.may.reply, 'approve');
});
