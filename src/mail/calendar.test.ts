// What is read of invitations, as Outlook, Google and Apple write them, and of what is none.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCalendar } from './calendar.ts';

const ics = (...lines: string[]): string => ['BEGIN:VCALENDAR', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]): string =>
  ics('METHOD:REQUEST', 'BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT');

describe('an invitation', () => {
  it('is read whole', () => {
    const text = ics(
      'PRODID:-//Google Inc//Google Calendar 70.9054//EN',
      'METHOD:REQUEST',
      'BEGIN:VTIMEZONE',
      'TZID:Europe/Zurich',
      'BEGIN:STANDARD',
      'DTSTART:19701025T030000',
      'END:STANDARD',
      'END:VTIMEZONE',
      'BEGIN:VEVENT',
      'DTSTART;TZID=Europe/Zurich:20261120T150000',
      'DTEND;TZID="W. Europe Standard Time":20261120T160000',
      'ORGANIZER;CN="Muster, Anna":mailto:anna@prospect.example',
      'UID:abc@prospect.example',
      'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=',
      ' TRUE;CN=Sales;X-NUM-GUESTS=0:mailto:sales@company.example',
      'ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Bob:MAILTO:bob@prospect.example',
      'SUMMARY:Tour\\, with tea\\nand more',
      'LOCATION:Hall 3\\; door B',
      'SEQUENCE:2',
      'STATUS:CONFIRMED',
      'RRULE:FREQ=WEEKLY;COUNT=3',
      'BEGIN:VALARM',
      'SUMMARY:Alarm notification',
      'END:VALARM',
      'END:VEVENT',
    );
    assert.deepEqual(readCalendar(text), {
      method: 'REQUEST',
      uid: 'abc@prospect.example',
      sequence: 2,
      summary: 'Tour, with tea\nand more',
      location: 'Hall 3; door B',
      status: 'CONFIRMED',
      start: { at: '2026-11-20T15:00:00', timezone: 'Europe/Zurich' },
      end: { at: '2026-11-20T16:00:00', timezone: 'W. Europe Standard Time' },
      duration: null,
      recurrence: 'FREQ=WEEKLY;COUNT=3',
      organizer: { name: 'Muster, Anna', address: 'anna@prospect.example' },
      attendees: [
        { name: 'Sales', address: 'sales@company.example', status: 'NEEDS-ACTION', optional: false },
        { name: 'Bob', address: 'bob@prospect.example', status: 'ACCEPTED', optional: true },
      ],
    });
  });

  it('has times in UTC, of wherever one is, and whole days', () => {
    const start = (line: string) => readCalendar(event(line))?.start;
    assert.deepEqual(start('DTSTART:20261120T150000Z'), { at: '2026-11-20T15:00:00Z', timezone: 'UTC' });
    assert.deepEqual(start('DTSTART:20261120T150000'), { at: '2026-11-20T15:00:00', timezone: null });
    assert.deepEqual(start('DTSTART;VALUE=DATE:20261120'), { at: '2026-11-20', timezone: null });
    assert.equal(start('DTSTART:tomorrow'), null);
    assert.equal(readCalendar(event('DURATION:PT1H'))?.duration, 'PT1H');
  });

  it('of several events is the first, with the method wherever it stands', () => {
    const text = ics(
      'BEGIN:VEVENT',
      'UID:1',
      'END:VEVENT',
      'BEGIN:VEVENT',
      'UID:2',
      'END:VEVENT',
      'METHOD:REPLY',
    );
    assert.equal(readCalendar(text)?.uid, '1');
  });

  it('shows no characters that hide or turn', () => {
    assert.equal(readCalendar(event('SUMMARY:a\u202eb\u200b\u200b\u200bc\u{e0041}'))?.summary, 'abc');
  });

  it('is null where there is no event', () => {
    for (const text of [
      '',
      'hello',
      'BEGIN:VCALENDAR\nEND:VCALENDAR',
      ics('BEGIN:VTODO', 'UID:1', 'END:VTODO'),
    ]) {
      assert.equal(readCalendar(text), null);
    }
  });

  it('that is hostile is read soon, or not', () => {
    const pieces = [
      'BEGIN:VEVENT\n',
      'ATTENDEE;CN="',
      'ATTENDEE;a=b;',
      '\n ',
      'ATTENDEE:x\n',
      'SUMMARY:\\n',
      'END:\n',
    ];
    for (const piece of pieces) {
      const started = performance.now();
      const found = readCalendar(
        `BEGIN:VCALENDAR\nBEGIN:VEVENT\n${piece.repeat((1024 * 1024) / piece.length)}`,
      );
      assert.ok(performance.now() - started < 2000, JSON.stringify(piece));
      assert.ok((found?.attendees.length ?? 0) <= 500);
    }
  });
});
