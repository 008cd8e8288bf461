// The sinks of a rules file and the action that names them: what is taken, and what is refused with its place and a way to
// mend it.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RuleProblem } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { compileRules } from './compile.ts';
import { sampleMail } from './testing.ts';

const compiled = (text: string) => compileRules([{ name: 'rules.yaml', text }]);
const actionsOf = (then: string, rest = '') =>
  compiled(`${rest}\nrules: [{ name: all, then: [${then}] }]`).match(sampleMail({}))[0]?.actions;

it('takes attachments into the local index where nothing else is said', () => {
  const usual = { attachments: true, message: false, to: ['local'], max_size: '100MB' };
  assert.deepEqual(actionsOf('ingest'), [{ ingest: usual }]);
  assert.deepEqual(actionsOf('ingest: {}'), [{ ingest: usual }]);
  const given = actionsOf(
    'ingest: { attachments: false, message: true, to: [local, kb], max_size: 1MB }',
    'knowledge: { kb: { http: { url: "https://kb.example/in" } } }',
  );
  assert.deepEqual(given, [
    { ingest: { attachments: false, message: true, to: ['local', 'kb'], max_size: '1MB' } },
  ]);
});

it('takes a body of any shape, and fields in the path of a URL', () => {
  const set = compiled(`
knowledge:
  kb:
    http:
      url: "https://kb.example/{{sha256}}/{{ number }}"
      each: chunk
      headers: { Authorization: "env:KB" }
      body: [{ name: "{{title}} of {{from}}", text: "{{ text }}", tags: [mail, 1, true, null], parts: "{{chunks}}" }]
  archive: { folder: /srv/archive }
`);
  assert.deepEqual([...set.knowledge.keys()], ['kb', 'archive']);
});

/** The first problem, as `line:column message`. */
function problemOf(text: string): string {
  try {
    compiled(text);
  } catch (error) {
    assert.ok(error instanceof PosternError && error.code === 'rules_invalid', String(error));
    const [first] = error.details.problems as RuleProblem[];
    return `${first?.line}:${first?.column} ${first?.message}`;
  }
  assert.fail('it was taken');
}

const kb = (http: string): string => `knowledge:\n  kb: { http: { ${http} } }`;
for (const [what, text, expected] of [
  [
    'a sink that is not there',
    'knowledge: { archive: { folder: /a } }\nrules:\n  - name: a\n    then: [{ ingest: { to: [archiv] } }]',
    '4:29 there is no sink `archiv`; did you mean `archive`?',
  ],
  [
    'an action that takes nothing',
    'rules:\n  - name: a\n    then: [{ ingest: { attachments: false } }]',
    '3:22 `ingest`: takes nothing: set `attachments` or `message` to true',
  ],
  [
    'a misspelt option',
    'rules:\n  - name: a\n    then: [{ ingest: { attachment: true } }]',
    '3:24 unknown key `attachment`; did you mean `attachments`?',
  ],
  [
    'a value of another kind',
    'rules:\n  - name: a\n    then: [{ ingest: local }]',
    '3:22 write `- ingest`, or what it takes and where it goes: `- ingest: { message: true, to: [local] }`',
  ],
  [
    'a size without a unit',
    'rules:\n  - name: a\n    then: [{ ingest: { max_size: "7" } }]',
    '3:34 `max_size`: write a size such as 1MB',
  ],
  [
    'a sink of no kind',
    'knowledge:\n  kb: {}',
    '2:7 `kb`: takes `{ http: { url } }` or `{ folder: /a/path }`',
  ],
  [
    'a sink of an unknown kind',
    'knowledge:\n  kb: { htpp: {} }',
    '2:9 unknown key `htpp`; did you mean `http`?',
  ],
  [
    'a sink of both kinds',
    'knowledge:\n  kb: { http: { url: "https://a.example" }, folder: /a }',
    '2:45 a sink is either `http` or a `folder`, and this has both',
  ],
  [
    'an unknown key of http',
    kb('url: "https://a.example", bodi: {}'),
    '2:43 unknown key `bodi`; did you mean `body`?',
  ],
  ['a URL that is none', kb('url: kb'), '2:22 `url`: write a URL such as https://kb.example/documents'],
  [
    'a URL without TLS',
    kb('url: "http://kb.example/"'),
    '2:22 `url` is not https; inside your own network write `allow_private: true` beside it',
  ],
  [
    'a password in a URL',
    kb('url: "https://a:b@kb.example/"'),
    '2:22 `url` must not hold a user name or a password; name them in `headers` by reference',
  ],
  [
    'a host that is filled in',
    kb('url: "https://{{sha256}}.example/"'),
    '2:22 `url` names its host itself; only behind it may fields stand',
  ],
  [
    'a field of the mail in a URL',
    kb('url: "https://kb.example/{{subject}}"'),
    '2:22 a URL may name `id`, `sha256`, `number` alone, and has `subject`',
  ],
  [
    'a number of no chunk',
    kb('url: "https://kb.example/{{number}}"'),
    '2:22 `number` is that of a chunk: write `each: chunk` beside it',
  ],
  [
    'an unknown field',
    kb('url: "https://kb.example/", body: { a: [x, "from {{form}}"] }'),
    '2:60 there is no field `form`; did you mean `from`?',
  ],
  [
    'the document too many times',
    kb(
      'url: "https://kb.example/", body: ["{{content_base64}}{{content_base64}}{{content_base64}}{{content_base64}}{{content_base64}}"]',
    ),
    '2:52 `content_base64` stands in `body` more than 4 times',
  ],
  [
    'a secret that is written out',
    kb('url: "https://kb.example/", headers: { Authorization: "Bearer x" }'),
    '2:71 `Authorization`: write env:NAME or file:/path',
  ],
  [
    'a folder that is no whole path',
    'knowledge:\n  kb: { folder: documents }',
    '2:17 `folder` must be a whole path such as /srv/documents, without `..`',
  ],
  [
    'a folder that climbs',
    'knowledge:\n  kb: { folder: /srv/../etc }',
    '2:17 `folder` must be a whole path such as /srv/documents, without `..`',
  ],
  [
    'the name of the index',
    'knowledge:\n  local: { folder: /srv }',
    "2:10 `local` is the gateway's own index and always there: give this sink another name",
  ],
] as const)
  it(`refuses ${what}`, () => assert.equal(problemOf(text), expected));
