import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RuleProblem } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { compileRules, type RuleFile } from './compile.ts';
import { sampleMail } from './testing.ts';

function problemsOf(...files: RuleFile[]): RuleProblem[] {
  try {
    compileRules(files);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    assert.equal(error.code, 'rules_invalid');
    return error.details.problems as RuleProblem[];
  }
  return [];
}

/** One file with one mistake: where it is (`line:column`) and what is said about it. */
function mistake(title: string, text: string, place: string, says: RegExp): void {
  it(title, () => {
    const problems = problemsOf({ name: 'quotes.yaml', text });
    assert.equal(problems.length, 1, JSON.stringify(problems));
    const [{ file, line, column, message }] = problems as [RuleProblem];
    assert.equal(file, 'quotes.yaml');
    assert.match(message, says);
    assert.equal(`${line}:${column}`, place, message);
  });
}

const AGENT = 'agents:\n  writer:\n    run: { command: [node] }\n';
/** A digest whose third line begins at column 5; what else it needs comes after it. */
const digest = (line: string): string => {
  const needed = { cron: '"0 8 * * *"', template: 'received', to: '[a@b.example]' };
  const rest = Object.entries(needed).filter(([key]) => !line.startsWith(`${key}:`));
  return `digests:\n  - name: x\n${[line, ...rest.map(([key, value]) => `${key}: ${value}`)].map((one) => `    ${one}\n`).join('')}`;
};
/** A rule whose `when` begins at line 4, column 7. */
const when = (lines: string): string => `rules:\n  - name: x\n    when:\n      ${lines}\n    then: [stop]\n`;
/** A rule whose action begins at line 7, column 9. */
const then = (action: string): string => `${AGENT}rules:\n  - name: x\n    then:\n      - ${action}\n`;
/** An agent whose keys begin at line 3, column 5. */
const agent = (lines: string): string => `agents:\n  writer:\n    ${lines}\n`;

