// How the mailboxes are watched: what each is at, and a look at once.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Account } from '../../accounts/accounts.ts';
import { type WatchStatus, watchStatus } from '../../contracts/account.ts';
import { defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { accountName } from './account-name.ts';

const LOOK_EVERY_MS = 50;
const LONGEST_WAIT_MS = 60_000;

const accountWatch = z.object({
  account_id: z.string(),
  label: z.string(),
  /** The worst of the account's mailboxes, then each of them. */
  status: watchStatus,
  mailboxes: z.record(z.string(), watchStatus),
});
export type AccountWatch = z.infer<typeof accountWatch>;

export const watchOperations: readonly Operation[] = [
  defineOperation({
    name: 'watch.status',
    summary:
      'Show whether mailboxes are watched, since when, when the server was last heard, and what waits.',
    input: z.strictObject({ account: accountName.optional() }),
    output: z.object({ data: z.array(accountWatch) }),
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/watch' },
    cli: { words: ['watch', 'status'], args: ['account'] },
    async handler({ rooms }, { account }) {
      const accounts =
        account === undefined ? await rooms.accounts.list() : [await rooms.accounts.find(account)];
      return { data: accounts.map((one) => watchOf(rooms, one)) };
    },
  }),
  defineOperation({
    name: 'watch.sweep',
    summary:
      'Look for new mail in the mailboxes of an account now, connect where that was waited for, and tell how it went.',
    input: z.strictObject({
      account: accountName,
      /** For how long to wait for the outcome, in milliseconds; 0: not at all. */
      wait_ms: z.number().int().min(0).max(LONGEST_WAIT_MS).default(10_000),
    }),
    output: accountWatch,
    permission: 'accounts:connect',
    effects: 'write',
    http: { method: 'POST', path: '/v1/watch/{account}/sweep' },
    cli: { words: ['watch', 'sweep'], args: ['account'] },
    async handler({ rooms, signal }, { account: name, wait_ms: wait }) {
      const account = await rooms.accounts.find(name);
      const askedAt = rooms.clock.now();
      const endsAt = performance.now() + wait;
      rooms.watchers.sweep(account.id);
      for (;;) {
        const watch = watchOf(rooms, account);
        const settled = Object.values(watch.mailboxes).every((status) => isSettled(status, askedAt));
        if (settled || performance.now() >= endsAt) return watch;
        await delay(LOOK_EVERY_MS, undefined, { signal });
      }
    },
  }),
];

/** Whether a look that was asked for then has ended, one way or the other. */
function isSettled({ state, since, last_alive_at: alive, waiting }: WatchStatus, askedAt: number): boolean {
  switch (state) {
    case 'connecting':
      return false;
    case 'idle':
    case 'polling':
      return (alive ?? 0) >= askedAt && waiting === 0;
    case 'backing-off':
    case 'needs-sign-in':
      return since >= askedAt;
    case 'stopped':
      return true;
  }
}

function watchOf(rooms: Rooms, { id, settings }: Account): AccountWatch {
  const { total, mailboxes } = rooms.watchers.status(id);
  return { account_id: id, label: settings.label, status: total, mailboxes };
}
