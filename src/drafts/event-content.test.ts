import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventInput } from '../contracts/outgoing-event.ts';
import { eventOf } from './event-content.ts';

const mail = {
  from: { name: 'Sales', address: 'sales@example.org' },
  to: [{ name: 'Anna', address: 'anna@example.com' }],
  cc: [{ name: '', address: 'bob@example.com' }],
  subject: 'Your quote',
  message_id: '<abc@example.org>',
};
const eventFrom = (input: object) =>
  eventOf(eventInput.parse(input), mail, Date.UTC(2026, 10, 20, 8, 0, 1, 500));

test('an invitation takes from its mail what is not said', () => {
  assert.deepEqual(eventFrom({ start: '2026-11-24T10:00:00+01:00', end: '2026-11-24T09:30:00Z' }), {
    method: 'REQUEST',
    uid: 'abc@example.org',
    sequence: 0,
    stamp: '2026-11-20T08:00:01Z',
    start: '2026-11-24T09:00:00Z',
    end: '2026-11-24T09:30:00Z',
    timezone: null,
    summary: 'Your quote',
    location: '',
    description: '',
    organizer: mail.from,
    attendees: [
      { name: 'Anna', address: 'anna@example.com', status: 'NEEDS-ACTION', optional: false },
      { name: '', address: 'bob@example.com', status: 'NEEDS-ACTION', optional: false },
    ],
  });
});

test('times of a zone are settled on both sides of a change of its clock', () => {
  const CASES: [string, string, string][] = [
    ['Europe/Zurich', '2026-11-24T10:00', '2026-11-24T09:00:00Z'],
    ['Europe/Zurich', '2026-07-24T10:00', '2026-07-24T08:00:00Z'],
    ['Europe/Zurich', '2026-03-29T01:59:00', '2026-03-29T00:59:00Z'],
    ['Europe/Zurich', '2026-03-29T03:00:00', '2026-03-29T01:00:00Z'],
    ['America/New_York', '2026-11-01T12:00', '2026-11-01T17:00:00Z'],
    ['Asia/Kathmandu', '2026-11-24T00:00', '2026-11-23T18:15:00Z'],
    ['Pacific/Kiritimati', '2026-11-24T08:00', '2026-11-23T18:00:00Z'],
  ];
  for (const [timezone, start, at] of CASES)
    assert.equal(eventFrom({ start, end: '2027-01-01T00:00Z', timezone }).start, at, `${start} ${timezone}`);
});

test('days stay days', () => {
  const { start, end } = eventFrom({ start: '2026-12-24', end: '2026-12-27', timezone: 'Asia/Tokyo' });
  assert.deepEqual([start, end], ['2026-12-24', '2026-12-27']);
});

test('an answer goes to who invited, with what is answered', () => {
  const reply = { method: 'REPLY', uid: 'u1', start: '2026-12-24', end: '2026-12-25' };
  const event = eventFrom({
    ...reply,
    attendees: [{ address: 'Me <sales@example.org>', status: 'ACCEPTED' }],
  });
  assert.deepEqual(event.organizer, { name: 'Anna', address: 'anna@example.com' });
  assert.deepEqual(event.attendees, [
    { name: 'Me', address: 'sales@example.org', status: 'ACCEPTED', optional: false },
  ]);
});

test('what is no event is refused', () => {
  const times = { start: '2026-11-24T10:00Z', end: '2026-11-24T11:00Z' };
  for (const input of [
    { ...times, end: times.start },
    { ...times, end: '2026-11-25' },
    { ...times, start: '2026-11-24T10:00' },
    { ...times, start: '2026-11-24T10:00', timezone: 'Europe/Nowhere' },
    { ...times, method: 'CANCEL' },
    { ...times, method: 'REPLY', uid: 'u1' },
  ])
    assert.throws(() => eventFrom(input), { code: 'event_invalid' }, JSON.stringify(input));
  assert.throws(() => eventFrom({ ...times, organizer: 'a@b@c' }), { code: 'recipient_invalid' });
});
