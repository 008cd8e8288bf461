import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cronMistake } from '../rules/cron-fields.ts';
import { readCron } from './cron.ts';
import { lastBefore, momentsBetween, nextAfter } from './schedule.ts';

/** What is due after a moment, as UTC. */
function due(cron: string, timezone: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | null = Date.parse(after); found.length < count; ) {
    at = nextAfter({ cron, timezone }, at);
    if (at === null) break;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

const TABLE: [what: string, cron: string, timezone: string, after: string, expected: string[]][] = [
  [
    'an ordinary morning',
    '0 8 * * 1-5',
    'Europe/Zurich',
    '2026-11-20T12:00Z',
    ['2026-11-23T07:00', '2026-11-24T07:00'],
  ],
  ['the moment itself is over', '0 8 * * *', 'UTC', '2026-11-20T08:00Z', ['2026-11-21T08:00']],
  [
    'Zurich, clocks go forward: 02:30 is skipped and comes at 03:00',
    '30 2 * * *',
    'Europe/Zurich',
    '2026-03-28T00:00Z',
    ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
  ],
  [
    'Zurich, clocks go forward: every half hour comes once',
    '*/30 * * * *',
    'Europe/Zurich',
    '2026-03-29T00:00Z',
    ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
  ],
  [
    'Zurich, clocks go back: 02:30 comes the first time',
    '30 2 * * *',
    'Europe/Zurich',
    '2026-10-24T12:00Z',
    ['2026-10-25T00:30', '2026-10-26T01:30'],
  ],
  [
    'Zurich, clocks go back: the morning is as ever',
    '0 8 * * *',
    'Europe/Zurich',
    '2026-10-24T00:00Z',
    ['2026-10-24T06:00', '2026-10-25T07:00'],
  ],
  [
    'New York, clocks go forward',
    '30 2 * * *',
    'America/New_York',
    '2026-03-07T08:00Z',
    ['2026-03-08T07:00', '2026-03-09T06:30'],
  ],
  [
    'New York, clocks go back',
    '30 1 * * *',
    'America/New_York',
    '2026-10-31T06:00Z',
    ['2026-11-01T05:30', '2026-11-02T06:30'],
  ],
  [
    'Lord Howe, half an hour forward: 02:10 comes at 02:30',
    '10 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-02T16:00Z',
    ['2026-10-03T15:30', '2026-10-04T15:10'],
  ],
  [
    'Lord Howe, half an hour back: 01:45 comes the first time',
    '45 1 * * *',
    'Australia/Lord_Howe',
    '2026-04-04T00:00Z',
    ['2026-04-04T14:45', '2026-04-05T15:15'],
  ],
  [
    'Samoa left out a day: its morning comes at the next midnight',
    '0 8 30 12 *',
    'Pacific/Apia',
    '2011-12-01T00:00Z',
    ['2011-12-30T10:00', '2012-12-29T18:00'],
  ],
  [
    'midnight that a zone skips',
    '0 0 * * *',
    'America/Santiago',
    '2026-09-05T05:00Z',
    ['2026-09-06T04:00', '2026-09-07T03:00'],
  ],
  [
    'the 31st, where months have one',
    '0 9 31 * *',
    'Europe/Zurich',
    '2026-01-31T12:00Z',
    ['2026-03-31T07:00', '2026-05-31T07:00'],
  ],
  [
    'the last day of the month',
    '0 9 L * *',
    'UTC',
    '2026-01-31T12:00Z',
    ['2026-02-28T09:00', '2026-03-31T09:00'],
  ],
  [
    'the 29th of February',
    '0 0 29 2 *',
    'UTC',
    '2026-01-01T00:00Z',
    ['2028-02-29T00:00', '2032-02-29T00:00'],
  ],
  [
    'the 29th of February where a century has none',
    '0 0 29 2 *',
    'UTC',
    '2096-03-01T00:00Z',
    ['2104-02-29T00:00'],
  ],
  [
    'the turn of the year',
    '0 0 1 1 *',
    'Europe/Zurich',
    '2026-11-20T00:00Z',
    ['2026-12-31T23:00', '2027-12-31T23:00'],
  ],
  [
    'the last minute of the year',
    '59 23 31 12 *',
    'America/New_York',
    '2026-11-20T00:00Z',
    ['2027-01-01T04:59'],
  ],
  ['the second Tuesday', '0 6 * * 2#2', 'UTC', '2026-11-01T00:00Z', ['2026-11-10T06:00', '2026-12-08T06:00']],
  [
    'a zone with a quarter of an hour',
    '0 0 * * *',
    'Asia/Kathmandu',
    '2026-11-20T00:00Z',
    ['2026-11-20T18:15'],
  ],
];

describe('a schedule', () => {
  for (const [what, cron, timezone, after, expected] of TABLE)
    it(`comes when it should: ${what}`, () => {
      assert.deepEqual(due(cron, timezone, after, expected.length), expected);
    });

  it('is the same backwards', () => {
    for (const [, cron, timezone, after, expected] of TABLE) {
      const moments = expected.map((text) => Date.parse(`${text}Z`));
      const last = moments.at(-1) as number;
      assert.deepEqual(momentsBetween({ cron, timezone }, Date.parse(after), last, 100), moments, cron);
      if (moments.length > 1) assert.equal(lastBefore({ cron, timezone }, last), moments.at(-2), cron);
    }
  });

  it('gives the last ones where there are more than wanted', () => {
    const until = Date.parse('2026-11-20T08:30Z');
    const moments = momentsBetween({ cron: '0 * * * *', timezone: 'UTC' }, 0, until, 3);
    assert.deepEqual(
      moments,
      [6, 7, 8].map((hour) => Date.parse(`2026-11-20T0${hour}:00Z`)),
    );
  });

  it('takes every minute of a day on which the clocks change: one hour less, and none twice', () => {
    const of = (from: string, until: string) =>
      momentsBetween(
        { cron: '* * * * *', timezone: 'Europe/Zurich' },
        Date.parse(from),
        Date.parse(until),
        10_000,
      );
    assert.equal(of('2026-03-28T23:00Z', '2026-03-29T22:00Z').length, 23 * 60);
    assert.equal(of('2026-10-24T22:00Z', '2026-10-25T23:00Z').length, 24 * 60);
  });
});

describe('a cron expression', () => {
  const GOOD = [
    '0 8 * * 1-5',
    '*/15 * * * *',
    '0 8-18/2 * * mon-fri',
    '0 0 L * *',
    '0 0 LW * *',
    '0 0 15W * *',
    '0 0 * * 5L',
    '0 0 * * 2#2',
    '5,10 0 1,15 jan,jul *',
    '0 0 29 2 *',
    '0 0 * * 7',
    '0 0 L-3 * *',
  ];
  const BAD = [
    '',
    '0 8 * *',
    '0 0 8 * * *',
    '60 8 * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '0 0 32 * *',
    '0 0 * 13 *',
    '0 0 * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    'x * * * *',
    '0 0 30 2 *',
    '0 0 31 apr,jun *',
    '1/2/3 * * * *',
    '@daily',
    '0 0 * * mon#9',
    '1--2 * * * *',
  ];

  for (const text of GOOD)
    it(`is read: ${text}`, () => {
      assert.equal(cronMistake(text), null);
      readCron(text);
    });
  for (const text of BAD)
    it(`is refused: ${text || 'nothing'}`, () => assert.notEqual(cronMistake(text), null));
});
