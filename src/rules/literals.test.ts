import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LiteralSearch } from './literal-search.ts';
import { requiredLiterals } from './literals.ts';

describe('what a regular expression needs', () => {
  const cases: [string, string[][]][] = [
    ['Invoice', [['invoice']]],
    ['\\b(quote|pricing)\\b', [['quote', 'pricing']]],
    ['order\\s+no\\.? \\d{4}-x', [['order'], ['no'], ['-x']]],
    ['ab?cd', [['cd']]],
    ['abc+d', [['abc']]],
    ['(?:abc)?def', [['def']]],
    ['(?i)abc', [['abc']]],
    ['(?P<n>abc)(?<m>de)', [['abc'], ['de']]],
    ['abc|\\d', []],
    ['(abc|)def', [['def']]],
    ['[abc]de[^]f]gh', [['de'], ['gh']]],
    ['报价|询价', [['报价', '询价']]],
    ['größe', [['gr']]],
    ['a{0,3}bc', [['bc']]],
    ['(ab){2}', [['ab']]],
    ['ab|cd|e', []],
    ['\\Qa.b\\E', []],
    ['\\x41bc', []],
    ['[[:alpha:]]bc', []],
    ['.*', []],
  ];
  for (const [pattern, literals] of cases) {
    it(`/${pattern}/ needs ${JSON.stringify(literals)}`, () => {
      assert.deepEqual(requiredLiterals(pattern), literals);
    });
  }
});

it('the search finds the literals that are in a text, each once, and no others', () => {
  const literals = ['he', 'she', 'his', 'hers', 'a', 'aa', 'aaa', 'rs'];
  const search = new LiteralSearch(literals);
  for (const text of ['ushers', 'aaaa', 'hishe', '', 'xyz', 'shershehis', 'ahe']) {
    const found: string[] = [];
    search.search(text, (number) => found.push(literals[number] as string));
    assert.deepEqual(found.sort(), literals.filter((literal) => text.includes(literal)).sort(), text);
  }
});
