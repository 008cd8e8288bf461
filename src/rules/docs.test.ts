import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { actionWords } from '../contracts/rule.ts';
import { conditionWords } from '../contracts/rule-condition.ts';
import { silentLogger } from '../kernel/logger.ts';
import { compileRules } from './compile.ts';
import { loadRules } from './load.ts';
import type { RuleSet } from './match.ts';
import { sampleMail } from './testing.ts';

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

it('the rules of the sandbox wake the quote-writer for an unverified request, and for nothing else', async () => {
  const set = await loadRules(fileURLToPath(new URL('rules/', root)), silentLogger);
  assert.deepEqual(set.match(sampleMail({ subject: 'Request for quotation: pumps' })), [
    { rule: 'prospect quotes', actions: [{ spawn: 'quote-writer' }, { label: 'Agent/Quotes' }] },
  ]);
  assert.deepEqual(set.match(sampleMail({ subject: 'Lunch' })), []);
  assert.deepEqual(set.match(sampleMail({ subject: 'Quote', account: 'support' })), []);
  assert.equal(set.agents.get('quote-writer')?.may.reply, 'approve');
});
