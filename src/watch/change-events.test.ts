// How many live events many changes make.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryBus } from '../cluster/memory.ts';
import { systemClock } from '../kernel/clock.ts';
import { ChangeEvents } from './change-events.ts';
import type { PlaceChange } from './place-changes.ts';

it('the first hundred changes of a look are told one by one, and of the others how many there are', () => {
  const bus = memoryBus(systemClock);
  const told: Record<string, unknown>[] = [];
  bus.subscribe(({ type, data }) => type === 'message.changed' && told.push(data));
  const events = new ChangeEvents(bus, { accountId: 'acc_1', mailbox: 'INBOX', uidValidity: '1' });
  const change = (uid: number): PlaceChange => ({ messageId: `msg_${uid}`, uid, flags: ['\\Seen'] });

  events.publish(Array.from({ length: 60 }, (_, at) => change(at + 1)));
  events.publish(Array.from({ length: 240 }, (_, at) => change(at + 61)));
  events.end();
  assert.equal(told.length, 100 + 1);
  assert.deepEqual(told[0], {
    account_id: 'acc_1',
    mailbox: 'INBOX',
    message_id: 'msg_1',
    uid: 1,
    gone: false,
    flags: '\\Seen',
  });
  assert.deepEqual(told.at(-1), { account_id: 'acc_1', mailbox: 'INBOX', more: 200 });

  events.publish([{ messageId: 'msg_1', uid: 1, flags: null }]);
  events.end();
  assert.equal(told.length, 102, 'each look counts for itself');
  assert.equal(told.at(-1)?.gone, true);
});
