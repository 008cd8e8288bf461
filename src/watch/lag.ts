// Whether mail waits on a server for longer than it should, told by looks at the mailbox over another connection. Pure.

/** What STATUS said of a mailbox. */
export interface Look {
  uidValidity: string;
  uidNext: number;
}

/** How far the mailbox was read, by the ledger, and how many new messages its watcher has taken in. */
export interface Position {
  uidValidity: string;
  lastUid: number;
  received: number;
}

/** Mail that was seen above the checkpoint. */
export interface Lag {
  /** The server's UIDVALIDITY, and the highest UID that was seen. */
  uidValidity: string;
  upTo: number;
  /** When it was first seen, in epoch milliseconds. */
  since: number;
  /** When the watcher was last seen to get on, and how far it was then. */
  movedAt: number;
  position: Position;
}

/** What is known after STATUS was read. Null: nothing waits. The position must have been read after the look. */
export function afterLook(before: Lag | null, look: Look, position: Position, now: number): Lag | null {
  const upTo = look.uidNext - 1;
  const waits = position.uidValidity !== look.uidValidity || position.lastUid < upTo;
  if (!waits) return null;
  const still = before?.uidValidity === look.uidValidity ? afterPosition(before, position, now) : null;
  return still ?? { uidValidity: look.uidValidity, upTo, since: now, movedAt: now, position };
}

/** What is known after the checkpoint was read. Null: what was seen to wait was taken in. */
export function afterPosition(lag: Lag, position: Position, now: number): Lag | null {
  const sameNumbers = position.uidValidity === lag.uidValidity;
  if (sameNumbers && position.lastUid >= lag.upTo) return null;
  const moved =
    position.uidValidity !== lag.position.uidValidity ||
    position.lastUid !== lag.position.lastUid ||
    position.received > lag.position.received;
  return moved ? { ...lag, movedAt: now, position } : lag;
}

/** Nobody has got on with it for that long. A long catch-up that gets on is not late. */
export const isLate = (lag: Lag, now: number, thresholdMs: number): boolean =>
  now - lag.since >= thresholdMs && now - lag.movedAt >= thresholdMs;
