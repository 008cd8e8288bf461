import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SentCondition } from '../contracts/rule-condition.ts';
import { compileRules } from './compile.ts';
import { matches, sampleMail } from './testing.ts';

const FRIDAY = '2026-11-20';
const sent = (condition: SentCondition, date: string | null): boolean =>
  matches({ sent: condition }, { date });

describe('sent', () => {
  it('takes a span of the day, its end not included', () => {
    const times: [clock: string, holds: boolean][] = [
      ['07:59', false],
      ['08:00', true],
      ['17:59', true],
      ['18:00', false],
    ];
    for (const [clock, holds] of times)
      assert.equal(sent({ time: '8:00-18:00' }, `${FRIDAY}T${clock}Z`), holds, clock);
    assert.ok(sent({ time: ['08:00-09:00', '20:00-24:00'] }, `${FRIDAY}T23:59Z`));
    assert.ok(sent({ time: '00:00-24:00' }, `${FRIDAY}T12:00Z`));
  });

  it('takes a span that passes midnight', () => {
    assert.ok(sent({ time: '22:00-06:00' }, `${FRIDAY}T23:00Z`));
    assert.ok(sent({ time: '22:00-06:00' }, `${FRIDAY}T05:59Z`));
    assert.ok(!sent({ time: '22:00-06:00' }, `${FRIDAY}T06:00Z`));
  });

  it('takes weekdays, one by one and as spans, also over the end of the week', () => {
    assert.ok(sent({ weekday: 'mon-fri' }, `${FRIDAY}T12:00Z`));
    assert.ok(!sent({ weekday: ['sat', 'sun'] }, `${FRIDAY}T12:00Z`));
    assert.ok(sent({ weekday: 'Fri-Mon' }, `${FRIDAY}T12:00Z`));
    assert.ok(!sent({ weekday: 'sat-mon' }, `${FRIDAY}T12:00Z`));
  });

  it('reads the clock and the calendar of its time zone, summer time included', () => {
    const zurich = { timezone: 'Europe/Zurich' };
    assert.ok(sent({ ...zurich, time: '09:00-09:01' }, '2026-11-20T08:00Z'), 'an hour ahead in winter');
    assert.ok(sent({ ...zurich, time: '10:00-10:01' }, '2026-07-20T08:00Z'), 'two in summer');
    assert.ok(sent({ timezone: 'Asia/Tokyo', weekday: 'sat', since: '2026-11-21' }, `${FRIDAY}T15:00Z`));
    assert.ok(sent({ weekday: 'fri', before: '2026-11-21' }, `${FRIDAY}T15:00Z`), 'UTC where none is named');
  });

  it('takes days from one on, and before one', () => {
    const holidays = { since: '2026-12-24', before: '2027-01-04' };
    assert.ok(!sent(holidays, '2026-12-23T23:59Z'));
    assert.ok(sent(holidays, '2026-12-24T00:00Z'));
    assert.ok(sent(holidays, '2027-01-03T23:59Z'));
    assert.ok(!sent(holidays, '2027-01-04T00:00Z'));
  });

  it('goes by the arrival where the mail has no date, and does not hold where nothing is known', () => {
    const arrivedAt = Date.parse(`${FRIDAY}T12:00Z`);
    assert.ok(matches({ sent: { weekday: 'fri' } }, { date: null, arrivedAt }));
    assert.ok(!matches({ sent: { weekday: 'mon-sun' } }, { date: null }));
  });

  it('takes the time zone of the defaults of its file, and no other file’s', () => {
    const rule = (name: string) =>
      `rules: [{ name: ${name}, when: { sent: { weekday: sat } }, then: [stop] }]`;
    const set = compileRules([
      { name: 'a.yaml', text: rule('here') },
      { name: 'b.yaml', text: `defaults: { timezone: Asia/Tokyo }\n${rule('there')}` },
    ]);
    const mail = sampleMail({ date: `${FRIDAY}T15:00Z` });
    assert.deepEqual(
      set.match(mail).map(({ rule }) => rule),
      ['there'],
    );
    assert.match(set.explain(mail)[0]?.text ?? '', /the mail has fri 2026-11-20 15:00 \(UTC\)/);
  });
});
