// Tables in text, as programs write them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rowsOf, separatorOf } from './csv.ts';

function rows(...texts: string[]): { cells: string[][]; cuts: number } {
  let cuts = 0;
  const cells = [...rowsOf(texts, ',', () => cuts++)].map((row) => row.cells);
  return { cells, cuts };
}

describe('rows', () => {
  const cases: [string, string[], string[][]][] = [
    ['end with any line end', ['a,b\r\nc\nd\re'], [['a', 'b'], ['c'], ['d'], ['e']]],
    ['keep what stands in quotes', ['"a,b","c\nd","e ""f"""'], [['a,b', 'c\nd', 'e "f"']]],
    ['keep quotes within a cell', ['5" tube,x'], [['5" tube', 'x']]],
    ['may be empty', ['a\n\nb'], [['a'], [''], ['b']]],
    ['may end without a line end', ['a,'], [['a', '']]],
    ['may come in pieces, cut anywhere', ['"a"', '"b",c\r', '\nd'], [['a"b', 'c'], ['d']]],
  ];
  for (const [what, texts, expected] of cases) {
    test(what, () => assert.deepEqual(rows(...texts).cells, expected));
  }

  test('count from 1', () => {
    assert.deepEqual(
      [...rowsOf(['a\nb'], ',', () => undefined)].map(({ row }) => row),
      [1, 2],
    );
  });

  test('are cut where a quote is never closed, and what follows is read again', () => {
    const { cells, cuts } = rows(`"${'x'.repeat(70_000)}\nnext,row\n`);
    assert.equal(cells[0]?.[0]?.length, 32_768);
    assert.deepEqual(cells.at(-1), ['next', 'row']);
    assert.ok(cuts > 0);
  });
});

describe('the separator', () => {
  for (const [separator, sample] of [
    [';', 'name;price\n"a, b";1,50\n"c, d";2,75\n'],
    ['\t', 'a\tb\n1,5\t2\n'],
    ['|', 'a|b|c\n1|2|3\n'],
    [',', 'a,b\n1,2\n'],
    [',', 'no separator at all'],
  ] as const) {
    test(`of ${JSON.stringify(sample)} is ${JSON.stringify(separator)}`, () =>
      assert.equal(separatorOf(sample), separator));
  }
});
