import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Condition } from '../contracts/rule-condition.ts';
import { compileRules } from './compile.ts';
import { textPattern } from './pattern.ts';
import { attached, rulesText, type SampleMail, sampleMail } from './testing.ts';
import { TextForm } from './text.ts';

const AGENT = 'agents: { writer: { run: { command: [node, writer.ts] } } }\n';

it('rules are tried in the order of the files and within them, and actions are objects', () => {
  const set = compileRules([
    { name: 'a.yaml', text: `${AGENT}rules:\n- { name: second, then: [mark_seen, { label: A }] }` },
    { name: 'b.yaml', text: 'rules:\n- { name: third, when: { from: x.example }, then: [stop] }' },
    { name: 'c.yaml', text: 'rules:\n- { name: fourth, then: [{ spawn: writer }, { mark_seen: true }] }' },
  ]);
  assert.deepEqual(set.match(sampleMail()), [
    { rule: 'second', actions: [{ mark_seen: true }, { label: 'A' }] },
    { rule: 'fourth', actions: [{ spawn: 'writer' }, { mark_seen: true }] },
  ]);
});

it('stop ends after its rule, and only when that rule matches', () => {
  const text = `rules:
  - { name: one, when: { from: x.example }, then: [label: X, stop] }
  - { name: two, then: [mark_seen] }`;
  const set = compileRules([{ name: 'a.yaml', text }]);
  const names = (mail: SampleMail): string[] => set.match(sampleMail(mail)).map(({ rule }) => rule);
  assert.deepEqual(names({ from: 'a@x.example' }), ['one']);
  assert.deepEqual(names({}), ['two']);
  assert.equal(set.explain(sampleMail({ from: 'a@x.example' }))[1]?.stopped_by, 'one');
});

it('explain names every condition that does not hold, and what the mail has', () => {
  const when = { subject: '/invoice/i', from: ['*@a.example', 'b.example'], thread: 'new' } as const;
  const set = compileRules([{ name: 'a.yaml', text: rulesText({ ...when, from: [...when.from] }) }]);
  const [explained] = set.explain(sampleMail({ subject: 'Quote\u202e\u0007 x' }));
  assert.equal(
    explained?.text,
    'does not match: from wants *@a.example, b.example, the mail has “anna@prospect.example”; ' +
      'subject wants /invoice/i, the mail has “Quote x”',
  );
  assert.deepEqual(
    explained?.failed.map(({ condition }) => condition),
    ['from', 'subject'],
  );
});

it('the version changes with the content and with nothing else', () => {
  const version = (name: string, text: string): string => compileRules([{ name, text }]).version;
  assert.equal(version('a.yaml', 'rules: []'), version('a.yaml', 'rules: []'));
  assert.notEqual(version('a.yaml', 'rules: []'), version('a.yaml', 'rules: [] '));
  assert.notEqual(version('a.yaml', 'rules: []'), version('b.yaml', 'rules: []'));
  assert.match(version('a.yaml', ''), /^[0-9a-f]{16}$/);
});

it('agents have their defaults, and an empty list of recipients stays empty', () => {
  const text = `agents:
  one: { run: { command: [node, x.ts] } }
  two: { run: { webhook: { url: "https://hook.example/x", secret_ref: "env:HOOK" } }, may: { recipients: [] } }`;
  const { agents } = compileRules([{ name: 'a.yaml', text }]);
  assert.equal(agents.get('one')?.may.reply, 'approve');
  assert.equal(agents.get('one')?.may.recipients, 'thread');
  assert.equal(agents.get('one')?.limits.per_sender, '5/1h');
  assert.deepEqual(agents.get('two')?.may.recipients, []);
});

/** A small generator with a seed, so that a failure can be seen again. */
function random(seed: number): <T>(items: readonly T[]) => T {
  let state = seed;
  return (items) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return items[Math.floor((state / 2 ** 32) * items.length)] as (typeof items)[number];
  };
}

