// What cells show, by the value and the format that a workbook keeps.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInKind, columnOf, kindOfFormat, type NumberKind, showNumber } from './xlsx-cells.ts';

describe('a number format of the file', () => {
  const cases: [string, NumberKind][] = [
    ['General', 'plain'],
    ['0.00', 'plain'],
    ['#,##0.00 "day"', 'plain'],
    ['[Red]#,##0', 'plain'],
    ['0.00E+00', 'plain'],
    ['0.0%', 'percent'],
    ['yyyy\\-mm\\-dd', 'date'],
    ['[$-409]mmm\\ d', 'date'],
    ['mmm', 'date'],
    ['yyyy"年"m"月"d"日"', 'date'],
    ['dd/mm/yyyy hh:mm', 'date-time'],
    ['[h]:mm:ss', 'time'],
    ['hh:mm AM/PM', 'time'],
    ['"unclosed', 'plain'],
  ];
  for (const [code, kind] of cases) test(`${code} is ${kind}`, () => assert.equal(kindOfFormat(code), kind));
});

test('built-in formats are known', () => {
  assert.deepEqual([0, 2, 9, 14, 20, 22, 31, 46, 57, 164, Number.NaN].map(builtInKind), [
    'plain',
    'plain',
    'percent',
    'date',
    'time',
    'date-time',
    'date',
    'time',
    'date',
    'plain',
    'plain',
  ]);
});

describe('a value', () => {
  const cases: [string, NumberKind, string][] = [
    ['1', 'date', '1900-01-01'],
    ['59', 'date', '1900-02-28'],
    ['61', 'date', '1900-03-01'],
    ['46346', 'date', '2026-11-20'],
    ['46346.75', 'date', '2026-11-20'],
    ['46346.75', 'date-time', '2026-11-20 18:00'],
    ['46346', 'date-time', '2026-11-20'],
    ['46346.000011574', 'date-time', '2026-11-20 00:00:01'],
    ['0.5', 'time', '12:00'],
    ['46346.5', 'time', '2026-11-20 12:00'],
    ['-1', 'date', '-1'],
    ['1e300', 'date', '1e+300'],
    ['0.1875', 'percent', '18.75%'],
    ['1234.5600000000001', 'plain', '1234.56'],
    ['1.5E3', 'plain', '1500'],
    ['no number', 'date', 'no number'],
    ['', 'plain', ''],
  ];
  for (const [value, kind, shown] of cases) {
    test(`${value} as ${kind} is ${shown}`, () => assert.equal(showNumber(value, kind, false), shown));
  }

  test('counts from 1904 in workbooks of old Macs', () => {
    assert.equal(showNumber('44884', 'date', true), '2026-11-20');
  });
});

test('columns are read from references', () => {
  assert.deepEqual(['A1', 'z9', 'AA10', 'XFD1', '12', '', 'ABCD1', '$A$1'].map(columnOf), [
    0,
    25,
    26,
    16_383,
    null,
    null,
    null,
    null,
  ]);
});
