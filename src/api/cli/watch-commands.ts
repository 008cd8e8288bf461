// `postern watch status` and `watch sweep`: a line for each mailbox, worst news last in the line, where there is room.
import { setTimeout as delay } from 'node:timers/promises';
import type { AccountView, WatchStatus } from '../../contracts/account.ts';
import type { AccountWatch } from '../operations/watch.ts';
import type { Operation } from '../registry.ts';
import { call, type Special } from './command.ts';
import { type CliIo, EXIT, print } from './io.ts';
import { cellText, showGrid } from './show.ts';
import { safeLine } from './terminal-text.ts';

const HEADING = [
  ...['ACCOUNT', 'MAILBOX', 'STATE', 'FOR', 'HEARD', 'CHECKED', 'LAST MAIL', 'WAITING', 'LAG', 'RECONNECTS'],
  'ERROR',
];

export const watchStatus: Special = {
  show: (io, { data }: { data: AccountWatch[] }) => showWatch(io, data),
};

export const watchSweep: Special = {
  show: (io, watch: AccountWatch) => showWatch(io, [watch]),
  exitCode: ({ mailboxes }: AccountWatch) =>
    Object.values(mailboxes).some(({ state }) => state === 'idle' || state === 'polling')
      ? EXIT.ok
      : EXIT.refused,
};

const FIRST_LOOK_MS = 10_000; // then a slow server is left to itself: the account is saved in any case
const ASK_EVERY_MS = 200;

/** After an account was added: waits for its first look at the server, and says whether it worked. */
export const firstLook = (status: Operation): NonNullable<Special['after']> => {
  return async (io, { id, active, watch }: AccountView) => {
    if (!active || watch.mode === 'off') return;
    const endsAt = performance.now() + FIRST_LOOK_MS;
    for (;;) {
      const { data } = (await call(io, status, { account: id })) as { data: AccountWatch[] };
      const mailboxes = Object.entries(data[0]?.mailboxes ?? {});
      const connecting = mailboxes.some(([, { state }]) => state === 'connecting');
      // The watchers of a new account are there a moment after it is.
      if ((mailboxes.length > 0 && !connecting) || performance.now() >= endsAt) {
        for (const [mailbox, one] of mailboxes) print(io, `${cellText(io, mailbox)}: ${outcomeOf(one)}`);
        return;
      }
      await delay(ASK_EVERY_MS);
    }
  };
};

function outcomeOf({ state, last_error: error }: WatchStatus): string {
  if (state === 'idle' || state === 'polling') return 'it is watched.';
  if (state === 'connecting') return 'the server has not answered yet; `postern watch status` tells more.';
  return `it is not watched yet (${state}): ${error === null ? 'no reason is known' : safeLine(error)}`;
}

function showWatch(io: CliIo, accounts: readonly AccountWatch[]): void {
  const now = Date.now();
  const rows = accounts.flatMap(({ label, status, mailboxes }) => {
    const each = Object.entries(mailboxes);
    // An account that is not watched has no mailbox to show.
    return (each.length > 0 ? each : [['-', status] as const]).map(([mailbox, one]) =>
      rowOf(io, label, mailbox, one, now),
    );
  });
  if (rows.length === 0) print(io, 'None.');
  else showGrid(io, [HEADING, ...rows]);
}

function rowOf(io: CliIo, account: string, mailbox: string, status: WatchStatus, now: number): string[] {
  const ago = (at: number | null): string => (at === null ? '-' : `${span(now - at)} ago`);
  const next = status.next_try_at === null ? '' : ` (next try in ${span(status.next_try_at - now)})`;
  return [
    cellText(io, account),
    cellText(io, mailbox),
    stateOf(status),
    status.since === 0 ? '-' : span(now - status.since),
    ago(status.last_alive_at),
    ago(status.checked_at),
    ago(status.last_message_at),
    String(status.waiting),
    status.lag_ms === 0 ? '-' : span(status.lag_ms),
    String(status.reconnects),
    status.last_error === null ? '-' : cellText(io, status.last_error + next),
  ];
}

function stateOf({ state, mode, alarm }: WatchStatus): string {
  const shown = mode === 'status' && state === 'polling' ? 'polling (status)' : state;
  return alarm === null ? shown : `${shown}, LATE (${alarm})`;
}

/** `42s`, `3m`, `5h`, `2d`: as exact as a glance needs. */
export function span(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1_000), 0);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)}h` : `${Math.round(seconds / 86_400)}d`;
}