it('the index leaves out no rule that matches', () => {
  const pick = random(7);
  const addresses = [
    ...['a@x.example', 'b@x.example', 'a@m.x.example', 'c@y.example', 'd@münchen.example'],
    ...['ſtraße@x.example', '"a  b"@x.example', 'no address'],
  ];
  const words = ['quote', 'Quotes', 'offer 12', 'x', '报价', 'Straße', 'ﬁnal', 'offer'];
  const subjects = [
    'quote',
    'off',
    '*quote*',
    'x?',
    '/quote|offer/i',
    '/(?:a|qu)ote?s*/',
    '/\\d+/',
    '/报价|x{2}/',
  ];
  const froms = [
    'a@x.example',
    'x.example',
    '*.x.example',
    '*',
    '/^a@/',
    'münchen.example',
    '!y.example',
    '!a@x.example',
    'a@m*.x.example',
    '*@*.x.example',
    '?@x.example',
    '/@(x|y)\\.example$/',
    '/straße|ſtraẞe/i',
  ];
  const files = ['report', 'Report-?.pdf', '*.pdf', '/repo(rt)?-[0-9]/i', '!*.png', 'Straße'];
  const values = ['1', '*', '!1', 'campaign-7', '/^CAMPAIGN-\\d$/i'];
  const atom = (): Condition =>
    pick<() => Condition>([
      () => ({ from: [pick(froms), pick(froms)] }),
      () => ({ subject: [pick(subjects)] }),
      () => ({ subject: [pick(subjects), pick(subjects)] }),
      () => ({ to: pick(froms) }),
      () => ({ account: pick(['sales', 'support', '!sales']) }),
      () => ({ type: pick(['text/plain', 'image/*', '!image/png']) }),
      () => ({ text: pick(subjects) }),
      () => ({ text: [pick(subjects), pick(subjects)], to: pick(froms) }),
      () => ({ header: { 'x-a': pick(values) } }),
      () => ({ list_id: pick(['news.example', '*.example', '!news.example']) }),
      () => ({ attachment: pick([true, false]) }),
      () => ({ attachment: { name: pick(files) } }),
      () => ({ attachment: { name: pick(files), type: pick(['application/pdf', 'image/*', '!image/*']) } }),
      () => ({ attachment: { name: pick(files), count: pick([0, 1, '<2', '>=1']) } }),
      () => ({ any: [{ subject: pick(subjects) }, { from: pick(froms) }] }),
      () => ({ not: { from: pick(froms) } }),
    ])();
  const conditions = Array.from({ length: 600 }, () => ({ all: [atom(), atom()] }));
  const set = compileRules([{ name: 'a.yaml', text: rulesText(...conditions) }]);
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const mail = sampleMail({
      from: pick([...addresses, null]),
      to: [pick(addresses), pick(addresses)],
      subject: `${pick(words)} ${pick(words)}`,
      text: pick([null, `${pick(words)} ${pick(words)}`, 'nothing']),
      account: pick(['sales', 'support']),
      parts: pick([
        [{}],
        [{}, { type: pick(['image/png', 'image/gif', 'application/pdf']) }],
        [
          {},
          attached('application/pdf', pick(['Report-1.pdf', 'report.PDF', 'STRASSE.txt', 'Straße.pdf']), 9),
        ],
      ]),
      headers: pick([
        {},
        { 'x-a': ['1'] },
        { 'x-a': ['2', 'Campaign-7'] },
        { 'list-id': ['News <news.example>'] },
        { 'list-id': ['other.example'], 'x-a': ['campaign-77'] },
      ]),
    });
    const byIndex = set.match(mail).map(({ rule }) => rule);
    const one = set.explain(mail).filter(({ matched }) => matched);
    assert.deepEqual(
      byIndex,
      one.map(({ rule }) => rule),
    );
    found += byIndex.length;
  }
  assert.ok(found > 1000, `the test would show nothing with ${found} matches`);
});

it('a subject of 1 MB and patterns made to explode end in bounded time', () => {
  const patterns = [
    '/(a+)+$/',
    '/^(a|aa)+b/',
    '/(.*)*(.*)*(.*)*x/',
    '/(x?){900}y/',
    '*a*a*a*a*a*a*a*b',
    '/(a|b|ab)*c/i',
  ];
  const set = compileRules([
    { name: 'a.yaml', text: rulesText(...patterns.map((subject) => ({ subject }))) },
  ]);
  const mail = sampleMail({ subject: `${'a'.repeat(1_000_000)}!` });
  const before = performance.now();
  set.match(mail);
  assert.ok(performance.now() - before < 2000, 'a backtracking engine would take longer than the universe');
});

it('a regular expression takes time in proportion to the text', () => {
  const pattern = textPattern('/(a+)+(b|bb)*[cd]x/', 'part');
  const time = (length: number): number => {
    const form = new TextForm('a'.repeat(length));
    const before = performance.now();
    for (let i = 0; i < 20; i++) pattern.test(form);
    return performance.now() - before;
  };
  time(10_000);
  const small = time(1000);
  assert.ok(
    time(10_000) < Math.max(small, 1) * 100,
    'ten times the text, and far more than ten times the time',
  );
});