describe('a mistake is told with file, line, column and a way to mend it', () => {
  mistake('a key with a typo', when('form: a.example'), '4:7', /unknown key `form`; did you mean `from`\?/);
  mistake('a key like no other', when('weather: fine'), '4:7', /unknown key `weather`; known here: from, to/);
  mistake(
    'a condition beside when',
    'rules:\n  - name: x\n    from: a.example\n    then: [stop]',
    '3:5',
    /under `when`/,
  );
  mistake('an unknown key of the file', 'rule: []', '1:1', /did you mean `rules`/);
  mistake(
    'a digest without a time',
    'digests:\n  - name: x\n    template: y\n    to: [z@b.example]',
    '2:5',
    /`cron`: is missing/,
  );
  mistake('a digest at no time', digest('cron: "0 25 * * *"'), '3:11', /`25` is not between 0 and 23/);
  mistake('a digest with seconds', digest('cron: "0 0 8 * * *"'), '3:11', /there are no seconds/);
  mistake(
    'a digest with a typo',
    digest('timezon: UTC'),
    '3:5',
    /unknown key `timezon`; did you mean `timezone`/,
  );
  mistake('a digest in no zone', digest('timezone: Europe/Zuerich'), '3:15', /name a time zone/);
  mistake('a digest for nobody', digest('to: []'), '3:9', /is an empty list/);
  mistake('a digest for no address', digest('to: [a@b.example, Anna]'), '3:23', /Anna.* has no @/);
  mistake('a digest for a number', digest('to: 3'), '3:9', /takes a list of addresses, `\{ file \}` or/);
  mistake('a digest of a file elsewhere', digest('to: { file: ../x.csv }'), '3:17', /below the rules folder/);
  mistake('a source with a typo', digest('data: { a: { mesages: {} } }'), '3:18', /did you mean `messages`/);
  mistake(
    'an option with a typo',
    digest('data: { a: { messages: { sinse: last } } }'),
    '3:30',
    /did you mean `since`/,
  );
  mistake(
    'a source in the clear',
    digest('data: { a: { http: { url: "http://x.example" } } }'),
    '3:31',
    /not https/,
  );
  mistake(
    'two digests of one name',
    `${digest('missed: all')}${digest('missed: all').slice('digests:\n'.length)}`,
    '7:11',
    /the digest `x` is already defined in quotes.yaml:2/,
  );
  mistake('a sent that is a word', when('sent: monday'), '4:13', /`sent`: takes a mapping of keys to values/);
  mistake(
    'a sent that says nothing',
    when('sent: { timezone: UTC }'),
    '4:13',
    /`sent` says nothing; write time/,
  );
  mistake('two addresses in one', when('from: "!a@b.example, c@d.example"'), '4:13', /more than one address/);
  mistake('no header', when('header: {}'), '4:15', /`header`: names no header/);
  mistake('an unknown key of sent', when('sent: { wekday: mon }'), '4:15', /did you mean `weekday`/);
  mistake(
    'a day that there is not',
    when('sent: { weekday: [mon, tues] }'),
    '4:30',
    /days such as mon or mon-fri/,
  );
  mistake('an hour that there is not', when('sent: { time: 8-25:00 }'), '4:21', /such as 08:00-18:00/);
  mistake('a time zone that there is not', when('sent: { timezone: Zurich }'), '4:25', /Europe\/Zurich/);
  mistake('a date in another order', when('sent: { since: 24.12.2026 }'), '4:22', /a day such as 2026-12-24/);
  mistake('a word that trust does not take', when('trust: verifed'), '4:14', /did you mean `verified`/);
  mistake('another in a list', when('trust: [asserted, "!lokalike"]'), '4:25', /did you mean `!lookalike`/);
  mistake('an exclusion of a warning', when('trust: [unverified]'), '4:15', /`not: { trust: asserted }`/);
  mistake('a move to nowhere', then('move: ""'), '7:15', /`move`: is empty/);
  mistake('a move without its value', then('move'), '7:9', /`move` needs a value, such as `- move: Archive`/);
  mistake('an unknown key of a move', then('move: { mailbox: A, make: true }'), '7:29', /unknown key `make`/);
  mistake('a move to several', then('move: [A, B]'), '7:15', /`move` needs a value/);
  mistake('a flag that takes mail away', then('flag: deleted'), '7:15', /`move` it to the folder/);
  mistake('a flag of two words', then('flag: [seen, to do]'), '7:22', /flags such as flagged/);
  mistake('a forward to a name', then('forward: anna'), '7:18', /`forward`: .*anna/);
  mistake('a forward to nobody', then('forward: { send: auto }'), '7:18', /`to`: takes a text or a list/);
  mistake(
    'an unknown way to forward',
    then('forward: { to: a@b.example, send: now }'),
    '7:43',
    /`now` is not one/,
  );
  mistake(
    'a priority that is a word',
    'rules:\n  - { name: a, priority: high, then: [stop] }',
    '2:26',
    /a number/,
  );
  mistake('an unknown default', 'defaults: { acount: x }', '1:13', /did you mean `account`/);
  mistake(
    'a bad pattern in a default',
    'defaults: { account: "/(/" }\nrules: [{ name: a, then: [stop] }]',
    '1:22',
    /is not a regular expression/,
  );
  const model = (more: string) =>
    agent(`run: { model: { provider: anthropic, url: https://x.example/v1, name: m, ${more} } }`);
  mistake(
    'a model without instructions',
    model('stream: true'),
    '3:19',
    /`instructions`: takes a text, or a map/,
  );
  mistake('a misspelt word of a model', model('instructions: x, pirce: {}'), '3:95', /did you mean `price`/);
  mistake(
    'instructions that are not there',
    model('instructions: { file: a.md }'),
    '3:100',
    /no text file `a.md`.* beside the rules/,
  );
  mistake(
    'instructions from elsewhere',
    model('instructions: { file: ../a.md }'),
    '3:100',
    /beside the rules/,
  );
  mistake(
    'a price with a typo',
    model('instructions: x, price: { input: 1, output: 2, inptu: 1 }'),
    '3:125',
    /did you mean `input`/,
  );
  mistake(
    'a model over http',
    agent('run: { model: { provider: anthropic, url: http://x.example/v1, name: m, instructions: x } }'),
    '3:47',
    /not https/,
  );
  mistake('a template that is a path', then('draft: ../x'), '7:16', /name a template by lower-case letters/);
  mistake(
    'an answer without its template',
    then('draft: { send: auto }'),
    '7:16',
    /`template` is missing|`template`: is missing/,
  );
  mistake(
    'a word of an answer with a typo',
    then('draft: { template: a, sned: auto }'),
    '7:31',
    /did you mean `send`/,
  );
  mistake(
    'an answer that is bare',
    then('draft'),
    '7:9',
    /`draft` needs a value, such as `- draft: received`/,
  );
  mistake(
    'an address of an answer that is none',
    then('draft: { template: a, addresses: [x] }'),
    '7:16',
    /`draft`: The recipient "x"/,
  );
  mistake('an unknown action', then('spwan: writer'), '7:9', /unknown action `spwan`; did you mean `spawn`/);
  mistake('an unknown bare action', then('stpo'), '7:9', /unknown action `stpo`; did you mean `stop`/);
  mistake('an action without its value', then('spawn'), '7:9', /`spawn` needs a value/);
  mistake('an action with a value that does nothing', then('mark_seen: false'), '7:20', /or leave it out/);
  mistake('two actions in one item', then('{ stop: true, label: x }'), '7:23', /one action for each/);
  mistake('an unknown agent', then('spawn: writre'), '7:16', /no agent `writre`; did you mean `writer`/);
  mistake('a label that is a list', then('label: [a]'), '7:16', /`label` needs a value/);
  mistake('a label with a control character', then('label: "a\\u0000"'), '7:16', /no control characters/);
  mistake('an unknown destination', then('post: crm'), '7:15', /no destination `crm`; no destinations are/);
  mistake('a post without a destination', then('post'), '7:9', /`post` needs a value/);
  mistake(
    'a key of a destination',
    then('post: { url: "https://a.example", sceret_ref: "env:X" }'),
    '7:43',
    /did you mean `secret_ref`/,
  );
  const to = (rest: string): string => `destinations:\n  crm: { ${rest} }`;
  mistake('a destination without TLS', to('url: "http://a.example"'), '2:15', /`allow_private: true`/);
  mistake(
    'a raw message with what only events have',
    to('url: "https://a.example", format: raw, journal: true'),
    '2:58',
    /`journal` goes with `format: json`/,
  );
  mistake(
    'a password in a URL',
    to('url: "https://u:canary@a.example"'),
    '2:15',
    /^(?!.*canary).*by reference/,
  );
  mistake('a key in the file', to('url: "https://a.example", secret_ref: whsec_x'), '2:48', /env:NAME/);
  mistake(
    'a header that is not the receiver’s to have',
    to('url: "https://a.example", headers: { Webhook-Id: "env:X" }'),
    '2:47',
    /Postern sets this header itself/,
  );
  mistake('no actions', 'rules:\n  - name: x\n', '2:5', /`then`: is missing/);
  mistake('an empty list of actions', 'rules:\n  - name: x\n    then: []\n', '3:11', /empty list/);
  mistake('a rule without a name', 'rules:\n  - then: [stop]\n', '2:5', /`name`: is missing/);
  mistake('a look-ahead', when('subject: /a(?=b)/'), '4:16', /look-around and back-references/);
  mistake('a bad regular expression in a list', when('subject: [a, /(/]'), '4:20', /missing closing \)/);
  mistake('a regular expression that does not end', when('subject: /abc'), '4:16', /does not end/);
  mistake('an unknown flag', when('subject: /abc/g'), '4:16', /unknown flag `g`/);
  mistake('a bad pattern deep within', when('not: { any: [{ from: anna }] }'), '4:28', /write \*@anna/);
  mistake('an exclusion of nothing', when('from: "!"'), '4:13', /excludes nothing/);
  mistake('an address without a domain', when('from: anna@'), '4:13', /no domain/);
  mistake('a number as a subject', when('subject: 2026'), '4:16', /2026, which is not a text \(quotes/);
  mistake('an empty list', when('from: []'), '4:13', /empty list/);
  mistake('a size without a comparison', when('size: 10MB'), '4:13', /write a size such as/);
  mistake('a size of an attachment', when('attachment: { size: big }'), '4:27', /write a size such as/);
  mistake(
    'an unknown key of an attachment',
    when('attachment: { encoding: x }'),
    '4:21',
    /unknown key `encoding`; known here: type/,
  );
  mistake('an attachment in words', when('attachment: big'), '4:19', /takes true, false, or a mapping/);
  mistake('trust: unverified', when('trust: unverified'), '4:14', /not: \{ trust: asserted \}/);
  mistake('thread: old', when('thread: old'), '4:15', /not one of its words; known here: new, reply/);
  mistake('a header with its colon', when('header: { "x-a:": 1x }'), '4:17', /no colon/);
  mistake(
    'a rule named twice',
    `rules:\n  - { name: x, then: [stop] }\n  - { name: x, then: [stop] }`,
    '3:13',
    /already defined in quotes.yaml:2/,
  );
  mistake('a key written twice', when('from: a.example\n      from: b.example'), '5:7', /here twice/);
  mistake('an agent with no way to run', agent('may: { reply: auto }'), '3:5', /`run` is missing/);
  mistake(
    'an action with a second one that is wrong',
    then('{ spawn: writer, stop: 1 }'),
    '7:26',
    /one action for each/,
  );
  mistake(
    'an agent with two ways to run',
    agent('run: { command: [a], webhook: {} }'),
    '3:26',
    /has several/,
  );
  mistake('a command as one text', agent('run: { command: node x.ts }'), '3:21', /`command`: takes a list/);
  mistake(
    'a secret in the file',
    agent('run: { webhook: { url: "https://a.example", secret_ref: whsec_x } }'),
    '3:61',
    /env:NAME/,
  );
  mistake(
    'a webhook that is no web address',
    agent('run: { webhook: { url: "ftp://a.example", secret_ref: "env:X" } }'),
    '3:28',
    /url/i,
  );
  mistake(
    'a word that reply does not take',
    agent('run: { command: [a] }\n    may: { reply: aprove }'),
    '4:19',
    /did you mean `approve`/,
  );
  mistake(
    'everybody by a star',
    agent('run: { command: [a] }\n    may: { recipients: ["*"] }'),
    '4:25',
    /recipients: any/,
  );
  mistake(
    'everybody as a blind copy',
    agent('run: { command: [a] }\n    may: { bcc: ["*"] }'),
    '4:18',
    /allows everybody; name them/,
  );
  mistake(
    'a reason to ask that is none',
    agent('run: { command: [a] }\n    may: { needs_approval_when: [first_contract] }'),
    '4:34',
    /is no reason to ask; did you mean `first_contact`/,
  );
  mistake(
    'a reason to ask with a key that is none',
    agent('run: { command: [a] }\n    may: { needs_approval_when: [{ amont: 5 }] }'),
    '4:36',
    /unknown key `amont`; did you mean `amount`/,
  );
  mistake(
    'a word to ask about that is no pattern',
    agent('run: { command: [a] }\n    may: { needs_approval_when: [{ words: ["/(/"] }] }'),
    '4:44',
    /missing closing|unexpected/i,
  );
  mistake(
    'an unknown limit',
    agent('run: { command: [a] }\n    limits: { timeout: 5m }'),
    '4:15',
    /unknown key `timeout`; known here: time/,
  );
  mistake(
    'a limit that is no duration',
    agent('run: { command: [a] }\n    limits: { time: soon }'),
    '4:21',
    /30s, 5m or 1h/,
  );
  mistake(
    'an agent name with capitals',
    'agents:\n  Writer: { run: { command: [a] } }',
    '2:3',
    /lower-case letters/,
  );
  mistake('a star without quotes', when('from: *@a.example'), '4:13', /must stand in quotes/);
  mistake('an exclamation mark without quotes', when('from: !a.example'), '4:13', /must stand in quotes/);
  mistake('a tab', 'rules:\n\t- name: x', '2:1', /indent with spaces/);
  mistake('an open quote', 'rules:\n  - name: "x', '2:13', /missing closing "quote/);
  mistake('a text with a colon', when('subject: Re: x'), '4:16', /put a text that has a colon in quotes/);
  mistake('a second document', 'rules: []\n---\nrules: []', '2:1', /a file of its own/);
  mistake('a list instead of a file', '- name: x', '1:1', /the file: takes a mapping/);
  mistake('a prototype', when('header: { __proto__: x }'), '4:17', /unknown key `__proto__`/);
  mistake('an alias within itself', 'rules: &a [*a]', '1:12', /refers to itself/);
});

it('all problems of all files are told at once, in the order of the files', () => {
  const problems = problemsOf(
    { name: 'b.yaml', text: when('subject: /(/\n      form: x') },
    { name: 'a.yaml', text: 'agents: { writer: { run: { command: [a] } } }\nrule: []' },
    { name: 'c.yaml', text: when('subject: /(/\n      size: ">1MB"').replace('stop', 'spwan') },
    { name: 'd.yaml', text: when('subject: [/(/, "/[/"]') },
  );
  assert.deepEqual(
    problems.map(({ file, line }) => `${file}:${line}`),
    ['b.yaml:5', 'a.yaml:2', 'c.yaml:6', 'd.yaml:4', 'd.yaml:4'],
  );
});

it('an agent and a rule may not be named twice across files', () => {
  const one = `${AGENT}rules:\n- { name: x, then: [stop] }`;
  const problems = problemsOf({ name: 'a.yaml', text: one }, { name: 'b.yaml', text: one });
  assert.deepEqual(
    problems.map(({ file, message }) => `${file} ${message}`),
    [
      'b.yaml the agent `writer` is already defined in a.yaml:2',
      'b.yaml the rule `x` is already defined in a.yaml:5',
    ],
  );
});

it('an agent of another file can be spawned', () => {
  const set = compileRules([
    { name: 'a.yaml', text: 'rules:\n- { name: x, then: [{ spawn: writer }] }' },
    { name: 'b.yaml', text: AGENT },
  ]);
  assert.equal(set.rules.length, 1);
});

it('an empty file, and one of comments, are fine', () => {
  const set = compileRules([
    { name: 'a.yaml', text: '' },
    { name: 'b.yaml', text: '# nothing yet\n' },
  ]);
  assert.equal(set.rules.length, 0);
});

it('a list may be written once and used again', () => {
  const text = `rules:
  - { name: a, when: { from: &vips [a.example, b.example] }, then: [stop] }
  - { name: b, when: { to: *vips }, then: [stop] }`;
  assert.deepEqual(compileRules([{ name: 'a.yaml', text }]).rules[1]?.when?.to, ['a.example', 'b.example']);
});

describe('a hostile file ends in a problem, soon', () => {
  const laughs = [
    'a0: &a0 [x, x, x]',
    ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`),
  ];
  const chain = [
    'rules:',
    '- &c0 { subject: x }',
    ...Array.from({ length: 20_000 }, (_, i) => `- &c${i + 1} { not: *c${i} }`),
  ];
  const chained = `${chain.join('\n')}\n- { name: x, when: *c20000, then: [stop] }`;
  const nested = `${when(`${'not: { '.repeat(30)}subject: x${' }'.repeat(30)}`)}`;
  const hostile: [string, string][] = [
    ['aliases of aliases', laughs.join('\n')],
    ['a chain of aliases', chained],
    ['conditions nested 30 deep', nested],
    ['100,000 brackets', '['.repeat(100_000)],
    ['a list of 20,000 addresses', when(`from: [${'a.example, '.repeat(20_000)}b.example]`)],
    ['a pattern of 100,000 characters', when(`subject: ${'a?'.repeat(50_000)}`)],
  ];
  for (const [title, text] of hostile) {
    it(title, () => {
      const before = performance.now();
      const problems = problemsOf({ name: 'a.yaml', text });
      assert.ok(problems.length > 0);
      assert.ok(performance.now() - before < 5000);
    });
  }
});

it('a destination may stand in another file than the rules that post to it, or where it is posted to', () => {
  const set = compileRules([
    {
      name: 'a.yaml',
      text: 'rules: [{ name: all, then: [{ post: crm }, { post: { url: "https://b.example" } }] }]',
    },
    { name: 'b.yaml', text: 'destinations: { crm: { url: "https://a.example", mark_seen: true } }' },
  ]);
  assert.deepEqual([...set.destinations.keys()], ['crm', 'all#2']);
  assert.deepEqual(set.match(sampleMail({}))[0]?.actions, [{ post: 'crm' }, { post: 'all#2' }]);
  assert.equal(set.destinations.get('crm')?.mark_seen, true);
  assert.equal(set.destinations.get('all#2')?.url, 'https://b.example');
});
